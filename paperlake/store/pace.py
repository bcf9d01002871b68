"""A rate limiter shared by all processes of this machine: a file records the recent requests to one source."""

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
"""Requests per window until an answer gives the limit: the Hub's limit for anonymous clients."""

LARGEST_QUOTA = 10_000
"""The largest accepted limit, which also bounds the size of the file."""

LONGEST_HOLD_S = 3600.0
LONGEST_SLEEP_S = 60.0
"""The longest sleep between two reads of the file: meanwhile the hold or the clock may have changed."""

SHORTEST_SLEEP_S = 0.001
"""A rounding error must not cause a sleep shorter than the resolution of the clock."""

WORTH_SAYING_S = 5.0


@dataclass(slots=True)
class RequestLog:
    """The content of the file, which stores these fields under their names.

    All timestamps lie in the past. So a clock that was set back is detected and corrected.
    """

    sent: list[float] = field(default_factory=list)
    """When each recent request was permitted, oldest first."""
    held_at: float = 0.0
    held_s: float = 0.0
    """No request is permitted for this long after `held_at`."""
    learned_at: float = 0.0
    remaining: int = 0
    reset_s: float = 0.0
    """At `learned_at`, the server permitted `remaining` requests in the next `reset_s`, including other machines'."""
    limit: int | None = None
    window_s: float | None = None
    """The server's policy, if an answer contained it."""


