"""Time, as it enters a run: once. What a date is, in New York."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

CLOCK_TOLERANCE = timedelta(minutes=10)
"""By how much our clock and a source's may differ. What is captured is known by its time, so more is refused."""
NEW_YORK = ZoneInfo("America/New_York")
ROLLS_OVER = time_of_day(21, 30)
ARCHIVE_BEGINS = date(2023, 5, 4)


class ClockWrong(Exception):
    """The clock of this machine and that of a source differ too much for anything to be captured."""


@dataclass(frozen=True, slots=True)
class RunClock:
    """The time of a run: it starts at `started_at` and goes on at the pace of the real one.

    Only the start is given, so that a run can be simulated at any instant, and a jump of the machine's
    clock does not tear a capture.
    """

    started_at: datetime
    is_simulated: bool = False
    _origin_s: float = field(default_factory=time.monotonic)
    _monotonic: Callable[[], float] = time.monotonic

    def now(self) -> datetime:
        """The instant, in UTC."""
        return self.started_at + timedelta(seconds=self._monotonic() - self._origin_s)

    def check(self, source: str, its_time: datetime | None) -> None:
        """Compare the time of `source` with ours, if it told one and ours is not simulated. Raises ClockWrong."""
        if its_time is None or self.is_simulated or abs(its_time - self.now()) <= CLOCK_TOLERANCE:
            return
        raise ClockWrong(
            f"nothing was captured: this machine's clock says {self.now():%Y-%m-%d %H:%M} UTC, {source} says "
            f"{its_time:%Y-%m-%d %H:%M} UTC; set the clock (more than {CLOCK_TOLERANCE.seconds // 60} minutes apart "
            "would file votes under times at which nobody cast them)"
        )


def started(now: datetime | None) -> RunClock:
    """The clock of a run that starts at `now`, which simulates one, or at the machine's time."""
    return RunClock((now or datetime.now(UTC)).astimezone(UTC), is_simulated=now is not None)


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
