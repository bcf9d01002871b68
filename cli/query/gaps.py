"""`papers gaps`: which dates are wanting."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import groupby

import click

from cli import show
from cli.arguments import Day

MARKS = {"settled": "#", "complete": "+", "confirmed_empty": ".", "partial": "o", "failed": "x", None: "?"}
LEGEND = "# settled  + complete  . confirmed empty  o partial  x failed  ? never asked"


@click.command()
@click.option("--since", type=Day(), help="The first date to look at; the archive's first, 2023-05-04.")
@click.option("--json", "as_json", is_flag=True, help="Print the gaps as JSON.")
def gaps(since: date | None, *, as_json: bool) -> None:
    """Show which dates were never asked for, failed, or are only partial, as a calendar.

    A date is without a gap when it is settled, complete, or confirmed empty.
    """
    from paperlake.config import settings
    from paperlake.ingest.coverage import known_dates
    from paperlake.text import many
    from schemas.calendar import ARCHIVE_BEGINS, newest_closed_date

    newest = newest_closed_date(datetime.now(UTC))
    if since is not None and not ARCHIVE_BEGINS <= since <= newest:
        raise click.UsageError(f"--since {since}: there are lists from {ARCHIVE_BEGINS} to {newest}")
    known = known_dates(settings().lake, since or ARCHIVE_BEGINS)
    wanting = [day for day in known if day.is_gap]
    if as_json:
        click.echo(show.as_json([{"date": d.listed_on, "verdict": d.verdict, "reason": d.reason} for d in wanting]))
        return
    click.echo(f"         {''.join(str(n % 10) for n in range(1, 32))}")
    for month, days in groupby(known, key=lambda day: day.listed_on.strftime("%Y-%m")):
        held = list(days)
        click.echo(f"{month}  {' ' * (held[0].listed_on.day - 1)}{''.join(MARKS[day.verdict] for day in held)}")
    click.echo(f"\n{LEGEND}")
    never = sum(day.verdict is None for day in wanting)
    click.echo(
        f"{many(len(known), 'date')}, {len(wanting)} wanting: "
        f"{never} never asked, {len(wanting) - never} failed or partial"
    )
