"""`papers harvest`: harvest arXiv's changed metadata."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

import click

from cli import show
from cli.arguments import Day
from cli.run.backfill import INTERRUPTED
from cli.still_running import signs_of_life

if TYPE_CHECKING:
    from paperlake.ingest.oai_harvest import Harvest
    from paperlake.pipelines.progress import HarvestListener


@click.command()
@click.option("--set", "set_spec", help="Only this set, such as cs, physics:hep-th or math:math:NA.")
@click.option("--from", "since", type=Day(), help="First date of changes; default: the first that is missing.")
@click.option("--until", type=Day(), help="Last date of changes; default: today.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def harvest(
    context: click.Context, set_spec: str | None, since: date | None, until: date | None, *, as_json: bool
) -> None:
    """Harvest arXiv's metadata (OAI-PMH): everything that no earlier harvest or import covers, the oldest first.

    arXiv pages by offset, which skips records that change during the harvest. So the command lists identifiers
    afterwards until two lists agree and no record is missing. Requests are 3 seconds apart, across all processes on
    this machine. You can stop the command at any time: stored answers remain, and the same command resumes from there
    on the same day.

    \b
      papers import-arxiv arxiv-metadata-oai-snapshot.json.zip    # everything, once
      papers harvest                                              # then the changes, every day
      papers harvest --set cs --from 2025-11-01
    """
    from cli.run.pipelines import pipelines

    if since and until and since > until:
        raise click.UsageError("--from is after --until")
    try:
        with _counter() as listener:
            report = pipelines().run_harvest(set_spec, since, until, listener=listener)
    except KeyboardInterrupt:
        click.echo("\nStopped. Stored answers remain; the same command resumes from here.", err=True)
        context.exit(INTERRUPTED)
    if as_json:
        click.echo(show.as_json(report.json_values()))
    else:
        click.echo(show.safe_line(report.summary))
    for problem in report.problems:
        click.secho(f"Error: {show.safe_line(problem)}", err=True, fg="red")
    context.exit(1 if report.problems else 0)


def progress_text(state: Harvest) -> str:
    """The progress of a harvest in words."""
    from paperlake.text import plural

    records = sum(headers.height for headers in state.headers)
    return f"{plural(state.pages, 'answer')}, {plural(records, 'record')}, {state.missing:,} missing"


@contextmanager
def _counter() -> Iterator[HarvestListener]:
    """A line on stderr that counts answers and records. It has no total, because arXiv no longer gives one."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    screen = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.fields[counts]}"), TimeElapsedColumn())
    counts = "waiting for arXiv"
    with (
        signs_of_life(lambda: f"harvest: {counts}"),
        Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as line,
    ):
        show.log_to_stderr(logging.WARNING if screen.is_terminal else logging.INFO)
        task = line.add_task("", total=None, counts=counts)

        def update(state: Harvest) -> None:
            nonlocal counts
            counts = progress_text(state)
            line.update(task, counts=counts)

        yield update
