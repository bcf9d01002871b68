"""`papers verify`: check all published files against the manifest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import show

if TYPE_CHECKING:
    from paperlake.operations.repair import RepairReport


@click.command()
@click.option("--repair", "is_repair", is_flag=True, help="Repair damaged files, as far as possible.")
@click.option(
    "--backup",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With --repair: take damaged evidence from this backup.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def verify(context: click.Context, backup: Path | None, *, is_repair: bool, as_json: bool) -> None:
    """Compare every published file with the manifest: presence, bytes, SHA-256, rows, schema, order, keys.

    Also check that every row has its answer in the evidence, and that no unpublished file lies among the tables.
    With --repair, damaged derived files are rebuilt byte for byte. Of damaged evidence, the intact answers are saved
    (all of them if a backup has the file); dates that lost their answers become gaps.

    Exit code 1 if a fault exists, or with --repair if one remains.
    """
    from paperlake.config import read_settings
    from paperlake.operations.repair import repair
    from paperlake.store.lake import Lake
    from paperlake.store.snapshot import require_lake, snapshot
    from paperlake.store.verify import published_months
    from paperlake.store.verify import verify as verify_files
    from paperlake.text import plural

    if backup and not is_repair:
        raise click.UsageError("--backup goes with --repair")
    lake = read_settings().lake
    require_lake(lake)
    with show.progress("verifying months", len(published_months(snapshot(lake)))) as tick:
        report = verify_files(lake, tick)
    repaired: RepairReport | None = None
    if is_repair and report.faults:
        repaired = repair(lake, report.faults, Lake(backup.absolute()) if backup else None)
    remaining = verify_files(lake) if repaired else report
    is_lossy = repaired is not None and any(saved.rows < saved.of or saved.lost_dates for saved in repaired.saved)
    if as_json:
        counts = {name: value for name, value in asdict(report).items() if name != "faults"}
        result = {
            **counts,
            "faults": [asdict(fault) for fault in report.faults],
            "saved": [asdict(saved) for saved in repaired.saved] if repaired else [],
            "set_aside": repaired.set_aside if repaired else [],
            "left": [asdict(fault) for fault in remaining.faults],
        }
        click.echo(show.as_json(result))
    else:
        for fault in report.faults:
            click.secho(show.safe_line(fault), fg="red")
        if repaired:
            _print_repair(repaired)
        click.echo(
            f"{plural(report.files, 'file')}, {plural(report.rows, 'row')}, {report.bytes / 1e6:.1f} MB: "
            + (plural(len(report.faults), "fault") if report.faults else "all files are intact")
            + (f"; {len(remaining.faults)} left after the repair" if repaired else "")
        )
        if report.faults and not is_repair:
            click.echo("`papers verify --repair` repairs damaged files.")
        if is_lossy:
            click.echo("Answers were lost: `papers gaps` shows the missing dates, `papers backfill` recaptures them.")
    context.exit(1 if remaining.faults or is_lossy else 0)


def _print_repair(repaired: RepairReport) -> None:
    from paperlake.text import plural

    for saved in repaired.saved:
        click.echo(show.safe_line(saved))
    for name in repaired.set_aside:
        click.echo(f"moved aside: {show.safe_line(name)}")
    click.echo(f"{plural(len(repaired.published.changed), 'file')} rebuilt")
    for fault in repaired.published.faults:
        click.secho(f"Error: {show.safe_line(fault)}", err=True, fg="red")
