"""What is known of each date, and what is wanting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

import polars as pl

from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import LakeMoving, Snapshot, read_whole
from schemas.calendar import newest_closed_date
from schemas.captures import CAPTURES
from schemas.source_days import SOURCE_DAYS
from transforms.hub.verdicts import FINAL


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


def in_turn(lake: Lake, dates: Sequence[date]) -> tuple[list[date], list[date]]:
    """`dates` as they should be asked for: first those as they are, then those whose last answer failed.

    Of these the one comes first that was asked for the longest time ago. One that always makes the source unwell, so
    that it is left alone, must not keep the others from being asked for.
    """
    try:
        asked_at = read_whole(lake, partial(_failed_at, dates))
    except (pl.exceptions.PolarsError, OSError, LakeMoving):
        return list(dates), []  # what was published may be damaged; that must not keep us from asking
    failed = sorted((day for day in dates if day in asked_at), key=lambda day: (asked_at[day], day))
    return [day for day in dates if day not in asked_at], failed


def _failed_at(dates: Sequence[date], seen: Snapshot) -> dict[date, datetime]:
    """When those of `dates` were last asked for whose last answer failed."""
    captures = scan(seen, CAPTURES, {day.strftime(MONTH_FORM) for day in dates}).filter(pl.col("source") == "hub")
    last = captures.group_by("listed_on").agg(pl.all().sort_by("captured_at").last())
    failed = last.filter(pl.col("fault").is_not_null()).select("listed_on", "captured_at").collect()
    return dict(failed.iter_rows())
