"""The politeness ledger: what all processes of this machine have asked of one source, and when."""

import contextlib
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from filelock import FileLock

ASSUMED_QUOTA = 500
"""Requests a window, until an answer says otherwise: the Hub's anonymous limit."""

LARGEST_QUOTA = 10_000
"""More is not believed, which also bounds the file."""

LONGEST_HOLD_S = 3600.0
LONGEST_NAP_S = 60.0
"""We look again at least so often: somebody may have set the clock, or a hold."""

SHORTEST_NAP_S = 0.001
"""A rounding error must not become a nap that no clock can show."""

WORTH_SAYING_S = 5.0


@dataclass(slots=True)
class Ledger:
    """What is known. All instants are past ones, so that a clock that was set back is noticed and mended."""

    sent: list[float] = field(default_factory=list)
    """When each request was let go, oldest first; back to where it matters no more."""
    held_at: float = 0.0
    held_s: float = 0.0
    """Nobody sends for so long from then."""
    learned_at: float = 0.0
    remaining: int = 0
    reset_s: float = 0.0
    """In the server's window, which ends so long after, so many are left: it knows of other machines too."""
    limit: int | None = None
    window_s: float | None = None
    """The server's policy, where it told it."""


class FilePace:
    """The pace of one source, kept in `<folder>/pace-<name>.json` by all processes together.

    At most a quota of requests in *any* stretch of `window_s`, by a log of the requests that were let go: that
    holds for the server's fixed windows too, wherever they begin. Bursts are free until the quota is spent.

    - `quota` N: that many. None: what the answers' headers say, else 500. 0: no quota, and with no
      `interval_s` no pacing whatever, for servers of our own.
    - `interval_s`: at least so long between any two requests.
    - `on_wait` hears of a wait of more than 5 s before it begins, in seconds.

    A request is counted when `turn` returns, a little before the server counts it; windows and intervals are
    therefore kept 2 % longer, by at most a second. Raises ValueError for a name that is not of a-z and _.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - settings and clocks
        self,
        folder: Path,
        name: str,
        quota: int | None,
        window_s: float = 300,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        *,
        interval_s: float = 0,
        on_wait: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Make the folder if need be; nothing is read or written before the first turn."""
        if not re.fullmatch(r"[a-z_]+", name):
            msg = f"a pace is named with a-z and _ only, not {name!r}"
            raise ValueError(msg)
        if (quota or 0) < 0 or not 0 < window_s < math.inf or not 0 <= interval_s < math.inf:
            msg = "a pace needs a quota of 0 or more, a window longer than 0 s and an interval of 0 s or more"
            raise ValueError(msg)
        self._path = folder / f"pace-{name}.json"
        self._lock = FileLock(folder / f"pace-{name}.lock")
        self._quota = quota
        self._window_s = window_s
        self._interval_s = interval_s
        self._now = now
        self._sleep = sleep
        self._on_wait = on_wait
        self._is_off = quota == 0 and interval_s == 0
        if not self._is_off:
            folder.mkdir(parents=True, exist_ok=True)

    def turn(self) -> None:
        """Return when a request may be sent, and count it. Others are served while we wait."""
        if self._is_off:
            return
        is_said = False
        while (wait_s := self._taken_or_wait_s()) > 0:
            if wait_s > WORTH_SAYING_S and not is_said:
                self._on_wait(wait_s)
                is_said = True
            self._sleep(min(max(wait_s, SHORTEST_NAP_S), LONGEST_NAP_S))

    def learn(self, limit: int | None, remaining: int, reset_s: float, window_s: float | None) -> None:
        """Heed a `RateLimit` header: so many are left in a window that ends in `reset_s`. Nonsense is ignored."""
        if self._is_off or remaining < 0 or not 0 <= reset_s < math.inf:
            return
        with self._opened() as (ledger, now):
            same_end_s = abs(ledger.learned_at + ledger.reset_s - now - reset_s)
            if now < ledger.learned_at + ledger.reset_s and same_end_s <= _slack_s(self._window_s) + 1:
                # Of the same window: an answer may be older than what others have taken since.
                remaining = min(remaining, ledger.remaining)
            ledger.learned_at, ledger.remaining, ledger.reset_s = now, remaining, min(reset_s, LONGEST_HOLD_S)
            if limit is not None and limit > 0:
                ledger.limit = min(limit, LARGEST_QUOTA)
            if window_s is not None and 0 < window_s < math.inf:
                ledger.window_s = min(window_s, LONGEST_HOLD_S)

    def hold(self, seconds: float) -> None:
        """Let nobody on this machine send for so long, at most an hour. A longer hold stays."""
        if self._is_off or not seconds > 0:
            return
        with self._opened() as (ledger, now):
            seconds = min(seconds, LONGEST_HOLD_S)
            if now + seconds > ledger.held_at + ledger.held_s:
                ledger.held_at, ledger.held_s = now, seconds

    def _taken_or_wait_s(self) -> float:
        """Take a turn and give 0, or the seconds until it is worth asking again."""
        with self._opened() as (ledger, now):
            wait_s = self._wait_s(ledger, now)
            if wait_s <= 0:
                ledger.sent.append(now)
                ledger.remaining -= 1
            return wait_s

    def _wait_s(self, ledger: Ledger, now: float) -> float:
        """The longest of the waits that the ledger calls for at `now`."""
        free_at = [ledger.held_at + ledger.held_s]
        if ledger.remaining <= 0 and ledger.reset_s > 0:
            free_at.append(ledger.learned_at + ledger.reset_s + _slack_s(self._window_s))
        if ledger.sent and self._interval_s:
            free_at.append(ledger.sent[-1] + _lengthened_s(self._interval_s))
        quota, window_s = self._policy(ledger)
        if quota and len(ledger.sent) >= quota:
            free_at.append(ledger.sent[-quota] + _lengthened_s(window_s))
        return max(free_at) - now

    def _policy(self, ledger: Ledger) -> tuple[int, float]:
        """The quota and the seconds it is for; a quota of 0 is none."""
        if self._quota is not None:
            return self._quota, self._window_s
        return ledger.limit or ASSUMED_QUOTA, ledger.window_s or self._window_s

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[Ledger, float]]:
        """Hand out the ledger and the instant, under the lock; then put it back."""
        with self._lock:
            now = self._now()
            ledger = self._read(now)
            _mend(ledger, now)
            yield ledger, now
            _, window_s = self._policy(ledger)
            oldest = now - max(_lengthened_s(window_s), _lengthened_s(self._interval_s))
            ledger.sent = [instant for instant in ledger.sent if instant > oldest][-LARGEST_QUOTA:]
            # Renamed into place: a process that is killed leaves the old ledger or the new one. Not flushed to
            # the disk at each request: what a power cut tears is read as below.
            staged = self._path.with_suffix(".tmp")
            staged.write_text(json.dumps(asdict(ledger)), encoding="utf-8")
            staged.replace(self._path)

    def _read(self, now: float) -> Ledger:
        """The ledger of the file.

        Of one that can't be read only this is known: nothing was sent after it was written. So the quota counts
        as spent at that moment, which costs at most one window.
        """
        try:
            written_at = self._path.stat().st_mtime
            return _ledger(self._path.read_bytes())
        except FileNotFoundError:
            return Ledger()
        except ValueError:
            quota, _ = self._policy(Ledger())
            return Ledger(sent=[min(written_at, now)] * max(quota, 1))


