"""`papers backup`: copy the evidence."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from cli import show


@click.command()
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def backup(context: click.Context, target: Path, *, as_json: bool) -> None:
    """Copy the data that no rebuild can recreate into TARGET: every stored answer, and all decisions.

    The command copies only changed files, and checks every file against its SHA-256. A backup is a lake without its
    derived tables. To restore it, copy it to the place of the lake and rebuild:

    \b
      papers backup /mnt/elsewhere/paperlake
      cp -r /mnt/elsewhere/paperlake ./lake && papers rebuild
    """
    from paperlake.config import read_settings
    from paperlake.store.backup import back_up
    from paperlake.store.lake import Lake
    from paperlake.store.snapshot import require_lake, snapshot
    from paperlake.text import plural
    from schemas.catalogue import TABLES

    lake = read_settings().lake
    require_lake(lake)
    evidence = [table for table in TABLES.values() if table.is_evidence]
    published = snapshot(lake).manifest
    with show.progress("copying", sum(len(published.months(table.name)) for table in evidence)) as tick:
        report = back_up(lake, Lake(target.expanduser().absolute()), evidence, tick)
    if as_json:
        click.echo(show.as_json(asdict(report)))
    else:
        copied = f"{len(report.copied)} copied" if report.copied else "unchanged"
        waiting = f", and {plural(report.waiting, 'answer')} not yet published" if report.waiting else ""
        click.echo(
            f"{plural(report.files, 'file')}, {round(report.bytes / 1000)} kB{waiting}: {copied}; all checksums match"
        )
    for name in report.damaged:
        problem = f"{name} is missing from the lake or damaged; the backup keeps its older copy, if any"
        click.secho(f"Error: {problem}", err=True, fg="red")
    context.exit(1 if report.damaged else 0)
