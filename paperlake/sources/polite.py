"""An HTTP client that respects a source: it paces requests, retries within limits and protects its token."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol, Self

import httpx

from paperlake.sources.address import is_loopback, is_same_origin, origin, parse_source_url, redirect_target
from paperlake.sources.answer import Answer, SourceUnreachable
from paperlake.sources.client_options import RetryLimits, SourceConfig, Timing
from paperlake.sources.exchange import Limits, RawResponse, RequestFailure, exchange
from paperlake.sources.rate_limit import RETRYABLE, backoff_s, parse_rate_limit, server_wait_s

MAX_REDIRECTS = 5

MIN_SILENCE_S = 5.0
"""The silence allowed in the last attempt, even when less patience is left."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DROPPED_HEADERS = frozenset({"set-cookie", "set-cookie2"})


class Pace(Protocol):
    """A rate limiter that all processes of this machine share for one source."""

    def wait_for_turn(self) -> None:
        """Return when a request may be sent, and count that request."""

    def update_limit(self, limit: int | None, remaining: int, reset_s: float, window_s: float | None) -> None:
        """Apply the values of a `RateLimit` header."""

    def hold(self, seconds: float) -> None:
        """Stop all requests of this machine for `seconds`."""


@dataclass(slots=True)
class _Attempts:
    """The attempts of one `get`."""

    started_s: float
    exempt_s: float = 0.0
    """Time spent waiting for our turn and for quota. It does not count against the patience for faults."""
    quota_waited_s: float = 0.0
    count: int = 0
    last_answer: Answer | None = None


