"""Manners: when the client waits, gives up, obeys, and what it never says. The clock moves only when someone sleeps."""

import logging
import pickle
import random
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest

from paperlake.sources.answer import SourceUnreachable
from paperlake.sources.polite import MAX_REDIRECTS, PoliteClient, open_client
from paperlake.sources.rate_limit import BACKOFF_CAP_S, LONGEST_WAIT_S, RateLimit, backoff_s, rate_limit, retry_after_s

NOON = datetime(2025, 6, 2, 12, tzinfo=UTC)
TOKEN = "hf_never_to_be_seen"
SPENT = {"RateLimit": '"api";r=0;t=34', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
Reaction = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Clock:
    """Time that only passes in naps."""

    def __init__(self) -> None:
        self.naps: list[float] = []
        self.s = 0.0

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.s += seconds

    def monotonic(self) -> float:
        return self.s

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.s)


class NotedPace:
    """Notes what it is told; a turn takes `turn_s`."""

    def __init__(self, clock: Clock, turn_s: float = 0) -> None:
        self.clock, self.turn_s = clock, turn_s
        self.turns = 0
        self.learned: list[tuple[object, ...]] = []
        self.held: list[float] = []

    def turn(self) -> None:
        self.turns += 1
        self.clock.s += self.turn_s

    def learn(self, limit: int | None, remaining: int, reset_s: float, window_s: float | None) -> None:
        self.learned.append((limit, remaining, reset_s, window_s))

    def hold(self, seconds: float) -> None:
        self.held.append(seconds)


