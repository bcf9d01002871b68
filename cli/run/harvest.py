"""`papers harvest`: what arXiv has changed."""

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
from cli.backfill import INTERRUPTED

if TYPE_CHECKING:
    from paperlake.ingest.oai_harvest import Harvest
    from paperlake.pipelines.progress import HarvestListener


@click.command()
@click.option("--set", "set_spec", help="Only this set, such as cs, physics:hep-th or math:math:NA.")
@click.option("--from", "since", type=Day(), help="First day of changes; else a day before the last harvest.")
@click.option("--until", type=Day(), help="Last day of changes; else up to now.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def harvest(
    context: click.Context, set_spec: str | None, since: date | None, until: date | None, *, as_json: bool
) -> None:
    """Harvest arXiv's own metadata (OAI-PMH) of what changed since the last harvest.

    arXiv pages by offset, which loses records that are modified meanwhile: so lists of identifiers are
    walked afterwards until two agree and nothing on them is missing. There are 3 seconds between two
    requests, whoever asks on this machine. Stop it whenever you like: what was answered is kept, and the
    same command goes on from there on the same day.

    \b
      papers import-arxiv arxiv-metadata-oai-snapshot.json.zip    # everything, once
      papers harvest                                              # then what changed, every day
      papers harvest --set cs --from 2025-11-01
    """
    from cli.pipelines import pipelines

    if since and until and since > until:
        raise click.UsageError("--from lies after --until")
    try:
        with _counter() as listener:
            outcome = pipelines().run_harvest(set_spec, since, until, listener=listener)
    except KeyboardInterrupt:
        click.echo("\nStopped. What was answered is kept; the same command goes on from here.", err=True)
        context.exit(INTERRUPTED)
    if as_json:
        click.echo(show.as_json({"summary": outcome.summary, **asdict(outcome)}))
    else:
        click.echo(show.shown(outcome.summary))
    for problem in outcome.problems:
        click.secho(f"Error: {show.shown(problem)}", err=True, fg="red")
    context.exit(1 if outcome.problems else 0)


@contextmanager
def _counter() -> Iterator[HarvestListener]:
    """A line on stderr that counts answers and records. How many there will be, arXiv no longer says."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    screen = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as line:
        show.narrate(logging.WARNING if screen.is_terminal else logging.INFO)
        task = line.add_task("", total=None, said="asking arXiv")

        def heard(work: Harvest) -> None:
            records = sum(told.height for told in work.told)
            line.update(task, said=f"{work.pages} answers, {records} records, {work.missing} missing")

        yield heard