class PoliteClient:
    """A client of one source. It is a context manager.

    httpx reads the proxy settings `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, because some networks
    require a proxy. Loopback addresses never use one: the proxy could not reach the server.
    """

    def __init__(
        self,
        source: SourceConfig,
        pace: Pace,
        timing: Timing,
        limits: RetryLimits | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Raises ValueError for an address that is not plain http or https, and for text that no header can contain."""
        self._base = parse_source_url(source.base_url)
        self._token = (source.token or "").strip()
        _check_header_text(self._token, "the token")
        _check_header_text(source.user_agent, "the user agent")
        self._pace = pace
        self._timing = timing
        self._limits = limits or RetryLimits()
        self._http_client = httpx.Client(
            verify=_tls_context(),
            # One connection per request: none stays open while we wait for our turn, which may take minutes.
            headers={"user-agent": source.user_agent, "accept-encoding": "gzip", "connection": "close"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=not is_loopback(self._base),
            transport=transport,
        )

    def __enter__(self) -> Self:
        """Return the open client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection."""
        self._http_client.close()

    def __repr__(self) -> str:
        """Name the source without any secret."""
        return f"<PoliteClient {self._base}>"

    def get(self, path: str, params: Mapping[str, str | int]) -> Answer:
        """Request `path` until an answer is final, whatever its status, or the limits are reached.

        Retries 408, 429, 500, 502, 503, 504 (`RETRYABLE`), incomplete answers and failed connections. It waits as long
        as a 429 or 503 asks for, else with backoff. At the limits it returns the last answer, and raises
        SourceUnreachable if there was none.
        """
        url = httpx.URL(f"{self._base}{path}", **({"params": dict(params)} if params else {}))
        attempts = _Attempts(self._timing.monotonic())
        while True:
            result = self._request(url, attempts)
            attempts.count += 1
            if isinstance(result, Answer):
                attempts.last_answer = result
            wait_s = self._next_wait_s(result, attempts)
            if wait_s is None:
                return self._final_answer(result, attempts)
            self._timing.on_wait(wait_s)
            self._timing.sleep(wait_s)

    def _request(self, url: httpx.URL, attempts: _Attempts) -> Answer | RequestFailure:
        """Send one request, and one more for every redirect."""
        target = url
        for _ in range(1 + MAX_REDIRECTS):
            response = self._send(target, attempts)
            if isinstance(response, RequestFailure):
                return response
            headers = tuple(
                (name, self._mask_token(value)) for name, value in response.headers if name not in _DROPPED_HEADERS
            )
            received_at = self._timing.now().astimezone(UTC)
            answer = Answer(str(url), response.status_code, headers, response.body, received_at)
            location = next((value for name, value in response.headers if name == "location"), None)
            if response.status_code not in _REDIRECTS or location is None:
                return answer
            target = redirect_target(target, location)
            # No other host may receive our requests or the token.
            if not is_same_origin(target, self._base):
                return _redirect_failure(
                    f"it redirects to {origin(target)}, and only redirects on its own host are followed"
                )
        return _redirect_failure(f"it redirects more than {MAX_REDIRECTS} times")

    def _mask_token(self, value: str) -> str:
        """Replace our token in a header value: some proxies echo it."""
        return value.replace(self._token, "[token]") if self._token else value

    def _send(self, url: httpx.URL, attempts: _Attempts) -> RawResponse | RequestFailure:
        """Wait for our turn, send the request, and pass the answer's rate limit to the pace."""
        queued_s = self._timing.monotonic()
        self._pace.wait_for_turn()
        attempts.exempt_s += self._timing.monotonic() - queued_s
        silence_s = max(MIN_SILENCE_S, self._limits.fault_patience_s - self._fault_time_s(attempts))
        limits = Limits(silence_s, self._limits.answer_deadline_s, self._limits.size_cap_bytes)
        authorization = {"authorization": f"Bearer {self._token}"} if self._token else {}
        request = self._http_client.build_request("GET", url, headers=authorization)
        response = exchange(self._http_client, request, limits, self._timing.monotonic)
        rate_limit = parse_rate_limit(response.headers) if isinstance(response, RawResponse) else None
        if rate_limit is not None:
            self._pace.update_limit(rate_limit.limit, rate_limit.remaining, rate_limit.reset_s, rate_limit.window_s)
        return response

    def _next_wait_s(self, result: Answer | RequestFailure, attempts: _Attempts) -> float | None:
        """The seconds until the next attempt; None for no further attempt. A wait that the server asks for holds all.

        Only waits after a 429 count against the patience for quota, all others against the patience for faults.
        """
        answer = result if isinstance(result, Answer) else None
        if not _is_retryable(result):
            return None
        requested_s = server_wait_s(answer.status_code, answer.headers, self._timing.now()) if answer else None
        wait_s = backoff_s(attempts.count, self._timing.rng) if requested_s is None else requested_s
        is_over_quota = answer is not None and answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        if is_over_quota or requested_s is not None:
            self._pace.hold(wait_s)
        if is_over_quota:
            attempts.quota_waited_s += wait_s
            attempts.exempt_s += wait_s
            return wait_s if attempts.quota_waited_s <= self._limits.quota_patience_s else None
        return wait_s if self._fault_time_s(attempts) + wait_s <= self._limits.fault_patience_s else None

    def _fault_time_s(self, attempts: _Attempts) -> float:
        """The seconds that count against the patience for faults."""
        return self._timing.monotonic() - attempts.started_s - attempts.exempt_s

    def _final_answer(self, result: Answer | RequestFailure, attempts: _Attempts) -> Answer:
        """The result of the last attempt, or else the last answer before it. Raises SourceUnreachable."""
        if isinstance(result, Answer):
            return result
        if attempts.last_answer is not None and result.is_transient:
            return attempts.last_answer
        raise self._unreachable(result, attempts)

    def _unreachable(self, failure: RequestFailure, attempts: _Attempts) -> SourceUnreachable:
        host = self._base.netloc.decode("ascii", "replace")
        tries = f", tried {attempts.count} times" if attempts.count > 1 else ""
        text = f"{host} could not be asked: {failure.message}{tries}; {failure.advice}"
        return SourceUnreachable(_one_line(text.replace(self._token, "…") if self._token else text))


def _is_retryable(result: Answer | RequestFailure) -> bool:
    return result.status_code in RETRYABLE if isinstance(result, Answer) else result.is_transient


def _redirect_failure(message: str) -> RequestFailure:
    return RequestFailure(message, is_transient=False, advice="if the source has moved, configure its new address")


@cache
def _tls_context() -> ssl.SSLContext:
    """The certificates that httpx trusts: reading them takes longer than a request on loopback."""
    return httpx.create_ssl_context()


def _check_header_text(text: str, name: str) -> None:
    """Reject text that a header cannot contain. HTTP libraries would quote it in their error; this one does not."""
    if not re.fullmatch(r"[\x20-\x7e]*", text):
        msg = f"{name} must be plain ASCII on one line"
        raise ValueError(msg)


def _one_line(text: str) -> str:
    return re.sub(r"[^\x20-\x7e…]+", " ", text)[:400]
