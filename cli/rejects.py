"""`papers rejects`: what could not be read, by its reason."""

from __future__ import annotations

import click

from cli import show


@click.command()
@click.option("--reason", help="Only of this reason, one by one, with the raw entries.")
@click.option("--limit", default=20, show_default=True, help="With --reason: at most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def rejects(reason: str | None, limit: int, *, as_json: bool) -> None:
    """List what was refused, by reason, with counts and an example of each.

    Nothing refused is lost: the raw entry is kept here, and the whole answer in hub_replies. When Paperlake learns to
    read it, `papers rebuild` takes it back in, and the count falls.

    \b
      papers rejects --reason wrong_type
    """
    from flows.settings import settings
    from schemas.rejects import REASONS
    from store.sql import query

    if reason is not None and reason not in REASONS:
        raise click.UsageError(f"there is no reason {reason!r}; there are {', '.join(REASONS)}")
    lake = settings().lake
    if reason is None:
        rows = query(lake, "select * from reject_counts").to_pylist()
    else:
        held = f"from rejects where reason = '{reason}'"
        found = query(lake, f"{held} order by captured_at desc, listed_on, place, field limit {limit}")
        rows = found.to_pylist()
    if as_json:
        click.echo(show.as_json(rows))
    elif not rows:
        click.echo("Nothing was refused." if reason is None else f"Nothing was refused as {reason}.")
    elif reason is None:
        show.table(rows, right=("reject_count", "rows_lost_count", "date_count"))
        click.echo("\n`papers rejects --reason …` shows them one by one.")
    else:
        for row in rows:
            place = f"{row['listed_on']} #{row['place']} (captured {show.instant(row['captured_at'])})"
            click.echo(f"{place}  {row['table_name']} {show.shown(row['field'])}: {show.shown(row['message'])}")
            click.echo(f"    {show.shown(row['entry'])[:2000]}")
