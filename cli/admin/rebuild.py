"""`papers rebuild`: every derived table from kept answers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cli import show
from cli.arguments import Instant, Month


@click.command()
@click.option("--month", "only", type=Month(), multiple=True, help="Only this month (2025-11); may be given again.")
@click.option("--table", "tables", multiple=True, help="Only this derived table; may be given again.")
@click.option("--force", is_flag=True, help="Build it even if it is unchanged, and say whether any byte differed.")
@click.option("--as-of", type=Instant(), help="Only from what was captured and decided until then. Needs --into.")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="The folder of the lake as it was.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def rebuild(
    context: click.Context,
    only: tuple[str, ...],
    tables: tuple[str, ...],
    as_of: datetime | None,
    into: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Build every derived table again from the kept answers. Needs no network.

    What it builds equals what daily runs published, byte for byte; a month whose inputs and code are
    unchanged is skipped. With --as-of the lake is built as it was known at an instant, into a folder of its
    own:

    \b
      papers rebuild --as-of 2025-01-09T04:30:00Z --into ./known-then
    """
    from paperlake.build.publish import waiting_months
    from paperlake.build.rebuild import months_kept, rebuild_as_of
    from paperlake.build.rebuild import rebuild as build_again
    from paperlake.config import settings
    from paperlake.store.lake import Lake
    from paperlake.store.snapshot import must_be_there
    from paperlake.text import many
    from transforms.graph import DERIVED

    if (as_of is None) != (into is None):
        raise click.UsageError("--as-of and --into go together: the lake as it was known is a lake of its own")
    if as_of is not None and (tables or force):
        raise click.UsageError("--as-of builds every table into a new folder: it takes neither --table nor --force")
    derived = {table.name: table for table in DERIVED}
    if unknown := [name for name in tables if name not in derived]:
        raise click.UsageError(f"{unknown[0]!r} is no derived table; there are {', '.join(derived)}")
    lake = settings().lake
    must_be_there(lake)
    kept = months_kept(lake)
    if unkept := sorted(set(only) - set(kept)):
        raise click.UsageError(
            f"nothing is kept of {unkept[0]}; the lake has {kept[0]} to {kept[-1]}" if kept else "nothing is kept yet"
        )
    months = sorted(set(only)) or kept
    if as_of is not None and into is not None:
        list(build_again(lake, waiting_months(lake), force=False))
        work = rebuild_as_of(lake, months, as_of, Lake(into.expanduser().absolute()))
    else:
        work = build_again(lake, months, force=force, only=[derived[name] for name in tables] or DERIVED)
    done = []
    with show.progress("building months", len(months)) as tick:
        for month in work:
            done.append(month)
            tick()
    changed = [name for month in done for name in month.changed]
    faults = [str(month.fault) for month in done if month.fault is not None]
    if as_json:
        click.echo(show.as_json({"months": months, "changed_files": changed, "faults": faults}))
    else:
        told = f"{many(len(changed), 'file')} {'that differed ' if force else ''}published"
        unchanged = "built again; no byte differed" if force else "unchanged"
        failed = f"; {len(faults)} could not be built" if faults else ""
        click.echo(f"{many(len(done) - len(faults), 'month')}: {told if changed else unchanged}{failed}")
    for fault in faults:
        click.secho(f"Error: {fault}", err=True, fg="red")
    context.exit(1 if faults else 0)
