"""`papers import-arxiv`: import arXiv's metadata snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from cli import show
from cli.still_running import signs_of_life


@click.command("import-arxiv")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def import_arxiv(context: click.Context, file: Path, *, as_json: bool) -> None:
    """Import arXiv's public metadata snapshot (JSON lines; plain, gzip or zip) from FILE.

    Every line is stored verbatim and becomes a row of `arxiv_papers`. `papers harvest` then continues from the newest
    update in it. A later snapshot adds only changed lines. About 2.9 million lines need at most 4 GiB of memory, and
    about twice the compressed size of the file on disk.

    \b
      papers import-arxiv arxiv-metadata-oai-snapshot.json.zip
      papers harvest
    """
    from paperlake.config import read_settings
    from paperlake.operations.import_arxiv import import_snapshot

    with _bars(file.stat().st_size) as (read, fold):
        result = import_snapshot(read_settings().lake, file, read, fold)
    if as_json:
        click.echo(show.as_json({"summary": result.summary, **asdict(result)}))
    else:
        click.echo(f"{show.safe_line(file.name)}: {result.summary}")
    for problem in result.problems:
        click.secho(f"Error: {show.safe_line(problem)}", err=True, fg="red")
    context.exit(1 if result.problems else 0)


@contextmanager
def _bars(size: int) -> Iterator[tuple[Callable[[int], None], Callable[[int, int], None]]]:
    """Two progress bars on stderr: bytes of the file read, and months stored."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from paperlake.text import plural

    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    rest = (TimeRemainingColumn(),)
    done, stored = 0, ""
    with (
        signs_of_life(lambda: f"import-arxiv: {stored or f'{100 * done // max(size, 1)} % of the file read'}"),
        Progress(*columns, *rest, console=screen, transient=True, disable=not screen.is_terminal) as bar,
    ):
        reading = bar.add_task("reading", total=size)
        storing = bar.add_task("storing months", total=None)

        def read(count: int) -> None:
            nonlocal done
            done += count
            bar.update(reading, advance=count)

        def fold(completed: int, months: int) -> None:
            nonlocal stored
            stored = f"{completed:,} of {plural(months, 'month')} stored"
            bar.update(storing, completed=completed, total=months)

        yield read, fold
