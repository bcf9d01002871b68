"""The published status of each date, and the dates whose last capture failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

import polars as pl

from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import LakeChanging, Snapshot, read_consistent
from schemas.calendar import months_of, newest_closed_date
from schemas.captures import CAPTURES
from schemas.source_days import HUB, SOURCE_DAYS
from transforms.hub.verdicts import FINAL


@dataclass(frozen=True, slots=True)
class DateStatus:
    """The status of one date; `verdict` is None if the date was never requested."""

    listed_on: date
    verdict: str | None
    reason: str | None

    @property
    def is_gap(self) -> bool:
        """Whether the date has no final answer."""
        return self.verdict not in FINAL


def date_statuses(lake: Lake, first: date, last: date | None = None, source: str = HUB) -> list[DateStatus]:
    """The status of every date from `first` to `last`, or to the newest closed date."""
    end = last or newest_closed_date(datetime.now(UTC))
    rows = read_consistent(
        lake,
        lambda seen: (
            scan(seen, SOURCE_DAYS)
            .filter(pl.col("source") == source, pl.col("listed_on").is_between(first, end))
            .select("listed_on", "verdict", "reason")
            .collect()
        ),
    )
    statuses = {day: DateStatus(day, verdict, reason) for day, verdict, reason in rows.iter_rows()}
    days = [first + timedelta(days=n) for n in range((end - first).days + 1)]
    return [statuses.get(day, DateStatus(day, None, None)) for day in days]


def split_failed_dates(lake: Lake, dates: Sequence[date]) -> tuple[list[date], list[date]]:
    """Split `dates` into those whose last capture did not fail, and those whose did, the longest ago first.

    Request the failed ones last: a date whose request always makes the source fail ends the run, and must not keep the
    other dates from being requested.
    """
    try:
        failed_at = read_consistent(lake, partial(_last_failures, dates))
    except (pl.exceptions.PolarsError, OSError, LakeChanging):
        return list(dates), []  # damaged tables must not prevent a capture
    failed = sorted((day for day in dates if day in failed_at), key=lambda day: (failed_at[day], day))
    return [day for day in dates if day not in failed_at], failed


def _last_failures(dates: Sequence[date], seen: Snapshot) -> dict[date, datetime]:
    """The start of the last capture of each of `dates`, where that capture failed."""
    captures = scan(seen, CAPTURES, months_of(dates)).filter(pl.col("source") == HUB)
    last = captures.group_by("listed_on").agg(pl.all().sort_by("captured_at").last())
    failed = last.filter(pl.col("fault").is_not_null()).select("listed_on", "captured_at").collect()
    return dict(failed.iter_rows())
