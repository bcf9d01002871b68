"""What a run does about answers that are in doubt: it asks again, and does not go on through empty weekdays."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

import polars as pl

from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import Snapshot, read_consistent
from schemas.calendar import months_of
from schemas.captures import CAPTURES
from schemas.source_days import HUB, SOURCE_DAYS

PAUSE_S = 60.0
"""How long a run waits before it asks again: most faults of a source end sooner."""
MAX_EMPTY_WEEKDAYS = 5
"""So many weekdays in a row without papers end a backfill. No recorded week has even one."""
_SATURDAY = 5


def dates_in_doubt(lake: Lake, dates: Collection[date], since: datetime) -> list[date]:
    """Those of `dates` that lost most of their list in a capture begun at `since` or later.

    An empty weekday of which no paper was known is not among them: nothing is lost, and every run asks for it again.
    """
    return read_consistent(lake, partial(_in_doubt, dates, since))["listed_on"].to_list()


def _in_doubt(dates: Collection[date], since: datetime, seen: Snapshot) -> pl.DataFrame:
    months, of_hub = months_of(dates), pl.col("source") == HUB
    days = scan(seen, SOURCE_DAYS, months).filter(of_hub, pl.col("verdict") == "in_doubt", pl.col("paper_count") > 0)
    new = scan(seen, CAPTURES, months).filter(of_hub, "is_in_doubt", pl.col("captured_at") >= since)
    asked = new.filter(pl.col("listed_on").is_in(list(dates))).select("listed_on").unique()
    return days.select("listed_on").join(asked, on="listed_on", how="semi").sort("listed_on").collect()


@dataclass(slots=True)
class EmptyWeekdays:
    """The weekdays whose lists came empty in one run. Threads may share it."""

    _days: set[date] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, day: date) -> tuple[date, date] | None:
        """Count `day` if it is a weekday. Returns first and last of the weekdays in a row if they are too many."""
        if day.weekday() >= _SATURDAY:
            return None
        with self._lock:
            self._days.add(day)
            first, last = _end_of_row(self._days, day, -1), _end_of_row(self._days, day, 1)
        between = (first + timedelta(days=n) for n in range((last - first).days + 1))
        count = sum(each.weekday() < _SATURDAY for each in between)
        return (first, last) if count >= MAX_EMPTY_WEEKDAYS else None


def _end_of_row(days: set[date], day: date, step: int) -> date:
    """The last of the weekdays in a row from `day` on (backwards if `step` is -1) that are in `days`."""
    end = day
    while True:
        following = end + timedelta(days=step)
        while following.weekday() >= _SATURDAY:
            following += timedelta(days=step)
        if following not in days:
            return end
        end = following