def _ledger(raw: bytes) -> Ledger:
    """The ledger in the bytes of a file. Raises ValueError where there is none."""
    msg = "no ledger"
    try:
        said = json.loads(raw)
    except RecursionError:
        raise ValueError(msg) from None
    if not isinstance(said, dict) or said.keys() != {one.name for one in fields(Ledger)}:
        raise ValueError(msg)
    sent, limit, window_s = said["sent"], said["limit"], said["window_s"]
    numbers = [said[name] for name in ("held_at", "held_s", "learned_at", "reset_s", "remaining")]
    policy = [one for one in (limit, window_s) if one is not None]
    if not isinstance(sent, list) or not all(_is_number(one) for one in [*sent, *numbers, *policy]):
        raise ValueError(msg)
    if not isinstance(limit, int | None) or not isinstance(said["remaining"], int) or any(one <= 0 for one in policy):
        raise ValueError(msg)
    said["sent"] = sorted(sent)
    return Ledger(**said)


def _is_number(value: object) -> bool:
    # A bound, since an integer of JSON may be larger than any float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12  # noqa: PLR2004


def _mend(ledger: Ledger, now: float) -> None:
    """Take what lies in the future, because the clock was set back, for what is just happening.

    It is put down so: every wait is then begun anew once, and ends.
    """
    ledger.sent = [min(instant, now) for instant in ledger.sent]
    ledger.held_at = min(ledger.held_at, now)
    ledger.learned_at = min(ledger.learned_at, now)
    ledger.held_s = min(ledger.held_s, LONGEST_HOLD_S)
    ledger.reset_s = min(ledger.reset_s, LONGEST_HOLD_S)


def _slack_s(seconds: float) -> float:
    """What the moment between our counting and the server's may take."""
    return min(1.0, seconds * 0.02)


def _lengthened_s(seconds: float) -> float:
    return seconds + _slack_s(seconds)
