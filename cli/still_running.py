"""Signs of life of a run whose output is no terminal: a line every minute, where a terminal would show a bar."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import click

EVERY_S = 60.0
LOOK_S = 1.0
"""How often the clock is read."""


@dataclass(slots=True)
class SignsOfLife:
    """Says `state()` through `say` whenever a minute has passed since the beginning, or since it was last said."""

    state: Callable[[], str]
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _said_at: float = field(init=False)

    def __post_init__(self) -> None:
        """The first minute begins now."""
        self._said_at = self.clock()

    def look(self) -> None:
        """Say the state if it is due."""
        now = self.clock()
        if now - self._said_at >= EVERY_S:
            self._said_at = now
            self.say(self.state())


@contextmanager
def signs_of_life(state: Callable[[], str]) -> Iterator[None]:
    """Say on stderr what `state` returns every minute during this block, unless stderr is a terminal.

    A thread does that, because a run may wait, or build a month, for longer than a minute.
    """
    if sys.stderr.isatty():
        yield
        return
    signs = SignsOfLife(state, lambda text: click.echo(text, err=True))
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(LOOK_S):
            signs.look()

    watcher = threading.Thread(target=watch, name="signs-of-life", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
