"""The clock of a run: *now* enters once, so that a run can be simulated, and is compared with the sources' clocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from paperlake.errors import PaperlakeError

CLOCK_TOLERANCE = timedelta(minutes=10)
"""By how much our clock and a source's may differ. What is captured is known by its time, so more is refused."""


def _running_s() -> float:
    """Seconds that also pass while the machine sleeps, where the system counts them."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


class ClockWrong(PaperlakeError):
    """The clock of this machine and that of a source differ too much for anything to be captured."""


@dataclass(frozen=True, slots=True)
class RunClock:
    """The time of a run: it starts at `started_at` and goes on at the pace of the real one.

    Only the start is given, so that a run can be simulated at any instant, and a jump of the machine's
    clock does not tear a capture.
    """

    started_at: datetime
    is_simulated: bool = False
    _origin_s: float = field(default_factory=_running_s)
    _monotonic: Callable[[], float] = _running_s

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
