"""`papers rejects`: what could not be read, by its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cli import show

_HELD = "reason, message, field, entry, is_row_kept, captured_at"
_ONE_BY_ONE = f"""
    select {_HELD}, table_name, listed_on, place, null as paper_id, null as body_sha256
    from rejects where reason = '{{reason}}'
    union all by name
    select {_HELD}, 'arxiv_records' as table_name, position as place, paper_id, body_sha256
    from arxiv_rejects where reason = '{{reason}}'
    union all by name
    select {_HELD}, 'arxiv_papers' as table_name, paper_id, body_sha256
    from arxiv_line_rejects where reason = '{{reason}}'
    order by captured_at desc, listed_on, body_sha256, place, field limit {{limit}}
"""  # noqa: S608 - made of constants; what is filled in is a reason that was looked up, and a number
_SHOWN_CHARACTERS = 2000


@click.command()
@click.option("--reason", help="Only of this reason, one by one, with the raw entries.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="With --reason: so many.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def rejects(reason: str | None, limit: int, *, as_json: bool) -> None:
    """List what was refused, by reason, with counts and an example of each.

    Of the Hub's lists, of arXiv's answers, and of its snapshot. Nothing refused is lost: the raw entry is kept
    here, and the whole answer or line in the evidence. When Paperlake learns to read it, `papers rebuild` takes
    it back in, and the count falls.

    \b
      papers rejects --reason wrong_type
    """
    from paperlake.config import settings
    from paperlake.store.sql import query
    from schemas import arxiv_rejects
    from schemas.rejects import REASONS

    known = dict.fromkeys([*REASONS, *arxiv_rejects.REASONS])
    if reason is not None and reason not in known:
        raise click.UsageError(f"there is no reason {reason!r}; there are {', '.join(known)}")
    lake = settings().lake
    asked = "select * from reject_counts" if reason is None else _ONE_BY_ONE.format(reason=reason, limit=limit)
    rows = query(lake, asked).to_pylist()
    if as_json:
        click.echo(show.as_json(rows))
    elif not rows:
        click.echo("Nothing was refused." if reason is None else f"Nothing was refused as {reason}.")
    elif reason is None:
        shown = [{name: value for name, value in row.items() if name != "held_in"} for row in rows]
        show.table(shown, right=("reject_count", "rows_lost_count", "date_count"))
        click.echo("\n`papers rejects --reason …` shows them one by one.")
    else:
        for row in rows:
            click.echo(f"{_place(row)}  {row['table_name']} {show.shown(row['field'])}: {show.shown(row['message'])}")
            if row["entry"]:
                click.echo(f"    {show.shown(row['entry'])[:_SHOWN_CHARACTERS]}")


def _place(row: Mapping[str, Any]) -> str:
    captured = f"(captured {show.instant(row['captured_at'])})"
    if row["listed_on"]:
        return f"{row['listed_on']} #{row['place']} {captured}"
    paper = f" {row['paper_id']}" if row["paper_id"] else ""
    where = "a line of the snapshot" if row["place"] is None else f"answer of arXiv's, #{row['place']}"
    return f"{where} {row['body_sha256'][:12]}{paper} {captured}"
