"""`papers import-arxiv`: everything that arXiv has, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from cli import show


@click.command("import-arxiv")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def import_arxiv(context: click.Context, file: Path, *, as_json: bool) -> None:
    """Import arXiv's public bulk snapshot (JSON lines; plain, gzip or zip) from FILE.

    Every line is kept verbatim and becomes a row of `arxiv_papers`; `papers harvest` then goes on from the
    newest update in it. A later snapshot adds only the lines that have changed. About 2.9 million lines
    need 4 GiB of memory at most, and about twice the file's packed size on the disk.

    \b
      papers import-arxiv arxiv-metadata-oai-snapshot.json.zip
      papers harvest
    """
    from paperlake.config import settings
    from paperlake.operations.import_arxiv import import_snapshot

    with _bars(file.stat().st_size) as (read, fold):
        outcome = import_snapshot(settings().lake, file, read, fold)
    if as_json:
        click.echo(show.as_json({"summary": outcome.summary, **asdict(outcome)}))
    else:
        click.echo(f"{show.shown(file.name)}: {outcome.summary}")
    for problem in outcome.problems:
        click.secho(f"Error: {show.shown(problem)}", err=True, fg="red")
    if not outcome.lines:
        click.secho("Error: the file holds no lines", err=True, fg="red")
    context.exit(1 if outcome.problems or not outcome.lines else 0)


@contextmanager
def _bars(size: int) -> Iterator[tuple[Callable[[int], None], Callable[[int, int], None]]]:
    """Two bars on stderr: bytes of the file read, and months kept."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    rest = (TimeRemainingColumn(),)
    with Progress(*columns, *rest, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        reading = bar.add_task("reading", total=size)
        keeping = bar.add_task("keeping months", total=None)

        def fold(done: int, months: int) -> None:
            bar.update(keeping, completed=done, total=months)

        yield (lambda count: bar.update(reading, advance=count)), fold
