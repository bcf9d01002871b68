"""`papers gaps`: the missing dates."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import groupby

import click

from cli import show
from cli.arguments import Day
from schemas.calendar import month_of

MARKS = {
    "settled": "#",
    "complete": "+",
    "confirmed_empty": ".",
    "in_doubt": "!",
    "partial": "o",
    "failed": "x",
    None: "?",
}
LEGEND = "# settled  + complete  . confirmed empty  ! in doubt  o partial  x failed  ? never requested"


@click.command()
@click.option("--since", type=Day(), help="The first date to show; default: the archive's first, 2023-05-04.")
@click.option("--json", "as_json", is_flag=True, help="Print the gaps as JSON.")
def gaps(since: date | None, *, as_json: bool) -> None:
    """Show a calendar of all dates, with those that were never requested, failed, are in doubt or only partial.

    A date that is settled, complete or confirmed empty is no gap.
    """
    from paperlake.config import read_settings
    from paperlake.ingest.coverage import date_statuses
    from paperlake.text import plural
    from schemas.calendar import ARCHIVE_BEGINS, newest_closed_date

    newest = newest_closed_date(datetime.now(UTC))
    if since is not None and not ARCHIVE_BEGINS <= since <= newest:
        raise click.UsageError(f"--since {since}: the archive has lists from {ARCHIVE_BEGINS} to {newest}")
    statuses = date_statuses(read_settings().lake, since or ARCHIVE_BEGINS)
    missing = [day for day in statuses if day.is_gap]
    if as_json:
        click.echo(show.as_json([{"date": d.listed_on, "verdict": d.verdict, "reason": d.reason} for d in missing]))
        return
    click.echo(f"         {''.join(str(n % 10) for n in range(1, 32))}")
    for month, days in groupby(statuses, key=lambda day: month_of(day.listed_on)):
        statuses_of_month = list(days)
        indent = " " * (statuses_of_month[0].listed_on.day - 1)
        click.echo(f"{month}  {indent}{''.join(MARKS[day.verdict] for day in statuses_of_month)}")
    click.echo(f"\n{LEGEND}")
    never = sum(day.verdict is None for day in missing)
    click.echo(
        f"{plural(len(statuses), 'date')}, {len(missing)} missing: "
        f"{never} never requested, {len(missing) - never} failed, partial or in doubt"
    )
