"""Selects the dates that a run requests, and finds the dates that have no final answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from paperlake.errors import PaperlakeError
from paperlake.store.manifest import Manifest
from schemas.calendar import ARCHIVE_BEGINS, SETTLED_AFTER, month_of, newest_closed_date, open_date, opens_at
from schemas.source_days import SOURCE_DAYS

RECHECK_DAYS = SETTLED_AFTER.days
MAX_GAPS_PER_RUN = 30
"""A backfill fills older gaps beyond these."""


class DateNotOpen(PaperlakeError):
    """The requested date has no list yet."""


def dates_between(start: date, end: date, at: datetime) -> list[date]:
    """Every date from `start` to `end`. Raises DateNotOpen if one of them has no list at `at`."""
    _check_open(start, at)
    if start > end:
        raise DateNotOpen(f"{start} comes after {end}; give the first date and then the last")
    _check_open(end, at)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def dates_to_capture(due_at: datetime, day: date | None, *, recheck: bool, gaps: Sequence[date] = ()) -> list[date]:
    """The dates of a run that was due at `due_at`, oldest first.

    Without `day`: the newest closed date, the 14 before it, the open one, and the first 30 of the other `gaps` (which
    are sorted newest first). With `day`: only that date, and with `recheck` the 14 before it. Raises DateNotOpen.
    """
    if day is not None:
        _check_open(day, due_at)
    newest = day or newest_closed_date(due_at)
    if newest < ARCHIVE_BEGINS:
        raise DateNotOpen(
            f"this machine's clock says {due_at:%Y-%m-%d %H:%M} UTC, which is before the archive begins, on "
            f"{ARCHIVE_BEGINS}; set the clock"
        )
    window = [newest - timedelta(days=back) for back in range(RECHECK_DAYS, 0, -1)]
    if day is not None:
        return [*(window if recheck else []), day]
    others = [gap for gap in gaps if gap not in window and gap < newest]
    return [*sorted(others[:MAX_GAPS_PER_RUN]), *window, newest, open_date(due_at)]


def _check_open(day: date, at: datetime) -> None:
    if day < ARCHIVE_BEGINS:
        raise DateNotOpen(f"{day} is before the archive begins, on {ARCHIVE_BEGINS}")
    if opens_at(day) > at:
        raise DateNotOpen(
            f"{day} is not open yet: its list opens at {opens_at(day):%Y-%m-%d %H:%M} UTC; "
            f"the newest closed date is {newest_closed_date(at)}"
        )


def missing_dates(published: Manifest, first: date, last: date) -> Iterator[date]:
    """The dates from `first` to `last` without a final answer, newest first. Reads only the manifest."""
    day = last
    while day >= first:
        month = month_of(day)
        entry = published.entry(SOURCE_DAYS.name, month)
        while day >= first and month_of(day) == month:
            if entry is None or day.isoformat() in entry.missing_dates:
                yield day
            day -= timedelta(days=1)