class Halves(random.Random):
    """Draws the middle, so that waits can be foretold."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


class Visit:
    """A client before a server that reacts as told, the last way for ever."""

    def __init__(self, *reactions: Reaction, turn_s: float = 0, base: str = "https://hub.test", **options) -> None:
        self.clock = Clock()
        self.pace = NotedPace(self.clock, turn_s)
        self.requests: list[httpx.Request] = []
        self.reactions = reactions
        options = {
            "user_agent": "Paperlake (you@example.org)",
            "rng": Halves(),
            "token": TOKEN,
            "now": self.clock.now,
        } | options
        self.client: PoliteClient = open_client(
            base, pace=self.pace, monotonic=self.clock.monotonic, sleep=self.clock.sleep,
            transport=httpx.MockTransport(self.react), **options,
        )  # fmt: skip

    def react(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reaction = self.reactions[min(len(self.requests), len(self.reactions)) - 1]
        if isinstance(reaction, Exception):
            raise reaction
        if isinstance(reaction, httpx.Response):
            return httpx.Response(reaction.status_code, headers=reaction.headers, content=reaction.content)
        return reaction(request)

    def get(self, path: str = "/list", params: dict[str, str | int] | None = None):
        with self.client:
            return self.client.get(path, params or {})


def says(status: int, body: str = "[]", **headers: str) -> httpx.Response:
    return httpx.Response(status, text=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


# ── the answer ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_is_kept_as_it_came():
    headers = [("X-Two", "1"), ("Set-Cookie", "session=1"), ("x-two", "2")]
    visit = Visit(httpx.Response(200, content=b"\xff[", headers=headers))
    answer = visit.get("/api", {"q": "a b", "n": 1})
    assert (answer.status_code, answer.body, answer.received_at) == (200, b"\xff[", NOON)
    assert answer.url == "https://hub.test/api?q=a+b&n=1"
    assert [pair for pair in answer.headers if pair[0] == "x-two"] == [("x-two", "1"), ("x-two", "2")]
    assert not any(name == "set-cookie" for name, _ in answer.headers)


def test_the_instant_is_told_in_utc():
    there = NOON.astimezone(timezone(timedelta(hours=5)))
    answer = Visit(says(200), now=lambda: there).get()
    assert answer.received_at == NOON
    assert answer.received_at.tzinfo is UTC


def test_a_path_in_the_address_stands_before_every_path():
    visit = Visit(says(200), base="https://hub.test:8443/mirror/")
    assert visit.get("/api", {"p": 0}).url == "https://hub.test:8443/mirror/api?p=0"


def test_we_say_who_we_are_and_ask_for_gzip_alone():
    visit = Visit(says(200))
    visit.get()
    assert visit.requests[0].headers["user-agent"] == "Paperlake (you@example.org)"
    assert visit.requests[0].headers["accept-encoding"] == "gzip"


def test_cookies_are_not_brought_back():
    visit = Visit(says(500, set_cookie="session=1; Path=/"), says(200))
    visit.get()
    assert "cookie" not in visit.requests[1].headers


@pytest.mark.parametrize("status", [204, 304, 400, 401, 403, 404, 410, 501])
def test_what_will_not_change_is_not_asked_twice(status: int):
    visit = Visit(says(status))
    assert visit.get().status_code == status
    assert len(visit.requests) == 1
    assert visit.clock.naps == []


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────────────

PASSING = [
    *(says(status) for status in (408, 429, 500, 502, 503, 504)),
    httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("cut"), httpx.ReadError("reset"),
]  # fmt: skip


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: str(getattr(fault, "status_code", type(fault).__name__)))
def test_what_may_pass_is_asked_again(fault: Reaction):
    visit = Visit(fault, says(200))
    assert visit.get().status_code == 200
    assert visit.clock.naps == [0.5]


def test_waits_grow_and_end_with_patience():
    visit = Visit(says(500), patience_s=20)
    assert visit.get().status_code == 500
    assert visit.clock.naps == [0.5, 1, 2, 4, 8]  # and 15 more would be 30.5 s


def test_without_any_answer_the_source_is_unreachable():
    visit = Visit(httpx.ConnectError("[Errno -2] Name or\nservice not known"), patience_s=2)
    with pytest.raises(SourceUnreachable) as caught:
        visit.get()
    assert str(caught.value) == (
        "hub.test could not be asked: no connection could be made ([Errno -2] Name or service not known), "
        "tried 3 times; check its address and the network, or try again later"
    )
    assert visit.clock.s <= 2


def test_the_last_answer_is_given_when_later_there_is_none():
    visit = Visit(says(503, "busy"), httpx.ConnectError("refused"))
    assert visit.get().body == b"busy"
    assert len(visit.requests) > 2


def test_time_spent_on_our_turn_is_not_on_the_source():
    visit = Visit(says(500), says(200), turn_s=299, patience_s=20)
    assert visit.get().status_code == 200


def test_waits_are_announced():
    said: list[float] = []
    Visit(says(429, retry_after="200"), says(200), on_wait=said.append).get()
    assert said == [200]


def test_what_nobody_expects_is_raised_and_not_retried():
    visit = Visit(ZeroDivisionError("a bug"), says(200))
    with pytest.raises(ZeroDivisionError):
        visit.get()
    assert len(visit.requests) == 1


def test_jitter_is_full_and_capped():
    rng = random.Random(7)
    for failures, most in [(1, 1), (2, 2), (3, 4), (4, 8), (50, BACKOFF_CAP_S), (5000, BACKOFF_CAP_S)]:
        waits = [backoff_s(failures, rng) for _ in range(300)]
        assert min(waits) < most / 10
        assert most * 0.9 < max(waits) <= most


# ── being told to wait ───────────────────────────────────────────────────────────────────────────────────────────────


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
def test_the_wait_is_the_one_asked_for_else_our_own(status: int, headers: dict[str, str], wait_s: float):
    visit = Visit(httpx.Response(status, headers=headers), says(200))
    assert visit.get().status_code == 200
    assert visit.clock.naps == [wait_s]


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
def test_retry_after_is_seconds_or_a_date_or_nothing(value: str, seconds: float | None):
    assert retry_after_s(value, NOON) == seconds


@pytest.mark.parametrize(
    ("limit", "policy", "meaning"),
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
def test_a_rate_limit_is_read_however_it_is_written(limit: str, policy: str, meaning: RateLimit | None):
    assert rate_limit([("ratelimit", limit), ("ratelimit-policy", policy)]) == meaning


def test_every_request_waits_for_its_turn_and_every_answer_teaches():
    headers = {"RateLimit": '"api";r=12;t=34', "RateLimit-Policy": '"api";q=500;w=300'}
    visit = Visit(
        httpx.Response(302, headers=headers | {"Location": "/b"}), httpx.Response(500, headers=headers), says(200)
    )
    visit.get()
    assert visit.pace.turns == len(visit.requests) == 3
    assert visit.pace.learned == [(500, 12, 34, 300)] * 2


@pytest.mark.parametrize(
    ("reaction", "held"),
    [
        (httpx.Response(429, headers=SPENT), [35]),
        (says(429), [0.5]),
        (says(503, retry_after="9"), [9]),
        (says(503), []),
        (says(500), []),
    ],
)
def test_a_wait_we_are_told_is_told_to_all_on_this_machine(reaction: httpx.Response, held: list[float]):
    visit = Visit(reaction, says(200))
    visit.get()
    assert visit.pace.held == held


def test_waiting_for_quota_is_not_on_patience_but_has_an_end():
    visit = Visit(says(429, retry_after="300"), patience_s=20, quota_patience_s=660)
    assert visit.get().status_code == 429
    assert visit.clock.naps == [300, 300]
    assert visit.pace.held == [300, 300, 300]


def test_faults_after_a_wait_for_quota_still_find_patience():
    visit = Visit(says(429, retry_after="300"), says(500), says(200), patience_s=5)
    assert visit.get().status_code == 200


def test_a_wait_beyond_patience_is_not_begun_but_told_to_all():
    visit = Visit(says(503, "closed", retry_after="999999999"), patience_s=20)
    assert visit.get().body == b"closed"
    assert visit.clock.naps == []
    assert visit.pace.held == [LONGEST_WAIT_S]


# ── redirects, addresses ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/b", "https://hub.test/b", "https://HUB.test:443/b", "https://u:p@hub.test/b"])
def test_redirects_on_the_same_host_are_followed(status: int, location: str):
    visit = Visit(says(status, location=location), says(200))
    assert visit.get("/a").url == "https://hub.test/a"
    assert str(visit.requests[1].url) == "https://hub.test/b"
    assert visit.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://evil.test/b?t=secret", "https://evil.test,"),
        ("//evil.test/b", "https://evil.test,"),
        ("http://hub.test/b", "http://hub.test,"),
        ("https://hub.test:444/b", "https://hub.test:444,"),
        ("https://hub.test@evil.test/", "https://evil.test,"),
        ("file:///etc/passwd", "file://,"),
    ],
)
def test_redirects_elsewhere_are_named_not_followed(location: str, named: str):
    visit = Visit(says(302, location=location))
    with pytest.raises(SourceUnreachable, match="redirects to") as caught:
        visit.get()
    assert named in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(visit.requests) == 1


@pytest.mark.parametrize("location", ["https://evil\x1b[31m.test", "https://hub.test:port/", "https://[::1"])
def test_a_redirect_to_what_is_no_address_is_no_answer(location: str):
    visit = Visit(says(302, location=location), patience_s=1)
    with pytest.raises(SourceUnreachable, match="no HTTP") as caught:
        visit.get()
    assert str(caught.value).isprintable()


def test_redirects_have_an_end():
    visit = Visit(says(302, location="/again"))
    with pytest.raises(SourceUnreachable, match="more than 5 times"):
        visit.get()
    assert len(visit.requests) == 1 + MAX_REDIRECTS


def test_a_redirect_to_nowhere_is_an_answer():
    assert Visit(says(302)).get().status_code == 302


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("ftp://hub.test", "http:// or https://"), ("hub.test", "http:// or https://"), ("", "http:// or https://"),
        ("https://", "name a host"), ("https://hub.test:hunter2", "http:// or https://"),
        ("https://me:hunter2@hub.test", "no user name or password"), ("https://hunter2@hub.test", "no user name"),
        ("https://hub.test/?key=hunter2", "no query"), ("https://hub.test/#hunter2", "no fragment"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_asked_is_refused_without_repeating_it(address: str, complaint: str):
    with pytest.raises(ValueError, match=complaint) as caught:
        Visit(says(200), base=address)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("address", "is_proxied"),
    [
        ("https://hub.test", True), ("http://hub.test", True), ("http://localhost:9", False),
        ("http://127.0.0.1:9", False), ("http://127.9.9.9", False), ("http://[::1]:9", False),
        ("http://hub.localhost", False), ("http://localhost.evil.test", True),
    ],
)  # fmt: skip
def test_proxies_count_but_never_for_loopback(address: str, is_proxied: bool, monkeypatch: pytest.MonkeyPatch):  # noqa: FBT001
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.test:3128")
    clock = Clock()
    with open_client(address, user_agent="x", pace=NotedPace(clock), now=clock.now) as client:
        assert bool(client._client._mounts) is is_proxied


# ── the token ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_token_goes_with_every_request():
    visit = Visit(says(500), says(200), token=f" {TOKEN}\n")
    visit.get()
    assert {request.headers["authorization"] for request in visit.requests} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("token", [None, "", "  \n"])
def test_without_a_token_there_is_no_authorization(token: str | None):
    visit = Visit(says(200), token=token)
    visit.get()
    assert "authorization" not in visit.requests[0].headers


@pytest.mark.parametrize("text", ["hf_secret\nX: 1", "hf_sécret", "hf_secret\x00"])
@pytest.mark.parametrize("option", ["token", "user_agent"])
def test_what_no_header_may_hold_is_refused_without_repeating_it(option: str, text: str):
    with pytest.raises(ValueError, match="plain ASCII") as caught:
        Visit(says(200), **{option: text})
    assert "cret" not in str(caught.value)


FAILURES = [
    httpx.ConnectError(f"said {TOKEN} back"),
    says(302, location=f"https://{TOKEN}.test/{TOKEN}?{TOKEN}"),
    says(302, location=f"https://u:{TOKEN}@evil.test/"),
]


@pytest.mark.parametrize("reaction", FAILURES, ids=range(3))
def test_the_token_is_in_no_error_log_or_repr(reaction: Reaction, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    visit = Visit(reaction, patience_s=1)
    with pytest.raises(SourceUnreachable) as caught:
        visit.get()
    told = (
        "".join(traceback.format_exception(caught.value)) + caplog.text + repr(visit.client) + repr(visit.client._terms)
    )
    assert TOKEN not in told.lower()
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_the_token_is_in_no_answer():
    assert TOKEN not in repr(Visit(says(200)).get())
