"""The sandbox's time: a clock that can be set, and the hours at which a Daily Papers date opens and closes."""

import threading
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
ROLLS_OVER = time(21, 30)


class Clock:
    """The instant that the sandbox takes for now; safe to read and move from several threads.

    Without `at` it follows real UTC time until it is moved; with `at` it stands still until it is moved.
    """

    def __init__(self, at: datetime | None = None) -> None:
        """Stand still at `at`, which must have a time zone, or follow real time."""
        self._lock = threading.Lock()
        self._at: datetime | None = None
        if at is not None:
            self.move_to(at)

    def now(self) -> datetime:
        """The present instant, in UTC."""
        with self._lock:
            return self._at or datetime.now(UTC)

    def move_to(self, at: datetime) -> None:
        """Stand still at `at`, which must have a time zone; back is as good as forth."""
        if at.tzinfo is None:
            message = f"an instant needs a time zone, and {at.isoformat()} has none"
            raise ValueError(message)
        with self._lock:
            self._at = at.astimezone(UTC)


@lru_cache(maxsize=4096)
def opens_at(day: date) -> datetime:
    """The instant, in UTC, from which the Hub lists papers under `day`: 21:30 New York the evening before."""
    return datetime.combine(day - timedelta(days=1), ROLLS_OVER, NEW_YORK).astimezone(UTC)


def closes_at(day: date) -> datetime:
    """The instant, in UTC, from which new papers go to the next date."""
    return opens_at(day + timedelta(days=1))


def open_day(at: datetime) -> date:
    """The date that is open at `at`."""
    wall = at.astimezone(NEW_YORK).replace(tzinfo=None)
    return (wall + timedelta(hours=2, minutes=30)).date()
