"""`papers drift`: what changed in the answers of the sources."""

from __future__ import annotations

from datetime import date

import click

from cli import show
from cli.arguments import Day


@click.command()
@click.option("--since", type=Day(), help="Only what changed from this date on.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def drift(since: date | None, *, as_json: bool) -> None:
    """Show which fields appeared, vanished or came back, and which changed their type or their meaning, and when.

    Every field is counted, also those that no table has a column for: in drift by month, in field_days by date. What
    the first kept date had is no news; a rare field is missed only when chance does not explain its absence.
    """
    from paperlake.config import settings
    from paperlake.monitoring.anomalies import all_notices

    rows = [row for row in all_notices(settings().lake).rows(named=True) if since is None or row["listed_on"] >= since]
    if as_json:
        click.echo(show.as_json(rows))
    elif rows:
        show.table([{"date": row["listed_on"], "what": row["what"], "message": row["message"]} for row in rows])
    else:
        click.echo("No drift was noticed.")
