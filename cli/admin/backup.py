"""`papers backup`: a copy of the evidence."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from cli import show


@click.command()
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def backup(context: click.Context, target: Path, *, as_json: bool) -> None:
    """Copy into TARGET what no rebuild can make again: every answer kept, and what people decided.

    Only what changed is copied, and all that is there is read and compared with its SHA-256. A backup is
    a lake without its derived tables; to restore one, copy it to where the lake was, and build:

    \b
      papers backup /mnt/elsewhere/paperlake
      cp -r /mnt/elsewhere/paperlake ./lake && papers rebuild
    """
    from paperlake.config import settings
    from paperlake.store.backup import back_up
    from paperlake.store.lake import Lake
    from paperlake.store.snapshot import must_be_there, snapshot
    from paperlake.text import many
    from schemas.catalogue import TABLES

    lake = settings().lake
    must_be_there(lake)
    evidence = [table for table in TABLES.values() if table.is_evidence]
    published = snapshot(lake).manifest
    with show.progress("copying", sum(len(published.months(table.name)) for table in evidence)) as tick:
        done = back_up(lake, Lake(target.expanduser().absolute()), evidence, tick)
    if as_json:
        click.echo(show.as_json(asdict(done)))
    else:
        copied = f"{len(done.copied)} copied" if done.copied else "unchanged"
        waiting = f", and {many(done.waiting, 'answer')} not yet folded in" if done.waiting else ""
        click.echo(
            f"{many(done.files, 'file')}, {round(done.bytes / 1000)} kB{waiting}: {copied}; all read and as published"
        )
    for name in done.damaged:
        problem = f"{name} of the lake is missing or not what was published; the backup keeps the copy it had, if any"
        click.secho(f"Error: {problem}", err=True, fg="red")
    context.exit(1 if done.damaged else 0)
