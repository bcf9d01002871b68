"""The faults of the sandbox Hub: their effect on the wire, and the requests that they match."""

import gzip
import json
import socket
import time
import zlib
from contextlib import contextmanager
from datetime import UTC, date, datetime

import httpx
import pytest

from sandbox.clock import Clock
from sandbox.http.faults import KINDS, HttpFault, faults_from_json
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.server import HubServer

DAY = date(2026, 1, 7)
LISTS = "/api/daily_papers"
NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)


@contextmanager
def server_with_faults(*faults):
    """A server with `faults`, and a client without proxies that does not follow redirects."""
    with (
        HubServer(GeneratedHub(seed=1), clock=Clock(NOW), quota=None, faults=faults) as hub,
        httpx.Client(base_url=hub.url, trust_env=False, timeout=5) as client,
    ):
        yield hub, client


def raw_answer(hub):
    """The raw answer to a request for a list, until the server closes the connection."""
    host, port = hub.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"GET {LISTS}?date=2026-01-07 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def test_status_fault_keeps_fault_and_quota_headers():
    with server_with_faults(HttpFault("status", status=503, headers={"Retry-After": "7"})) as (hub, client):
        response = client.get(LISTS)
        assert (response.status_code, response.headers["retry-after"]) == (503, "7")
        assert "ratelimit" in response.headers
        assert hub.requests[-1].status == 503


def test_delay_fault_sends_the_ordinary_answer_later():
    with server_with_faults(HttpFault("delay", seconds=0.3)) as (_, client):
        started = time.perf_counter()
        assert client.get(LISTS).status_code == 200
        assert time.perf_counter() - started >= 0.3


def test_drip_fault_sends_the_whole_body_slowly():
    with server_with_faults(HttpFault("drip", seconds=0.4)) as (_, client):
        started = time.perf_counter()
        pauses = []
        with client.stream("GET", LISTS, params={"date": "2026-01-07"}) as response:
            headers_after = time.perf_counter() - started
            body = b""
            for piece in response.iter_raw():
                pauses.append(time.perf_counter() - started)
                body += piece
        assert json.loads(gzip.decompress(body))
        assert headers_after < 0.2
        assert pauses[-1] >= 0.3
        assert len(pauses) > 3


def test_drip_headers_fault_delays_the_headers():
    with server_with_faults(HttpFault("drip_headers", seconds=0.4)) as (_, client):
        started = time.perf_counter()
        with client.stream("GET", LISTS, params={"date": "2026-01-07"}) as response:
            assert time.perf_counter() - started >= 0.3
            assert response.read()


def test_truncate_fault_sends_half_of_the_announced_length():
    with server_with_faults(HttpFault("truncate")) as (hub, client):
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(LISTS, params={"date": "2026-01-07"})
        head, body = raw_answer(hub).split(b"\r\n\r\n", 1)
        announced = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert len(body) == announced // 2


def test_oversize_fault_is_valid_json_without_a_length():
    with server_with_faults(HttpFault("oversize", size_bytes=3_000_000)) as (_, client):
        response = client.get(LISTS)
        assert "content-length" not in response.headers
        assert len(response.content) == 3_000_000
        assert response.json() == []


def test_malformed_fault_is_a_complete_body_without_valid_json():
    with server_with_faults(HttpFault("malformed")) as (_, client):
        response = client.get(LISTS, params={"date": "2026-01-07"})
        assert response.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            response.json()


def test_drop_fault_sends_no_answer():
    with server_with_faults(HttpFault("drop")) as (hub, client):
        assert raw_answer(hub) == b""
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(LISTS)
        assert hub.requests[-1].status is None


def test_html_fault_has_an_html_content_type():
    with server_with_faults(HttpFault("html")) as (_, client):
        response = client.get(LISTS)
        assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert response.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("size", [2, 1_000_000, 5 << 20])
def test_gzip_bomb_fault_is_small_and_inflates_to_its_size(size):
    with server_with_faults(HttpFault("gzip_bomb", size_bytes=size)) as (hub, client):
        compressed = raw_answer(hub).split(b"\r\n\r\n", 1)[1]
        assert len(compressed) < 20_000
        assert len(gzip.decompress(compressed)) == size
        assert client.get(LISTS).json() == []


