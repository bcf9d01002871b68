"""The calendar of Daily Papers: when a date opens and closes, and since when there are dates. Each rule once."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
ROLLS_OVER = time(21, 30)
"""A date closes then, and the next one opens; by the clock of New York."""
ARCHIVE_BEGINS = date(2023, 5, 4)
SETTLED_AFTER = timedelta(days=14)
"""Votes move for so long after a date has closed, and papers are moved between dates."""


def open_date(at: datetime) -> date:
    """The date whose list is growing at `at`: it opened at 21:30 in New York on the day before."""
    local = at.astimezone(NEW_YORK)
    return local.date() + timedelta(days=local.time() >= ROLLS_OVER)


def newest_closed_date(at: datetime) -> date:
    """The newest date whose list had closed by `at`."""
    return open_date(at) - timedelta(days=1)


def opens_at(day: date) -> datetime:
    """When the list of `day` opens, in UTC."""
    return datetime.combine(day - timedelta(days=1), ROLLS_OVER, NEW_YORK).astimezone(UTC)
