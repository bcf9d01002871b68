"""`papers drift`: changes in the schema of the Hub's answers."""

from __future__ import annotations

from datetime import date

import click

from cli import show
from cli.arguments import Day


@click.command()
@click.option("--since", type=Day(), help="Only changes from this date on.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def drift(since: date | None, *, as_json: bool) -> None:
    """Show when fields appeared, vanished, came back, or changed their type or meaning.

    Every field is counted, including those without a column in any table: in drift by month, in field_days by date.
    Fields of the first stored date are not reported as new. A rare field is reported as vanished only when chance
    does not explain its absence.
    """
    from paperlake.config import read_settings
    from paperlake.monitoring.anomalies import all_drift_notices

    rows = [
        row
        for row in all_drift_notices(read_settings().lake).rows(named=True)
        if since is None or row["listed_on"] >= since
    ]
    if as_json:
        click.echo(show.as_json(rows))
    elif rows:
        show.table([{"date": row["listed_on"], "what": row["what"], "message": row["message"]} for row in rows])
    else:
        click.echo("No drift was noticed.")
