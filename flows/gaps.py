"""What is known of each date, and what is wanting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl

from flows.clock import newest_closed_date
from schemas.source_days import SOURCE_DAYS
from store.lake import Lake
from store.rows import scan
from store.snapshot import read_whole
from transforms.verdicts import FINAL


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one date; `verdict` None where it was never asked for."""

    listed_on: date
    verdict: str | None
    reason: str | None

    @property
    def is_gap(self) -> bool:
        """Whether the date has no final answer."""
        return self.verdict not in FINAL


def known_dates(lake: Lake, first: date, last: date | None = None, source: str = "hub") -> list[Known]:
    """What is known of every date from `first` to `last`, or to the newest closed one."""
    end = last or newest_closed_date(datetime.now(UTC))
    found = read_whole(
        lake,
        lambda seen: (
            scan(seen, SOURCE_DAYS)
            .filter(pl.col("source") == source, pl.col("listed_on").is_between(first, end))
            .select("listed_on", "verdict", "reason")
            .collect()
        ),
    )
    told = {day: (verdict, reason) for day, verdict, reason in found.iter_rows()}
    days = [first + timedelta(days=n) for n in range((end - first).days + 1)]
    return [Known(day, *told.get(day, (None, None))) for day in days]


def failed_dates(lake: Lake, first: date, last: date) -> set[date]:
    """The dates from `first` to `last` that were asked for, and nothing valid was answered."""
    return {known.listed_on for known in known_dates(lake, first, last) if known.verdict == "failed"}
