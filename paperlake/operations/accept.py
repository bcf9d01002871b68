"""Accept a capture that was refused or is in doubt. The decision is stored as evidence."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from paperlake.build.publish import publish_month
from paperlake.errors import PaperlakeError
from paperlake.store.inbox import Value, keep
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_consistent
from paperlake.text import plural
from paperlake.timestamps import capture_name
from schemas.calendar import month_of
from schemas.captures import CAPTURES
from schemas.decisions import DECISIONS
from schemas.source_days import HUB


class NothingToAccept(PaperlakeError):
    """The capture does not exist, or is neither refused nor in doubt."""


def accept(lake: Lake, day: date, started_at: datetime, source: str = HUB) -> str:
    """Accept a capture and publish its month; returns the result in words. Raises NothingToAccept."""
    month, name = month_of(day), capture_name(day, started_at)
    captures = read_consistent(
        lake, lambda seen: scan(seen, CAPTURES, {month}).filter(pl.col("listed_on") == day).collect()
    )
    needs_decision = pl.col("is_refused") | pl.col("is_in_doubt")
    rows = captures.filter(pl.col("captured_at") == started_at).rows(named=True)
    if not rows:
        others = ", ".join(capture_name(day, at) for at in captures.filter(needs_decision)["captured_at"])
        hint = f"captures of that date to accept: {others}" if others else "that date has no capture to accept"
        raise NothingToAccept(f"there is no capture {name}; {hint}")
    if rows[0]["is_accepted"]:
        return f"{name} was accepted already; unchanged"
    if not (rows[0]["is_refused"] or rows[0]["is_in_doubt"]):
        raise NothingToAccept(f"{name} is neither refused nor in doubt; there is nothing to accept")
    decision: dict[str, Value] = {"captured_at": started_at, "decision": "accept", "decided_at": datetime.now(UTC)}
    keep(lake, DECISIONS, {"source": source, "listed_on": day, **decision})
    published = publish_month(lake, month)
    return f"{name} is accepted; {plural(len(published.changed), 'file')} published"
