"""Retries of the polite client: which failures are retried, how long it waits, and when it gives up."""

import random

import httpx
import pytest

from paperlake.sources.answer import SourceUnreachable
from paperlake.sources.rate_limit import (
    BACKOFF_CAP_S,
    LONGEST_WAIT_S,
    RateLimit,
    backoff_s,
    parse_rate_limit,
    parse_retry_after,
)
from tests.sources.mock_source import NOON, MockSource, Reaction, respond

SPENT = {"RateLimit": '"api";r=0;t=34', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}

# ── failures ──────────────────────────────────────────────────────────────────────────────────────────────────────────

TRANSIENT = [
    *(respond(status) for status in (408, 429, 500, 502, 503, 504)),
    httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("cut"), httpx.ReadError("reset"),
]  # fmt: skip


def failure_id(failure: Reaction) -> str:
    return str(getattr(failure, "status_code", type(failure).__name__))


@pytest.mark.parametrize("failure", TRANSIENT, ids=failure_id)
def test_transient_failures_are_retried(failure: Reaction):
    source = MockSource(failure, respond(200))
    assert source.get().status_code == 200
    assert source.clock.sleeps == [0.5]


def test_backoff_doubles_until_patience_is_exhausted():
    source = MockSource(respond(500), fault_patience_s=20)
    assert source.get().status_code == 500
    assert source.clock.sleeps == [0.5, 1, 2, 4, 8]  # another 15 s would exceed 20 s


def test_without_any_answer_source_unreachable_is_raised():
    source = MockSource(httpx.ConnectError("[Errno -2] Name or\nservice not known"), fault_patience_s=2)
    with pytest.raises(SourceUnreachable) as caught:
        source.get()
    assert str(caught.value) == (
        "hub.test could not be asked: no connection could be made ([Errno -2] Name or service not known), "
        "tried 3 times; check its address and the network, or try again later"
    )
    assert source.clock.elapsed_s <= 2


def test_the_last_answer_is_returned_when_later_attempts_fail():
    source = MockSource(respond(503, "busy"), httpx.ConnectError("refused"))
    assert source.get().body == b"busy"
    assert len(source.requests) > 2


def test_waiting_for_a_turn_does_not_use_up_patience():
    source = MockSource(respond(500), respond(200), turn_s=299, fault_patience_s=20)
    assert source.get().status_code == 200


def test_on_wait_is_called_before_a_wait():
    waits: list[float] = []
    MockSource(respond(429, retry_after="200"), respond(200), on_wait=waits.append).get()
    assert waits == [200]


def test_unexpected_exceptions_are_raised_without_retry():
    source = MockSource(ZeroDivisionError("a bug"), respond(200))
    with pytest.raises(ZeroDivisionError):
        source.get()
    assert len(source.requests) == 1


def test_backoff_has_full_jitter_and_a_cap():
    rng = random.Random(7)
    for failures, longest_s in [(1, 1), (2, 2), (3, 4), (4, 8), (50, BACKOFF_CAP_S), (5000, BACKOFF_CAP_S)]:
        waits = [backoff_s(failures, rng) for _ in range(300)]
        assert min(waits) < longest_s / 10
        assert longest_s * 0.9 < max(waits) <= longest_s


# ── waits that servers ask for ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [
        (429, SPENT, 35),
        (429, SPENT | {"Retry-After": "7"}, 35),
        (429, {"RateLimit": '"api";r=0', "Retry-After": "7"}, 7),
        (429, {"RateLimit": '"api";r=3;t=34', "Retry-After": "7"}, 7),
        (429, {"RateLimit": '"api";r=3;t=34'}, 0.5),
        (429, {"Retry-After": "Mon, 02 Jun 2025 12:00:09 GMT"}, 9),
        (429, {"Retry-After": "0"}, 0.5),
        (429, {"Retry-After": "soon"}, 0.5),
        (503, {"Retry-After": "10"}, 10),
        (503, {"Retry-After": "0"}, 0.5),
        (503, SPENT, 0.5),
        (500, {"Retry-After": "10"}, 0.5),
    ],
)
def test_the_server_decides_the_wait_if_its_headers_are_valid(status: int, headers: dict[str, str], wait_s: float):
    source = MockSource(httpx.Response(status, headers=headers), respond(200))
    assert source.get().status_code == 200
    assert source.clock.sleeps == [wait_s]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120), (" 5 ", 5), ("1.5", 1.5), ("0", 0), ("999999999", LONGEST_WAIT_S), ("-5", None),
        ("NaN", None), ("inf", None), ("1e9", None), ("9" * 400, None), ("", None), ("soon", None), ("٣", None),
        ("Mon, 02 Jun 2025 12:01:00 GMT", 60), ("Mon, 02 Jun 2025 12:01:00 -0000", 60),
        ("Monday, 02-Jun-25 12:01:00 GMT", 60), ("Mon, 02 Jun 2025 11:00:00 GMT", 0),
        ("Mon, 02 Jun 2125 12:00:00 GMT", LONGEST_WAIT_S), ("Mon, 99 Jun 2025 12:00:00 GMT", None),
        ("Mon, 02 Jun 99999 12:00:00 GMT", None),
    ],
)  # fmt: skip
def test_parse_retry_after_accepts_seconds_and_dates(value: str, seconds: float | None):
    assert parse_retry_after(value, NOON) == seconds


