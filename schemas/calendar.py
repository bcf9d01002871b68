"""The calendar of Daily Papers: when a date opens and closes, and the first date of the archive."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
CLOSING_TIME = time(21, 30)
"""New York time at which a date closes and the next one opens."""
ARCHIVE_BEGINS = date(2023, 5, 4)
SETTLED_AFTER = timedelta(days=14)
"""Until this long after a date closes, votes still change and papers still move between dates."""


def open_date(at: datetime) -> date:
    """The date whose list is open at `at`: it opened at 21:30 in New York on the day before."""
    local = at.astimezone(NEW_YORK)
    return local.date() + timedelta(days=local.time() >= CLOSING_TIME)


def newest_closed_date(at: datetime) -> date:
    """The newest date whose list had closed by `at`."""
    return open_date(at) - timedelta(days=1)


def opens_at(day: date) -> datetime:
    """The UTC time at which the list of `day` opens."""
    return datetime.combine(day - timedelta(days=1), CLOSING_TIME, NEW_YORK).astimezone(UTC)


MONTH_FORMAT = "%Y-%m"
"""A month as text, such as 2025-11: it names partitions, and sorts by time."""


def month_of(day: date) -> str:
    """The month of a date."""
    return day.strftime(MONTH_FORMAT)


def months_of(days: Iterable[date]) -> set[str]:
    """The months of dates."""
    return {month_of(day) for day in days}


def first_day(month: str) -> date:
    """The first date of a month. Raises ValueError."""
    return date.fromisoformat(f"{month}-01")


def shift_month(month: str, by: int) -> str:
    """The month that lies `by` months after (or before, where negative)."""
    first = first_day(month)
    number = first.year * 12 + first.month - 1 + by
    return month_of(date(number // 12, number % 12 + 1, 1))


def months_between(first: str, last: str) -> list[str]:
    """Every month from `first` to `last`, both included; none where `last` lies before `first`."""
    start, end = first_day(first), first_day(last)
    count = (end.year - start.year) * 12 + end.month - start.month + 1
    return [shift_month(first, number) for number in range(count)]
