"""Terminal output: tables, JSON, progress bars and log lines."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from cli.still_running import signs_of_life

if TYPE_CHECKING:
    from rich.progress import Progress

    from paperlake.build.results import PartitionResult, Published

# Text from the internet must not control the terminal or reverse the writing direction.
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def table(rows: Sequence[Mapping[str, object]], right: Sequence[str] = ()) -> None:
    """Print rows as a plain table. The columns in `right` are right-aligned."""
    if not rows:
        return
    cells = [[safe_line(value) for value in row.values()] for row in rows]
    heads = list(rows[0])
    widths = [max(len(line[i]) for line in [heads, *cells]) for i in range(len(heads))]
    for line in [heads, *cells]:
        padded = [
            text.rjust(width) if head in right else text.ljust(width)
            for text, width, head in zip(line, widths, heads, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def safe_line(value: object) -> str:
    """A value on one line, with control characters replaced."""
    text = format_utc(value) if isinstance(value, datetime) else "" if value is None else str(value)
    return _CONTROL_CHARACTERS.sub("\ufffd", text.replace("\n", " "))


def format_utc(at: datetime) -> str:
    """A timestamp in UTC, to the second."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def as_json(value: object) -> str:
    """Encode as JSON: dates and timestamps in ISO 8601 (UTC with Z), bytes as UTF-8 text."""
    return json.dumps(value, default=_json_default, ensure_ascii=False, indent=1)


def _json_default(value: Any) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return str(value)


def log_to_stderr(level: int = logging.INFO, *, quiet: bool = False) -> None:
    """Write the log lines of `paperlake` from `level` up to stderr; with `quiet`, none."""
    handler = logging.NullHandler() if quiet else logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log = logging.getLogger("paperlake")
    log.handlers, log.propagate = [handler], False


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar with the time left, or without a terminal a line every minute.

    Yields a function that advances it by one.
    """
    completed = 0
    with _bar() as bar, signs_of_life(lambda: f"{label}: {completed:,} of {total:,}"):
        task = bar.add_task(label, total=total)

        def tick() -> None:
            nonlocal completed
            completed += 1
            bar.advance(task)

        yield tick


@contextmanager
def progress_to(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar whose total is known later. Yields a function that sets the completed count and the total."""
    state = "not begun"
    with _bar() as bar, signs_of_life(lambda: f"{label}: {state}"):
        task = bar.add_task(label, total=None)

        def update(completed_count: int, total: int) -> None:
            nonlocal state
            state = f"{completed_count:,} of {total:,}"
            bar.update(task, completed=completed_count, total=total)

        yield update


def progress_by_month(label: str, months: Collection[str], results: Iterable[PartitionResult]) -> Published:
    """Publish everything that `results` yields, with a bar that counts `months`."""
    from paperlake.build.results import Published

    waiting, partitions = set(months), []
    with progress(label, len(waiting)) as tick:
        for result in results:
            partitions.append(result)
            if result.month in waiting:
                waiting.remove(result.month)
                tick()
    return Published(tuple(partitions))


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    return Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