@pytest.mark.parametrize(
    ("limit", "policy", "parsed"),
    [
        ('"api";r=12;t=34', '"fixed window";"api";q=500;w=300', RateLimit(500, 12, 34, 300)),
        ('"api";t=34;r=12', 'w=300;q=500;"api"', RateLimit(500, 12, 34, 300)),
        ('"api" ; r = 12 ; t = 34', '"api" ; q = 500', RateLimit(500, 12, 34, None)),
        ("api;R=12;T=34", "api;Q=500;W=300", RateLimit(500, 12, 34, 300)),
        ("r=12;t=34", '"api";q=500;w=300', RateLimit(500, 12, 34, 300)),
        ('"api";r=12;t=34', "", RateLimit(None, 12, 34, None)),
        ('"api";r=12;t=34', '"pages";q=9;w=1, "api";q=500;w=300', RateLimit(500, 12, 34, 300)),
        ('"api";r=12;t=34', '"pages";q=9;w=1', RateLimit(None, 12, 34, None)),
        ('"a,b;c";r=12;t=34, "api";r=3;t=9', '"api";q=500;w=300', RateLimit(500, 3, 9, 300)),
        ('"api";r=12;t=34', '"api";q=0;w=0', RateLimit(None, 12, 34, None)),
        ('"api";r=12;t=99999999', "", RateLimit(None, 12, LONGEST_WAIT_S, None)),
        ('"api";r=12', '"api";q=500;w=300', None),
        ('"api";t=34', "", None),
        ('"api";r=-1;t=34', "", None),
        ('"api";r=NaN;t=34', "", None),
        ('"api;r=1;t=2', "", None),
        (';;,,=;\\"<', ';;,=,"', None),
        ("", '"api";q=500;w=300', None),
    ],
)  # fmt: skip
def test_parse_rate_limit_accepts_every_spelling(limit: str, policy: str, parsed: RateLimit | None):
    assert parse_rate_limit([("ratelimit", limit), ("ratelimit-policy", policy)]) == parsed


def test_every_request_waits_for_its_turn_and_every_answer_updates_the_limit():
    headers = {"RateLimit": '"api";r=12;t=34', "RateLimit-Policy": '"api";q=500;w=300'}
    source = MockSource(
        httpx.Response(302, headers=headers | {"Location": "/b"}), httpx.Response(500, headers=headers), respond(200)
    )
    source.get()
    assert source.pace.turns == len(source.requests) == 3
    assert source.pace.limits == [(500, 12, 34, 300)] * 2


@pytest.mark.parametrize(
    ("reaction", "holds"),
    [
        (httpx.Response(429, headers=SPENT), [35]),
        (respond(429), [0.5]),
        (respond(503, retry_after="9"), [9]),
        (respond(503), []),
        (respond(500), []),
    ],
)
def test_a_wait_that_the_server_asks_for_holds_the_pace(reaction: httpx.Response, holds: list[float]):
    source = MockSource(reaction, respond(200))
    source.get()
    assert source.pace.holds == holds


def test_waiting_for_quota_has_its_own_limit():
    source = MockSource(respond(429, retry_after="300"), fault_patience_s=20, quota_patience_s=660)
    assert source.get().status_code == 429
    assert source.clock.sleeps == [300, 300]
    assert source.pace.holds == [300, 300, 300]


def test_waiting_for_quota_does_not_use_up_patience():
    source = MockSource(respond(429, retry_after="300"), respond(500), respond(200), fault_patience_s=5)
    assert source.get().status_code == 200


def test_a_wait_longer_than_patience_is_skipped_but_holds_the_pace():
    source = MockSource(respond(503, "closed", retry_after="999999999"), fault_patience_s=20)
    assert source.get().body == b"closed"
    assert source.clock.sleeps == []
    assert source.pace.holds == [LONGEST_WAIT_S]
