"""`papers backfill`: years of dates."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

import click

from cli import show
from cli.arguments import Day

if TYPE_CHECKING:
    from paperlake.pipelines.progress import DatesListener

INTERRUPTED = 130


@click.command()
@click.argument("start", type=Day())
@click.argument("end", type=Day(), required=False)
@click.option("--refresh", is_flag=True, help="Ask again also for dates that are complete, settled or empty.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def backfill(context: click.Context, start: date, end: date | None, *, refresh: bool, as_json: bool) -> None:
    """Capture, judge and publish every date from START to END that is still wanting.

    END is the newest closed date if it is left out. Weekends are asked for, too: that they are empty is
    known only by the answer. Stop it whenever you like: what was answered is kept, and the next run
    goes on where this one stopped.

    \b
      papers backfill 2023-05-04                  # everything since the archive began
      papers backfill 2025-10-01 2025-10-31 --refresh
    """
    from cli.pipelines import pipelines
    from paperlake.clock import started
    from schemas.calendar import newest_closed_date

    last = end or newest_closed_date(started(None).started_at)
    try:
        with _bar((last - start).days + 1) as listener:
            outcome = pipelines().run_backfill(start, last, refresh=refresh, listener=listener)
    except KeyboardInterrupt:
        click.echo("\nStopped. What was answered is kept; the same command goes on from here.", err=True)
        context.exit(INTERRUPTED)
    if as_json:
        click.echo(show.as_json({"summary": outcome.summary, **asdict(outcome), "months": outcome.months()}))
    else:
        rows = outcome.months()
        shown = [name for name in rows[0] if name == "month" or any(row[name] for row in rows)]
        show.table([{name.replace("_", " "): row[name] for name in shown} for row in rows], right=_figures(shown))
        click.echo(outcome.summary)
    for problem in outcome.problems:
        click.secho(f"Error: {show.shown(problem)}", err=True, fg="red")
    context.exit(1 if outcome.problems else 0)


def _figures(names: list[str]) -> list[str]:
    return [name.replace("_", " ") for name in names if name != "month"]


@contextmanager
def _bar(total: int) -> Iterator[DatesListener]:
    """A bar on stderr with dates done, papers, pace and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from paperlake.ingest.hub import Captured

    screen = Console(stderr=True)
    columns = (
        TextColumn("dates"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[papers]} papers"),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        # Above the bar, what a person must know; without one, every date.
        show.narrate(logging.WARNING if screen.is_terminal else logging.INFO)
        task = bar.add_task("", total=total, papers=0, pace="")
        papers = 0

        def heard(count: int, captured: Captured | None) -> None:
            nonlocal papers
            papers += captured.entries if captured else 0
            speed = bar.tasks[0].speed if captured else None
            bar.update(task, advance=count, papers=papers, pace=f"{speed:.1f} dates/s" if speed else "")

        yield heard
