"""A client with manners: waits its turn, does as told, bears faults for a while, keeps its token."""

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol, Self

import httpx

from paperlake.sources.address import is_loopback, is_same_origin, origin, redirected, source_address
from paperlake.sources.answer import Answer, SourceUnreachable
from paperlake.sources.exchange import Fault, Limits, Reply, exchange
from paperlake.sources.rate_limit import RETRYABLE, asked_wait_s, backoff_s, rate_limit

MAX_REDIRECTS = 5

SHORTEST_PATIENCE_S = 5.0
"""The silence that a last try is given, however little patience is left: else it would be none."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_KEPT = frozenset({"set-cookie", "set-cookie2"})


class Pace(Protocol):
    """What is agreed with everybody else on this machine who asks the same source."""

    def turn(self) -> None:
        """Return when a request may be sent, and count it."""

    def learn(self, limit: int | None, remaining: int, reset_s: float, window_s: float | None) -> None:
        """Heed what a `RateLimit` header said."""

    def hold(self, seconds: float) -> None:
        """Let nobody on this machine send for so long."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """What was agreed when the client was opened."""

    pace: Pace
    patience_s: float
    quota_patience_s: float
    answer_deadline_s: float
    size_cap_bytes: int
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    rng: random.Random
    on_wait: Callable[[float], None]


@dataclass(slots=True)
class _Visit:
    """How one `get` has gone so far."""

    started_s: float
    excused_s: float = 0.0
    """Spent on waiting for our turn and for quota: not the source's fault, so not on our patience."""
    quota_waited_s: float = 0.0
    tries: int = 0
    last: Answer | None = field(default=None)


