"""`papers rejects`: rejected entries by reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cli import show

_COLUMNS = "reason, message, field, entry, is_row_kept, captured_at"
_REJECTS_OF_REASON = f"""
    select {_COLUMNS}, table_name, listed_on, place, null as paper_id, null as body_sha256
    from rejects where reason = '{{reason}}'
    union all by name
    select {_COLUMNS}, 'arxiv_records' as table_name, position as place, paper_id, body_sha256
    from arxiv_rejects where reason = '{{reason}}'
    union all by name
    select {_COLUMNS}, 'arxiv_papers' as table_name, paper_id, body_sha256
    from arxiv_line_rejects where reason = '{{reason}}'
    order by captured_at desc, listed_on, body_sha256, place, field limit {{limit}}
"""  # noqa: S608 - filled in with a validated reason and a number
_SHOWN_CHARACTERS = 2000


@click.command()
@click.option("--reason", help="List the rejects of this reason with their raw entries.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="With --reason: the most rows to list."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def rejects(reason: str | None, limit: int, *, as_json: bool) -> None:
    """List rejected entries by reason, with counts and an example of each.

    They come from the Hub's lists, arXiv's answers, and arXiv's snapshot. No data is lost: rejects (a quarantine) keep
    the raw entry, and the evidence keeps the whole answer or line. When Paperlake learns to parse an entry,
    `papers rebuild` restores it and the count falls.

    \b
      papers rejects --reason wrong_type
    """
    from paperlake.config import read_settings
    from paperlake.store.sql import query
    from schemas import arxiv_rejects
    from schemas.rejects import REASONS

    reasons = dict.fromkeys([*REASONS, *arxiv_rejects.REASONS])
    if reason is not None and reason not in reasons:
        raise click.UsageError(f"unknown reason {reason!r}; choose one of {', '.join(reasons)}")
    lake = read_settings().lake
    statement = (
        "select * from reject_counts" if reason is None else _REJECTS_OF_REASON.format(reason=reason, limit=limit)
    )
    rows = query(lake, statement).to_pylist()
    if as_json:
        click.echo(show.as_json(rows))
    elif not rows:
        click.echo("There are no rejects." if reason is None else f"There are no rejects of reason {reason}.")
    elif reason is None:
        summary = [{name: value for name, value in row.items() if name != "held_in"} for row in rows]
        show.table(summary, right=("reject_count", "rows_lost_count", "date_count"))
        click.echo("\n`papers rejects --reason …` lists them.")
    else:
        for row in rows:
            click.echo(
                f"{_place(row)}  {row['table_name']} {show.safe_line(row['field'])}: {show.safe_line(row['message'])}"
            )
            if row["entry"]:
                click.echo(f"    {show.safe_line(row['entry'])[:_SHOWN_CHARACTERS]}")


def _place(row: Mapping[str, Any]) -> str:
    captured = f"(captured {show.format_utc(row['captured_at'])})"
    if row["listed_on"]:
        return f"{row['listed_on']} #{row['place']} {captured}"
    paper = f" {row['paper_id']}" if row["paper_id"] else ""
    where = "snapshot line" if row["place"] is None else f"arXiv answer, #{row['place']}"
    return f"{where} {row['body_sha256'][:12]}{paper} {captured}"
