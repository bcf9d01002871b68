"""How results are shown to people: tables on the screen, progress on the side."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.progress import Progress

# Text from the internet must not speak to the terminal, or turn its direction.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def table(rows: Sequence[Mapping[str, object]], right: Sequence[str] = ()) -> None:
    """Print rows as a plain table; the columns in `right` are flush right."""
    if not rows:
        return
    cells = [[shown(value) for value in row.values()] for row in rows]
    heads = list(rows[0])
    widths = [max(len(line[i]) for line in [heads, *cells]) for i in range(len(heads))]
    for line in [heads, *cells]:
        padded = [
            text.rjust(width) if head in right else text.ljust(width)
            for text, width, head in zip(line, widths, heads, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def shown(value: object) -> str:
    """A value as one harmless line."""
    text = instant(value) if isinstance(value, datetime) else "" if value is None else str(value)
    return _UNSHOWABLE.sub("\ufffd", text.replace("\n", " "))


def instant(at: datetime) -> str:
    """An instant for people, in UTC, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def as_json(value: object) -> str:
    """JSON for machines: dates and instants in ISO 8601, instants with Z, bytes as text where they are UTF-8."""
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=1)


def _plain(value: Any) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def narrate(least: int = logging.INFO, *, quiet: bool = False) -> None:
    """Let the rooms tell on stderr what they are doing, from the level `least` on; `quiet`, nothing."""
    told = logging.NullHandler() if quiet else logging.StreamHandler(sys.stderr)
    told.setLevel(least)
    told.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("paperlake")
    log.handlers, log.propagate = [told], False


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr with what is done and the time left, where a person is watching; gives its tick."""
    with _bar() as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def progress_to(what: str) -> Iterator[Callable[[int, int], None]]:
    """As `progress`, where the total is known late: gives what is told how much is done, and of how much."""
    with _bar() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    return Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