def open_client(  # noqa: PLR0913 - each is a promise to the source or a clock
    base_url: str,
    *,
    user_agent: str,
    pace: Pace,
    token: str | None = None,
    patience_s: float = 20.0,
    quota_patience_s: float = 660.0,
    answer_deadline_s: float = 60.0,
    size_cap_bytes: int = 64 * 2**20,
    now: Callable[[], datetime],
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    rng: random.Random | None = None,
    on_wait: Callable[[float], None] = lambda _: None,
    transport: httpx.BaseTransport | None = None,
) -> "PoliteClient":
    """Open a client for the source at `base_url`, whose path, if any, stands before every path asked.

    `patience_s` is for silence and faults, in one `get`; `quota_patience_s` (two windows of the Hub and a
    minute) for being told to wait by a 429; `on_wait` hears of every wait that the client itself sleeps, in
    seconds. Raises ValueError for an address that is not plain http or https, and for a token or user agent
    that no header may hold.

    Proxies are httpx's: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count, because some people
    have no other way out; but never for loopback, where no proxy could find the server that is meant.
    """
    base = source_address(base_url)
    token = (token or "").strip()
    _check_sendable(token, "the token")
    _check_sendable(user_agent, "the user agent")
    client = httpx.Client(
        # A connection a request: nothing is held while we wait for our turn, which may be minutes.
        headers={"user-agent": user_agent, "accept-encoding": "gzip", "connection": "close"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        trust_env=not is_loopback(base),
        transport=transport,
    )
    terms = _Terms(
        pace, patience_s, quota_patience_s, answer_deadline_s, size_cap_bytes, now, monotonic, sleep,
        rng or random.Random(), on_wait,  # noqa: S311 - jitter, no secret
    )  # fmt: skip
    return PoliteClient(base, client, terms, token)


class PoliteClient:
    """Asks one source. Made by `open_client`; a context manager."""

    def __init__(self, base: httpx.URL, client: httpx.Client, terms: _Terms, token: str) -> None:
        """Take over `client`; the token, if any, is for the host of `base` alone."""
        self._base = base
        self._client = client
        self._terms = terms
        self._token = token

    def __enter__(self) -> Self:
        """Hand out the client, open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection."""
        self._client.close()

    def __repr__(self) -> str:
        """Name the source, and nothing that is secret."""
        return f"<PoliteClient {self._base}>"

    def get(self, path: str, params: Mapping[str, str | int]) -> Answer:
        """Ask until there is an answer worth keeping, whatever its status, or patience is spent.

        Tried again are 408, 429, 500, 502, 503, 504 and what is no whole answer; the last answer is the
        caller's to judge. Raises SourceUnreachable where there was none.
        """
        url = httpx.URL(f"{self._base}{path}", **({"params": dict(params)} if params else {}))
        visit = _Visit(self._terms.monotonic())
        while True:
            outcome = self._ask(url, visit)
            visit.tries += 1
            if isinstance(outcome, Answer):
                visit.last = outcome
            wait_s = self._next_wait_s(outcome, visit)
            if wait_s is None:
                return self._settled(outcome, visit)
            self._terms.on_wait(wait_s)
            self._terms.sleep(wait_s)

    def _ask(self, url: httpx.URL, visit: _Visit) -> Answer | Fault:
        """Send once, and once more for every redirect."""
        target = url
        for _ in range(1 + MAX_REDIRECTS):
            reply = self._send(target, visit)
            if isinstance(reply, Fault):
                return reply
            kept = tuple((name, self._discreet(value)) for name, value in reply.headers if name not in _NOT_KEPT)
            answer = Answer(str(url), reply.status_code, kept, reply.body, self._terms.now().astimezone(UTC))
            location = next((value for name, value in reply.headers if name == "location"), None)
            if reply.status_code not in _REDIRECTS or location is None:
                return answer
            target = redirected(target, location)
            # Nobody else gets our requests, or the token.
            if not is_same_origin(target, self._base):
                return _lost(f"it redirects to {origin(target)}, and only redirects on its own host are followed")
        return _lost(f"it redirects more than {MAX_REDIRECTS} times")

    def _discreet(self, value: str) -> str:
        """The value of a header without our token, which some proxies echo."""
        return value.replace(self._token, "[token]") if self._token else value

    def _send(self, url: httpx.URL, visit: _Visit) -> Reply | Fault:
        """Wait for our turn, send, and pass on what the answer says of limits."""
        terms = self._terms
        asked_s = terms.monotonic()
        terms.pace.turn()
        visit.excused_s += terms.monotonic() - asked_s
        silence_s = max(SHORTEST_PATIENCE_S, terms.patience_s - self._borne_s(visit))
        limits = Limits(silence_s, terms.answer_deadline_s, terms.size_cap_bytes)
        secret = {"authorization": f"Bearer {self._token}"} if self._token else {}
        request = self._client.build_request("GET", url, headers=secret)
        reply = exchange(self._client, request, limits, terms.monotonic)
        said = rate_limit(reply.headers) if isinstance(reply, Reply) else None
        if said is not None:
            terms.pace.learn(said.limit, said.remaining, said.reset_s, said.window_s)
        return reply

    def _next_wait_s(self, outcome: Answer | Fault, visit: _Visit) -> float | None:
        """The seconds until the next try; None when there is none. Tells the pace what the server asked."""
        terms = self._terms
        answer = outcome if isinstance(outcome, Answer) else None
        if not _may_pass(outcome):
            return None
        asked_s = asked_wait_s(answer.status_code, answer.headers, terms.now()) if answer else None
        wait_s = backoff_s(visit.tries, terms.rng) if asked_s is None else asked_s
        is_refused = answer is not None and answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        if is_refused or asked_s is not None:
            terms.pace.hold(wait_s)
        if is_refused:
            visit.quota_waited_s += wait_s
            visit.excused_s += wait_s
            return wait_s if visit.quota_waited_s <= terms.quota_patience_s else None
        return wait_s if self._borne_s(visit) + wait_s <= terms.patience_s else None

    def _borne_s(self, visit: _Visit) -> float:
        return self._terms.monotonic() - visit.started_s - visit.excused_s

    def _settled(self, outcome: Answer | Fault, visit: _Visit) -> Answer:
        """The answer to stay with, now that we ask no more."""
        if isinstance(outcome, Answer):
            return outcome
        if visit.last is not None and outcome.is_passing:
            return visit.last
        raise self._unreachable(outcome, visit)

    def _unreachable(self, fault: Fault, visit: _Visit) -> SourceUnreachable:
        host = self._base.netloc.decode("ascii", "replace")
        tries = f", tried {visit.tries} times" if visit.tries > 1 else ""
        text = f"{host} could not be asked: {fault.what}{tries}; {fault.advice}"
        return SourceUnreachable(_one_line(text.replace(self._token, "…") if self._token else text))


def _may_pass(outcome: Answer | Fault) -> bool:
    """Whether asking again may help."""
    return outcome.status_code in RETRYABLE if isinstance(outcome, Answer) else outcome.is_passing


def _lost(what: str) -> Fault:
    return Fault(what, is_passing=False, advice="if the source has moved, configure its new address")


def _check_sendable(text: str, name: str) -> None:
    """Refuse what no header may hold, here and without repeating it: HTTP libraries quote it."""
    if not re.fullmatch(r"[\x20-\x7e]*", text):
        msg = f"{name} must be plain ASCII on one line"
        raise ValueError(msg)


def _one_line(text: str) -> str:
    return re.sub(r"[^\x20-\x7e…]+", " ", text)[:400]
