"""`papers backfill`: capture a range of dates."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

import click

from cli import show
from cli.arguments import Day
from cli.still_running import signs_of_life

if TYPE_CHECKING:
    from paperlake.pipelines.progress import DatesListener

INTERRUPTED = 130


@click.command()
@click.argument("start", type=Day())
@click.argument("end", type=Day(), required=False)
@click.option("--refresh", is_flag=True, help="Also request dates that are complete, settled or empty.")
@click.option("--allow-empty", is_flag=True, help="Continue after five weekdays in a row without papers.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def backfill(
    context: click.Context, start: date, end: date | None, *, refresh: bool, allow_empty: bool, as_json: bool
) -> None:
    """Capture, validate and publish every missing date from START to END.

    The default END is the newest closed date. Weekends are requested, too: only the answer shows that a date is
    empty. You can stop the command at any time: stored answers remain, and the next run resumes from there.

    \b
      papers backfill 2023-05-04                  # everything since the archive begins
      papers backfill 2025-10-01 2025-10-31 --refresh
    """
    from cli.run.pipelines import pipelines
    from paperlake.clock import start_clock
    from schemas.calendar import newest_closed_date

    last = end or newest_closed_date(start_clock(None).started_at)
    try:
        with _progress_bar((last - start).days + 1) as listener:
            report = pipelines().run_backfill(start, last, refresh=refresh, allow_empty=allow_empty, listener=listener)
    except KeyboardInterrupt:
        click.echo("\nStopped. Stored answers remain; the same command resumes from here.", err=True)
        context.exit(INTERRUPTED)
    if as_json:
        click.echo(show.as_json({**report.json_values(), "months": report.months()}))
    else:
        rows = report.months()
        names = [name for name in rows[0] if name == "month" or any(row[name] for row in rows)]
        show.table([{name.replace("_", " "): row[name] for name in names} for row in rows], right=_count_columns(names))
        click.echo(report.summary)
    for problem in report.problems:
        click.secho(f"Error: {show.safe_line(problem)}", err=True, fg="red")
    context.exit(1 if report.problems else 0)


def _count_columns(names: list[str]) -> list[str]:
    return [name.replace("_", " ") for name in names if name != "month"]


@contextmanager
def _progress_bar(total: int) -> Iterator[DatesListener]:
    """A progress bar on stderr with completed dates, papers, pace and the time left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from paperlake.ingest.hub import CaptureResult
    from paperlake.text import plural

    screen = Console(stderr=True)
    columns = (
        TextColumn("dates"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[papers]}"),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    done = papers = 0
    with (
        signs_of_life(lambda: f"backfill: {done:,} of {plural(total, 'date')}, {plural(papers, 'paper')}"),
        Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar,
    ):
        # Above the bar only warnings; without a bar a line for every date.
        show.log_to_stderr(logging.WARNING if screen.is_terminal else logging.INFO)
        task = bar.add_task("", total=total, papers=plural(0, "paper"), pace="")

        def update(count: int, captured: CaptureResult | None) -> None:
            nonlocal done, papers
            done += count
            papers += captured.entries if captured else 0
            speed = bar.tasks[0].speed if captured else None
            bar.update(
                task, advance=count, papers=plural(papers, "paper"), pace=f"{speed:.1f} dates/s" if speed else ""
            )

        yield update
