"""`papers index`: update the search index."""

from __future__ import annotations

import click

from cli import show


@click.command()
@click.option("--force", is_flag=True, help="Make it again from the beginning.")
def index(*, force: bool) -> None:
    """Update the index that `papers search` uses, and check its files.

    It is made of the table papers alone. `papers daily` and `papers search` update it too, so this command is needed
    only after damage, or to see how long the first build takes: about a second for 3,000 papers.
    """
    from paperlake.config import read_settings
    from paperlake.retrieval.word_index import damaged_files, folder, update_index
    from paperlake.store.snapshot import require_lake

    lake = read_settings().lake
    require_lake(lake)
    damaged = damaged_files(lake)
    for path in damaged:
        click.echo(f"{path} is damaged: the index is made again.", err=True)
    with show.progress_to("index") as update:
        report = update_index(lake, update, force=force or bool(damaged))
    click.echo(f"{report}: {folder(lake)}")
