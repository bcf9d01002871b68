"""Which dates a run asks for."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from flows.clock import newest_closed_date, open_date, opens_at

RECHECK_DAYS = 14
"""Votes move for one to two weeks after a date has closed, and papers are moved between dates."""


class DateNotOpen(Exception):
    """The date asked for has no list yet."""


def dates_to_capture(due_at: datetime, day: date | None, *, recheck: bool) -> list[date]:
    """The dates of a run that was due at `due_at`, oldest first.

    Without `day`: the newest closed date, the 14 before it, and the one that is open. With it, only that
    date, and with `recheck` the 14 before it. Raises DateNotOpen.
    """
    if day is not None and opens_at(day) > due_at:
        raise DateNotOpen(
            f"{day} is not open yet: its list opens at {opens_at(day):%Y-%m-%d %H:%M} UTC; "
            f"the newest closed date is {newest_closed_date(due_at)}"
        )
    newest = day or newest_closed_date(due_at)
    before = [newest - timedelta(days=back) for back in range(RECHECK_DAYS, 0, -1)]
    window = before if recheck or day is None else []
    return [*window, newest, *([] if day else [open_date(due_at)])]
