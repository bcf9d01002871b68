"""The clock of a run: reads the machine's time once, can be simulated, and is checked against the sources' clocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from paperlake.errors import PaperlakeError

CLOCK_TOLERANCE = timedelta(minutes=10)
"""Largest difference allowed between our clock and a source's. Captures are identified by time, so it must be right."""


def _elapsed_s() -> float:
    """A monotonic time in seconds that includes the time the machine was asleep, on systems that offer one."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class ClockMismatch(PaperlakeError):
    """The clocks of this machine and of a source differ by more than CLOCK_TOLERANCE."""


@dataclass(frozen=True, slots=True)
class RunClock:
    """The time of a run: starts at `started_at` and advances with a monotonic clock.

    So a run can be simulated at any time, and an adjustment of the machine's clock does not affect a capture.
    """

    started_at: datetime
    is_simulated: bool = False
    _origin_s: float = field(default_factory=_elapsed_s)
    _monotonic: Callable[[], float] = _elapsed_s

    def now(self) -> datetime:
        """The current time of the run, in UTC."""
        return self.started_at + timedelta(seconds=self._monotonic() - self._origin_s)

    def check(self, source: str, source_time: datetime | None) -> None:
        """Compare the time in a source's answer, if it has one, with ours, unless simulated. Raises ClockMismatch."""
        if source_time is None or self.is_simulated or abs(source_time - self.now()) <= CLOCK_TOLERANCE:
            return
        raise ClockMismatch(
            f"nothing was captured: this machine's clock says {self.now():%Y-%m-%d %H:%M} UTC, {source} says "
            f"{source_time:%Y-%m-%d %H:%M} UTC; set the clock (they may differ by {CLOCK_TOLERANCE.seconds // 60} "
            "minutes, or votes would be stored under wrong times)"
        )


def start_clock(now: datetime | None) -> RunClock:
    """Start the clock of a run, at the machine's time, or simulated at `now`."""
    return RunClock((now or datetime.now(UTC)).astimezone(UTC), is_simulated=now is not None)
