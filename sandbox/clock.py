"""The sandbox clock, which can be set, and the times at which a Daily Papers date opens and closes."""

import threading
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
ROLLS_OVER = time(21, 30)


class Clock:
    """The sandbox's current time. Thread-safe.

    Without `at` it follows real UTC time until `move_to`; with `at` it stands still until `move_to`.
    """

    def __init__(self, at: datetime | None = None) -> None:
        """Stand still at `at`, which needs a time zone, or follow real time."""
        self._lock = threading.Lock()
        self._at: datetime | None = None
        if at is not None:
            self.move_to(at)

    def now(self) -> datetime:
        """The current time, in UTC."""
        with self._lock:
            return self._at or datetime.now(UTC)

    def move_to(self, at: datetime) -> None:
        """Stand still at `at`, earlier or later. ValueError without a time zone."""
        if at.tzinfo is None:
            message = f"a timestamp needs a time zone: {at.isoformat()}"
            raise ValueError(message)
        with self._lock:
            self._at = at.astimezone(UTC)


@lru_cache(maxsize=4096)
def opens_at(day: date) -> datetime:
    """When the Hub begins to list papers under `day`, in UTC: 21:30 in New York the evening before."""
    return datetime.combine(day - timedelta(days=1), ROLLS_OVER, NEW_YORK).astimezone(UTC)


def closes_at(day: date) -> datetime:
    """When the Hub begins to list new papers under the next date, in UTC."""
    return opens_at(day + timedelta(days=1))


def open_day(at: datetime) -> date:
    """The date that is open at `at`."""
    wall = at.astimezone(NEW_YORK).replace(tzinfo=None)
    return (wall + timedelta(hours=2, minutes=30)).date()
