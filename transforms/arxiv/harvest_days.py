"""The verdict on each day with harvests of arXiv: of all windows that were asked for on it, together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

WHOLE = ("complete", "confirmed_empty")
"""Verdicts of harvests that lack nothing of their window."""
_Row = Mapping[str, Any]
_WINDOW = ["from_on", "until_on"]
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "source": pl.String,
    "listed_on": pl.Date,
    "verdict": pl.String,
    "paper_count": pl.Int32,
    "page_count": pl.Int32,
    "capture_count": pl.Int32,
    "first_captured_at": pl.Datetime("us", "UTC"),
    "last_captured_at": pl.Datetime("us", "UTC"),
    "reason": pl.String,
}


def harvest_days(harvests: pl.DataFrame, source: str) -> pl.DataFrame:
    """A row of `source_days` for each day and set with a harvest; `harvests` are rows of that table.

    Of several attempts at one window the best verdict counts, of equal ones the newest. A window that is not whole
    counts only if no whole one of the day contains it.
    """
    of_set = pl.col("set_spec")
    named = harvests.with_columns(
        source=pl.when(of_set.is_null()).then(pl.lit(source)).otherwise(pl.format("{}:{}", pl.lit(source), of_set)),
        is_whole=pl.col("verdict").is_in(WHOLE),
    )
    day = ["source", "harvested_on"]
    attempts = named.group_by(day, maintain_order=True).agg(
        capture_count=pl.len(),
        first_captured_at=pl.col("harvest_started_at").min(),
        last_captured_at=pl.col("harvest_started_at").max(),
    )
    best_last = named.sort(*day, "is_whole", pl.col("verdict") != "failed", "ended_at")
    decisive = best_last.unique([*day, *_WINDOW], keep="last", maintain_order=True)
    of_day = decisive.partition_by(day, as_dict=True)
    rows = [_day_row(attempt, of_day[attempt["source"], attempt["harvested_on"]]) for attempt in attempts.to_dicts()]
    return pl.DataFrame(rows, schema=_SCHEMA)


def verdict_on_all(windows: Iterable[tuple[str, int]]) -> str:
    """The verdict on several windows together, from the verdict and the number of records of each.

    It is `partial` if some are whole, or have records, and others are not whole.
    """
    listed = list(windows)
    verdicts = {verdict for verdict, _ in listed}
    if verdicts <= {*WHOLE}:
        return "confirmed_empty" if verdicts == {"confirmed_empty"} else "complete"
    has_something = verdicts != {"failed"} or any(count for _, count in listed)
    return "partial" if has_something else "failed"


def _day_row(attempt: _Row, decisive: pl.DataFrame) -> dict[str, object]:
    windows = sorted(decisive.to_dicts(), key=lambda row: row["ended_at"])
    whole = [row for row in windows if row["is_whole"]]
    counted = [row for row in windows if row["is_whole"] or not any(_contains(other, row) for other in whole)]
    reasons = dict.fromkeys(row["reason"] for row in counted if row["reason"] and not row["is_whole"])
    return {
        "source": attempt["source"],
        "listed_on": attempt["harvested_on"],
        "verdict": verdict_on_all([(row["verdict"], row["record_count"]) for row in counted]),
        "paper_count": _paper_count(counted),
        "page_count": sum(row["page_count"] for row in counted),
        "capture_count": attempt["capture_count"],
        "first_captured_at": attempt["first_captured_at"],
        "last_captured_at": attempt["last_captured_at"],
        "reason": "; ".join(reasons) or None,
    }


def _paper_count(windows: Sequence[_Row]) -> int:
    """The papers told in all windows. Windows that overlap tell the same papers, so the largest of them counts."""
    total = largest = 0
    end: date | None = None
    for row in sorted(windows, key=_first):
        if end is not None and _first(row) > end:
            total, largest = total + largest, 0
        largest = max(largest, row["record_count"])
        end = max(end or date.min, _last(row))
    return total + largest


def _contains(outer: _Row, inner: _Row) -> bool:
    return _first(outer) <= _first(inner) and _last(inner) <= _last(outer)


def _first(window: _Row) -> date:
    return window["from_on"] or date.min


def _last(window: _Row) -> date:
    return window["until_on"] or date.max
