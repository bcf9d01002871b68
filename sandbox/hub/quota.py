"""The Hub's rate limit: a number of requests in each fixed window of real time, twice as many with a token."""

import math
import threading
import time
from typing import NamedTuple

_NO_LIMIT = 1_000_000_000


class Allowance(NamedTuple):
    """Whether a client has exceeded its quota, and the rate-limit headers of the answer."""

    is_spent: bool
    headers: dict[str, str]


class Quota:
    """Counts requests by client. `requests` None sets no limit but still gives headers."""

    def __init__(self, requests: int | None, window_s: int) -> None:
        """Start the first window now."""
        if window_s <= 0 or (requests is not None and requests < 0):
            message = f"invalid quota: {requests} requests in {window_s} s"
            raise ValueError(message)
        self._requests, self._window_s = requests, window_s
        self._started_s = time.monotonic()
        self._lock = threading.Lock()
        self._window = 0
        self._used: dict[str, int] = {}

    def take(self, authorization: str | None) -> Allowance:
        """Count one request of the client with this `Authorization` header."""
        token = authorization.removeprefix("Bearer ").strip() if authorization else ""
        has_token = bool(token) and authorization is not None and authorization.startswith("Bearer ")
        most = _NO_LIMIT if self._requests is None else self._requests * (2 if has_token else 1)
        elapsed_s = time.monotonic() - self._started_s
        window, within_s = divmod(elapsed_s, self._window_s)
        with self._lock:
            if window != self._window:
                self._window = int(window)
                self._used.clear()
            caller = token if has_token else ""
            used = self._used[caller] = self._used.get(caller, 0) + 1
        headers = {
            "RateLimit": f'"api";r={max(most - used, 0)};t={math.ceil(self._window_s - within_s)}',
            "RateLimit-Policy": f'"fixed window";"api";q={most};w={self._window_s}',
        }
        return Allowance(used > most, headers)
