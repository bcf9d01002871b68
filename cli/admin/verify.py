"""`papers verify`: whether everything published is what was published."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import show

if TYPE_CHECKING:
    from paperlake.operations.repair import Repaired


@click.command()
@click.option("--repair", "is_repair", is_flag=True, help="Mend what is wrong, as far as that can be done.")
@click.option(
    "--backup",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With --repair: take damaged evidence from this backup.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def verify(context: click.Context, backup: Path | None, *, is_repair: bool, as_json: bool) -> None:
    """Compare every published file with the manifest: presence, bytes, SHA-256, rows, schema, order, keys.

    Also whether every row has the answer that it rests on, and whether files lie among the tables that nothing
    published. With --repair every damaged derived file is built again, to the byte. Of damaged evidence the sound
    answers are saved (all of them, if a backup has the file); dates that lost theirs become gaps again.

    Exit code 1 if anything is wrong, and after --repair if anything still is.
    """
    from paperlake.config import settings
    from paperlake.operations.repair import repair
    from paperlake.store.lake import Lake
    from paperlake.store.snapshot import must_be_there, snapshot
    from paperlake.store.verify import published_months
    from paperlake.store.verify import verify as look
    from paperlake.text import many

    if backup and not is_repair:
        raise click.UsageError("--backup goes with --repair")
    lake = settings().lake
    must_be_there(lake)
    with show.progress("verifying months", len(published_months(snapshot(lake)))) as tick:
        found = look(lake, tick)
    repaired: Repaired | None = None
    if is_repair and found.faults:
        repaired = repair(lake, found.faults, Lake(backup.absolute()) if backup else None)
    after = look(lake) if repaired else found
    is_lossy = repaired is not None and any(saved.rows < saved.of or saved.lost_dates for saved in repaired.saved)
    if as_json:
        told = {name: value for name, value in asdict(found).items() if name != "faults"}
        outcome = {
            **told,
            "faults": [asdict(fault) for fault in found.faults],
            "saved": [asdict(saved) for saved in repaired.saved] if repaired else [],
            "set_aside": repaired.set_aside if repaired else [],
            "left": [asdict(fault) for fault in after.faults],
        }
        click.echo(show.as_json(outcome))
    else:
        for fault in found.faults:
            click.secho(show.shown(fault), fg="red")
        if repaired:
            _tell(repaired)
        click.echo(
            f"{many(found.files, 'file')}, {many(found.rows, 'row')}, {found.bytes / 1e6:.1f} MB: "
            + (many(len(found.faults), "fault") if found.faults else "all is as it was published")
            + (f"; {len(after.faults)} left after the repair" if repaired else "")
        )
        if found.faults and not is_repair:
            click.echo("`papers verify --repair` mends what can be mended.")
        if is_lossy:
            click.echo("Answers were lost: `papers gaps` shows what is wanting, `papers backfill` asks again.")
    context.exit(1 if after.faults or is_lossy else 0)


def _tell(repaired: Repaired) -> None:
    from paperlake.text import many

    for saved in repaired.saved:
        click.echo(show.shown(saved))
    for name in repaired.set_aside:
        click.echo(f"set aside: {show.shown(name)}")
    changed = [name for month in repaired.published for name in month.changed]
    click.echo(f"{many(len(changed), 'file')} built again")
    for month in repaired.published:
        if month.fault is not None:
            click.secho(f"Error: {show.shown(month.fault)}", err=True, fg="red")
