"""`papers rebuild`: rebuild the derived tables from stored answers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cli import show
from cli.arguments import Month, Timestamp


@click.command()
@click.option("--month", "only", type=Month(), multiple=True, help="Only this month (2025-11); may be repeated.")
@click.option("--table", "tables", multiple=True, help="Only this derived table; may be repeated.")
@click.option("--force", is_flag=True, help="Also build unchanged months, and report whether any byte differs.")
@click.option("--as-of", type=Timestamp(), help="Only from captures and decisions until this time. Needs --into.")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="The folder for the lake of --as-of.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
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
    """Rebuild every derived table from the stored answers. Needs no network.

    The files equal those of daily runs byte for byte. Months with unchanged inputs and code are skipped. With
    --as-of the command builds the lake as it was known at that time, into another folder:

    \b
      papers rebuild --as-of 2025-01-09T04:30:00Z --into ./known-then
    """
    from paperlake.build.rebuild import known_months, rebuild_as_of
    from paperlake.build.rebuild import rebuild as rebuild_months
    from paperlake.config import read_settings
    from paperlake.store.lake import Lake
    from paperlake.store.snapshot import require_lake
    from paperlake.text import plural
    from transforms.graph import DERIVED

    if (as_of is None) != (into is None):
        raise click.UsageError("--as-of and --into go together: the lake of an earlier time needs its own folder")
    if as_of is not None and (tables or force):
        raise click.UsageError("--as-of builds every table into a new folder: omit --table and --force")
    derived = {table.name: table for table in DERIVED}
    if unknown := [name for name in tables if name not in derived]:
        raise click.UsageError(f"{unknown[0]!r} is not a derived table; choose one of {', '.join(derived)}")
    lake = read_settings().lake
    require_lake(lake)
    known = known_months(lake)
    if unknown_months := sorted(set(only) - set(known)):
        raise click.UsageError(
            f"the lake has no data of {unknown_months[0]}; it has {known[0]} to {known[-1]}"
            if known
            else "the lake is empty"
        )
    months = sorted(set(only)) or known
    if as_of is not None and into is not None:
        results = rebuild_as_of(lake, months, as_of, Lake(into.expanduser().absolute()))
    else:
        results = rebuild_months(lake, months, force=force, only=[derived[name] for name in tables] or DERIVED)
    published = show.progress_by_month("building months", months, results)
    changed, faults = published.changed, [str(fault) for fault in published.faults]
    if as_json:
        click.echo(show.as_json({"months": months, "changed_files": changed, "faults": faults}))
    else:
        changes = f"{plural(len(changed), 'file')} {'that differed ' if force else ''}published"
        unchanged = "rebuilt; no byte differed" if force else "unchanged"
        failed = f"; {len(faults)} could not be built" if faults else ""
        month_count = plural(len(months) - len({*months} & published.failed_months), "month")
        click.echo(f"{month_count}: {changes if changed else unchanged}{failed}")
    for fault in faults:
        click.secho(f"Error: {fault}", err=True, fg="red")
    context.exit(1 if faults else 0)