def test_truncated_gzip_fault_cannot_be_decompressed():
    with server_with_faults(HttpFault("truncated_gzip")) as (hub, _):
        compressed = raw_answer(hub).split(b"\r\n\r\n", 1)[1]
        decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
        assert decompressor.decompress(compressed)
        assert not decompressor.eof


def test_redirect_fault_has_its_location():
    with server_with_faults(HttpFault("redirect", location="http://169.254.1.1/")) as (_, client):
        response = client.get(LISTS)
        assert (response.status_code, response.headers["location"]) == (302, "http://169.254.1.1/")


def test_times_limits_a_fault():
    with server_with_faults(HttpFault("status", status=500, times=2)) as (hub, client):
        assert [client.get(LISTS).status_code for _ in range(4)] == [500, 500, 200, 200]
        hub.add_fault(HttpFault("status", status=502, times=1))
        assert [client.get(LISTS).status_code for _ in range(2)] == [502, 200]


def test_a_fault_applies_only_to_matching_requests():
    faults = [HttpFault("status", status=500, day=DAY, page=1), HttpFault("status", status=502, path="/api/papers/")]
    with server_with_faults(*faults) as (_, client):
        paths = [
            f"{LISTS}?date=2026-01-07",
            f"{LISTS}?date=2026-01-07&p=1",
            f"{LISTS}?date=2026-01-06&p=1",
            "/api/papers/1",
        ]
        assert [client.get(path).status_code for path in paths] == [200, 500, 200, 502]


def test_the_first_fault_with_times_left_applies():
    with server_with_faults(HttpFault("status", status=500, times=1), HttpFault("status", status=503, times=1)) as (
        _,
        client,
    ):
        assert [client.get(LISTS).status_code for _ in range(3)] == [500, 503, 200]


def test_closing_the_server_interrupts_faults():
    started = time.perf_counter()
    with server_with_faults(HttpFault("delay", seconds=60)) as (_, client), pytest.raises(httpx.ReadTimeout):
        client.get(LISTS, timeout=0.2)
    assert time.perf_counter() - started < 5


def test_faults_are_read_from_json():
    text = (
        '[{"kind": "status", "status": 503, "headers": {"Retry-After": "2"}, "times": 1},'
        ' {"kind": "delay", "seconds": 2, "day": "2026-01-07", "page": 0, "path": "/api"}]'
    )
    assert faults_from_json(text) == [
        HttpFault("status", status=503, headers={"Retry-After": "2"}, times=1),
        HttpFault("delay", seconds=2, day=DAY, page=0, path="/api"),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_read_from_json(kind):
    assert faults_from_json(json.dumps([{"kind": kind, "location": "/elsewhere"}]))[0].kind == kind


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[", "not JSON"),
        ("{}", "must be a JSON array"),
        ("[1]", "fault 1: must be an object"),
        ("[{}]", "fault 1: kind is missing"),
        ('[{"kind": "delay"}, {"kind": "rain"}]', "fault 2: unknown kind of fault 'rain'"),
        ('[{"kind": "delay", "second": 1}]', "fault 1: unknown keys second"),
        ('[{"kind": "delay", "seconds": "1"}]', "fault 1: seconds must be int or float"),
        ('[{"kind": "delay", "times": true}]', "fault 1: times must be int"),
        ('[{"kind": "delay", "times": -1}]', "fault 1: times must not be negative"),
        ('[{"kind": "delay", "day": "today"}]', "fault 1: .*today"),
        ('[{"kind": "status", "status": 99}]', "fault 1: status must be between 200 and 599"),
        ('[{"kind": "status", "headers": {"Retry-After": 1}}]', "fault 1: headers must be strings"),
        ('[{"kind": "redirect"}]', "fault 1: a redirect needs a location"),
    ],
)
def test_invalid_faults_are_refused_with_their_position(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        faults_from_json(text)
