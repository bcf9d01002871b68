"""What people decide about captures, kept as evidence."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from paperlake.build.publish import publish_month
from paperlake.errors import PaperlakeError
from paperlake.store.inbox import Value, keep
from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_whole
from paperlake.text import many
from paperlake.timestamps import capture_name
from schemas.captures import CAPTURES
from schemas.decisions import DECISIONS


class NothingToDecide(PaperlakeError):
    """The capture is not there, or was not refused."""


def accept(lake: Lake, day: date, began: datetime, source: str = "hub") -> str:
    """Let a refused capture in and publish its month; gives what happened, in words. Raises NothingToDecide."""
    month, name = day.strftime(MONTH_FORM), capture_name(day, began)
    known = read_whole(lake, lambda seen: scan(seen, CAPTURES, {month}).filter(pl.col("listed_on") == day).collect())
    found = known.filter(pl.col("captured_at") == began).row(0, named=True) if began in known["captured_at"] else None
    if found is None:
        others = ", ".join(capture_name(day, at) for at in known.filter("is_refused")["captured_at"])
        hint = f"refused ones of that date: {others}" if others else "no capture of that date was refused"
        raise NothingToDecide(f"there is no capture {name}; {hint}")
    if found["is_accepted"]:
        return f"{name} was accepted already; unchanged"
    if not found["is_refused"]:
        raise NothingToDecide(f"{name} was not refused; there is nothing to accept")
    decision: dict[str, Value] = {"captured_at": began, "decision": "accept", "decided_at": datetime.now(UTC)}
    keep(lake, DECISIONS, {"source": source, "listed_on": day, **decision})
    done = publish_month(lake, month)
    return f"{name} is accepted; {many(len(done.changed), 'file')} published"
