"""Requests of the polite client: answers, redirects, addresses, and protection of the token."""

import logging
import pickle
import traceback
from dataclasses import replace
from datetime import UTC, timedelta, timezone

import httpx
import pytest

from paperlake.sources.answer import SourceUnreachable
from paperlake.sources.client_options import SourceConfig, Timing
from paperlake.sources.polite import MAX_REDIRECTS, PoliteClient
from tests.sources.mock_source import HUB, NOON, TOKEN, Clock, MockSource, Reaction, RecordingPace, respond

# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_get_returns_status_headers_and_body_unchanged_without_cookies():
    headers = [("X-Two", "1"), ("Set-Cookie", "session=1"), ("x-two", "2")]
    source = MockSource(httpx.Response(200, content=b"\xff[", headers=headers))
    answer = source.get("/api", {"q": "a b", "n": 1})
    assert (answer.status_code, answer.body, answer.received_at) == (200, b"\xff[", NOON)
    assert answer.url == "https://hub.test/api?q=a+b&n=1"
    assert [pair for pair in answer.headers if pair[0] == "x-two"] == [("x-two", "1"), ("x-two", "2")]
    assert not any(name == "set-cookie" for name, _ in answer.headers)


def test_received_at_is_converted_to_utc():
    local_time = NOON.astimezone(timezone(timedelta(hours=5)))
    answer = MockSource(respond(200), now=lambda: local_time).get()
    assert answer.received_at == NOON
    assert answer.received_at.tzinfo is UTC


def test_a_path_in_the_base_url_prefixes_every_path():
    source = MockSource(respond(200), source=replace(HUB, base_url="https://hub.test:8443/mirror/"))
    assert source.get("/api", {"p": 0}).url == "https://hub.test:8443/mirror/api?p=0"


def test_requests_send_the_user_agent_and_accept_only_gzip():
    source = MockSource(respond(200))
    source.get()
    assert source.requests[0].headers["user-agent"] == HUB.user_agent
    assert source.requests[0].headers["accept-encoding"] == "gzip"


def test_cookies_are_not_sent_back():
    source = MockSource(respond(500, set_cookie="session=1; Path=/"), respond(200))
    source.get()
    assert "cookie" not in source.requests[1].headers


@pytest.mark.parametrize("status", [204, 304, 400, 401, 403, 404, 410, 501])
def test_a_final_status_is_not_retried(status: int):
    source = MockSource(respond(status))
    assert source.get().status_code == status
    assert len(source.requests) == 1
    assert source.clock.sleeps == []


# ── redirects and addresses ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/b", "https://hub.test/b", "https://HUB.test:443/b", "https://u:p@hub.test/b"])
def test_redirects_on_the_same_host_are_followed(status: int, location: str):
    source = MockSource(respond(status, location=location), respond(200))
    assert source.get("/a").url == "https://hub.test/a"
    assert str(source.requests[1].url) == "https://hub.test/b"
    assert source.requests[1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://evil.test/b?t=secret", "https://evil.test,"),
        ("//evil.test/b", "https://evil.test,"),
        ("http://hub.test/b", "http://hub.test,"),
        ("https://hub.test:444/b", "https://hub.test:444,"),
        ("https://hub.test@evil.test/", "https://evil.test,"),
        ("file:///etc/passwd", "file://,"),
    ],
)
def test_redirects_to_another_origin_are_reported_not_followed(location: str, target: str):
    source = MockSource(respond(302, location=location))
    with pytest.raises(SourceUnreachable, match="redirects to") as caught:
        source.get()
    assert target in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(source.requests) == 1


@pytest.mark.parametrize("location", ["https://evil\x1b[31m.test", "https://hub.test:port/", "https://[::1"])
def test_a_redirect_to_an_invalid_address_is_not_an_answer(location: str):
    source = MockSource(respond(302, location=location), fault_patience_s=1)
    with pytest.raises(SourceUnreachable, match="no HTTP") as caught:
        source.get()
    assert str(caught.value).isprintable()


def test_the_number_of_redirects_is_limited():
    source = MockSource(respond(302, location="/again"))
    with pytest.raises(SourceUnreachable, match="more than 5 times"):
        source.get()
    assert len(source.requests) == 1 + MAX_REDIRECTS


def test_a_redirect_without_location_is_an_answer():
    assert MockSource(respond(302)).get().status_code == 302


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ftp://hub.test", "http:// or https://"), ("hub.test", "http:// or https://"), ("", "http:// or https://"),
        ("https://", "name a host"), ("https://hub.test:hunter2", "http:// or https://"),
        ("https://me:hunter2@hub.test", "no user name or password"), ("https://hunter2@hub.test", "no user name"),
        ("https://hub.test/?key=hunter2", "no query"), ("https://hub.test/#hunter2", "no fragment"),
    ],
)  # fmt: skip
def test_an_invalid_address_is_rejected_without_repeating_it(address: str, message: str):
    with pytest.raises(ValueError, match=message) as caught:
        MockSource(respond(200), source=replace(HUB, base_url=address))
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("address", "is_proxied"),
    [
        ("https://hub.test", True), ("http://hub.test", True), ("http://localhost:9", False),
        ("http://127.0.0.1:9", False), ("http://127.9.9.9", False), ("http://[::1]:9", False),
        ("http://hub.localhost", False), ("http://localhost.evil.test", True),
    ],
)  # fmt: skip
def test_proxy_settings_apply_except_to_loopback(address: str, is_proxied: bool, monkeypatch: pytest.MonkeyPatch):  # noqa: FBT001
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.test:3128")
    clock = Clock()
    with PoliteClient(SourceConfig(address, "x"), RecordingPace(clock), Timing(clock.now)) as client:
        assert bool(client._http_client._mounts) is is_proxied


# ── the token ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_request_sends_the_token():
    source = MockSource(respond(500), respond(200), source=replace(HUB, token=f" {TOKEN}\n"))
    source.get()
    assert {request.headers["authorization"] for request in source.requests} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("token", [None, "", "  \n"])
def test_without_a_token_no_authorization_is_sent(token: str | None):
    source = MockSource(respond(200), source=replace(HUB, token=token))
    source.get()
    assert "authorization" not in source.requests[0].headers


@pytest.mark.parametrize("text", ["hf_secret\nX: 1", "hf_sécret", "hf_secret\x00"])
@pytest.mark.parametrize("option", ["token", "user_agent"])
def test_text_that_no_header_can_contain_is_rejected_without_repeating_it(option: str, text: str):
    with pytest.raises(ValueError, match="plain ASCII") as caught:
        MockSource(respond(200), source=replace(HUB, **{option: text}))
    assert "cret" not in str(caught.value)


FAILURES = [
    httpx.ConnectError(f"echoed {TOKEN}"),
    respond(302, location=f"https://{TOKEN}.test/{TOKEN}?{TOKEN}"),
    respond(302, location=f"https://u:{TOKEN}@evil.test/"),
]


@pytest.mark.parametrize("reaction", FAILURES, ids=range(3))
def test_no_error_log_or_repr_contains_the_token(reaction: Reaction, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    source = MockSource(reaction, fault_patience_s=1)
    with pytest.raises(SourceUnreachable) as caught:
        source.get()
    output = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(source.client)
    assert TOKEN not in output.lower()
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_no_answer_contains_the_token():
    assert TOKEN not in repr(MockSource(respond(200, etag=f'"{TOKEN}"')).get())


def test_the_repr_of_the_options_does_not_contain_the_token():
    assert TOKEN not in repr(SourceConfig("https://hub.test", "x", TOKEN))