class FilePace:
    """The rate limiter of one source, stored in `<folder>/pace-<name>.json`.

    It permits at most a quota of requests in *any* period of `window_s`. This satisfies the server's fixed windows
    too, whenever they begin. Requests are not delayed until the quota is used up.

    - `quota` N: N requests. None: the limit in the answers' headers, else 500. 0: no quota; if `interval_s` is 0
      too, there is no limit at all, which is meant for our own servers.
    - `interval_s`: the minimum time between two requests.
    - `on_wait` is called with the seconds of each wait of more than 5 s, before the wait.

    A request is counted when `wait_for_turn` returns, shortly before the server counts it. Windows and intervals are
    therefore extended by 2 %, at most by a second. Raises ValueError for a name with characters other than a-z and _.
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
        """Create the folder. The file is read and written from the first turn on."""
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

    def wait_for_turn(self) -> None:
        """Return when a request may be sent, and count that request. The lock is free during the wait."""
        if self._is_off:
            return
        is_announced = False
        while (wait_s := self._take_turn_or_wait_s()) > 0:
            if wait_s > WORTH_SAYING_S and not is_announced:
                self._on_wait(wait_s)
                is_announced = True
            self._sleep(min(max(wait_s, SHORTEST_SLEEP_S), LONGEST_SLEEP_S))

    def update_limit(self, limit: int | None, remaining: int, reset_s: float, window_s: float | None) -> None:
        """Apply a `RateLimit` header: `remaining` requests in a window that ends in `reset_s`.

        Invalid values are ignored.
        """
        if self._is_off or remaining < 0 or not 0 <= reset_s < math.inf:
            return
        with self._open_log() as (log, now):
            difference_s = abs(log.learned_at + log.reset_s - now - reset_s)
            if now < log.learned_at + log.reset_s and difference_s <= _slack_s(self._window_s) + 1:
                # The same window: the answer may be older than requests that others have sent since.
                remaining = min(remaining, log.remaining)
            log.learned_at, log.remaining, log.reset_s = now, remaining, min(reset_s, LONGEST_HOLD_S)
            if limit is not None and limit > 0:
                log.limit = min(limit, LARGEST_QUOTA)
            if window_s is not None and 0 < window_s < math.inf:
                log.window_s = min(window_s, LONGEST_HOLD_S)

    def hold(self, seconds: float) -> None:
        """Permit no request of this machine for `seconds`, at most an hour. It does not shorten a longer hold."""
        if self._is_off or not seconds > 0:
            return
        with self._open_log() as (log, now):
            seconds = min(seconds, LONGEST_HOLD_S)
            if now + seconds > log.held_at + log.held_s:
                log.held_at, log.held_s = now, seconds

    def _take_turn_or_wait_s(self) -> float:
        """Count a request and return 0, or return the seconds until the next try is worthwhile."""
        with self._open_log() as (log, now):
            wait_s = self._wait_s(log, now)
            if wait_s <= 0:
                log.sent.append(now)
                log.remaining -= 1
            return wait_s

    def _wait_s(self, log: RequestLog, now: float) -> float:
        """The seconds from `now` until hold, server limit, interval and quota all permit a request."""
        permitted_at = [log.held_at + log.held_s]
        if log.remaining <= 0 and log.reset_s > 0:
            permitted_at.append(log.learned_at + log.reset_s + _slack_s(self._window_s))
        if log.sent and self._interval_s:
            permitted_at.append(log.sent[-1] + _with_slack_s(self._interval_s))
        quota, window_s = self._policy(log)
        if quota and len(log.sent) >= quota:
            permitted_at.append(log.sent[-quota] + _with_slack_s(window_s))
        return max(permitted_at) - now

    def _policy(self, log: RequestLog) -> tuple[int, float]:
        """The quota (0 for none) and its window in seconds."""
        if self._quota is not None:
            return self._quota, self._window_s
        return log.limit or ASSUMED_QUOTA, log.window_s or self._window_s

    @contextlib.contextmanager
    def _open_log(self) -> Iterator[tuple[RequestLog, float]]:
        """Yield the request log and the current time under the lock, then write the log."""
        with self._lock:
            now = self._now()
            log = self._read(now)
            _correct_timestamps(log, now)
            yield log, now
            _, window_s = self._policy(log)
            oldest = now - max(_with_slack_s(window_s), _with_slack_s(self._interval_s))
            log.sent = [timestamp for timestamp in log.sent if timestamp > oldest][-LARGEST_QUOTA:]
            # Renamed into place: a process that is killed leaves the old file or the new one. It is not flushed at
            # each request: `_read` handles a file that a power failure damaged.
            staged = self._path.with_suffix(".tmp")
            staged.write_text(json.dumps(asdict(log)), encoding="utf-8")
            staged.replace(self._path)

    def _read(self, now: float) -> RequestLog:
        """Read the file.

        If it is damaged, we know only that nothing was sent after it was written. The quota then counts as used up
        at that moment, which costs at most one window.
        """
        try:
            written_at = self._path.stat().st_mtime
            return _parse(self._path.read_bytes())
        except FileNotFoundError:
            return RequestLog()
        except ValueError:
            quota, _ = self._policy(RequestLog())
            return RequestLog(sent=[min(written_at, now)] * max(quota, 1))


def _parse(raw: bytes) -> RequestLog:
    """Raises ValueError if the bytes are not a valid request log."""
    msg = "no request log"
    try:
        values = json.loads(raw)
    except RecursionError:
        raise ValueError(msg) from None
    if not isinstance(values, dict) or values.keys() != {column.name for column in fields(RequestLog)}:
        raise ValueError(msg)
    sent, limit, window_s = values["sent"], values["limit"], values["window_s"]
    numbers = [values[name] for name in ("held_at", "held_s", "learned_at", "reset_s", "remaining")]
    policy = [value for value in (limit, window_s) if value is not None]
    if not isinstance(sent, list) or not all(_is_number(value) for value in [*sent, *numbers, *policy]):
        raise ValueError(msg)
    are_integers = isinstance(limit, int | None) and isinstance(values["remaining"], int)
    if not are_integers or any(value <= 0 for value in policy):
        raise ValueError(msg)
    values["sent"] = sorted(sent)
    return RequestLog(**values)


def _is_number(value: object) -> bool:
    # Bounded, because an integer in JSON may be larger than any float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12  # noqa: PLR2004


def _correct_timestamps(log: RequestLog, now: float) -> None:
    """Replace timestamps in the future, which exist after the clock was set back, by the current time.

    The corrected log is written. So every wait starts again once, and ends.
    """
    log.sent = [min(timestamp, now) for timestamp in log.sent]
    log.held_at = min(log.held_at, now)
    log.learned_at = min(log.learned_at, now)
    log.held_s = min(log.held_s, LONGEST_HOLD_S)
    log.reset_s = min(log.reset_s, LONGEST_HOLD_S)


def _slack_s(seconds: float) -> float:
    """An allowance for the time between our counting of a request and the server's."""
    return min(1.0, seconds * 0.02)


def _with_slack_s(seconds: float) -> float:
    return seconds + _slack_s(seconds)
