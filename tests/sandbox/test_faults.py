"""The sandbox's faults: each does on the wire what it says, to the requests that it is for."""

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
from sandbox.faults import KINDS, Fault, faults_from_json
from sandbox.generated import GeneratedHub
from sandbox.hub import HubServer

DAY = date(2026, 1, 7)
LISTS = "/api/daily_papers"
NOW = datetime(2026, 2, 2, 12, tzinfo=UTC)


@contextmanager
def faulty(*faults):
    """A server with these faults and a client of it that neither follows redirects nor knows proxies."""
    with (
        HubServer(GeneratedHub(seed=1), clock=Clock(NOW), quota=None, faults=faults) as hub,
        httpx.Client(base_url=hub.url, trust_env=False, timeout=5) as client,
    ):
        yield hub, client


def said_on_the_wire(hub):
    """All that the server says to a request for a list before it hangs up."""
    host, port = hub.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"GET {LISTS}?date=2026-01-07 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        said = b""
        while piece := connection.recv(65536):
            said += piece
        return said


def test_a_status_fault_answers_it_with_its_headers_and_the_quotas():
    with faulty(Fault("status", status=503, headers={"Retry-After": "7"})) as (hub, client):
        response = client.get(LISTS)
        assert (response.status_code, response.headers["retry-after"]) == (503, "7")
        assert "ratelimit" in response.headers
        assert hub.requests[-1].status == 503


def test_a_delay_comes_before_the_ordinary_answer():
    with faulty(Fault("delay", seconds=0.3)) as (_, client):
        started = time.perf_counter()
        assert client.get(LISTS).status_code == 200
        assert time.perf_counter() - started >= 0.3


def test_a_drip_sends_the_whole_body_slowly():
    with faulty(Fault("drip", seconds=0.4)) as (_, client):
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


def test_dripping_headers_keep_the_client_waiting_for_the_answer():
    with faulty(Fault("drip_headers", seconds=0.4)) as (_, client):
        started = time.perf_counter()
        with client.stream("GET", LISTS, params={"date": "2026-01-07"}) as response:
            assert time.perf_counter() - started >= 0.3
            assert response.read()


def test_a_truncated_answer_ends_before_the_length_it_announced():
    with faulty(Fault("truncate")) as (hub, client):
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(LISTS, params={"date": "2026-01-07"})
        head, body = said_on_the_wire(hub).split(b"\r\n\r\n", 1)
        announced = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert len(body) == announced // 2


def test_an_oversize_answer_is_valid_json_of_unannounced_length():
    with faulty(Fault("oversize", size_bytes=3_000_000)) as (_, client):
        response = client.get(LISTS)
        assert "content-length" not in response.headers
        assert len(response.content) == 3_000_000
        assert response.json() == []


def test_a_malformed_answer_is_complete_but_not_json():
    with faulty(Fault("malformed")) as (_, client):
        response = client.get(LISTS, params={"date": "2026-01-07"})
        assert response.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            response.json()


def test_a_dropped_request_gets_no_word():
    with faulty(Fault("drop")) as (hub, client):
        assert said_on_the_wire(hub) == b""
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(LISTS)
        assert hub.requests[-1].status is None


def test_html_comes_with_the_type_of_html():
    with faulty(Fault("html")) as (_, client):
        response = client.get(LISTS)
        assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert response.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("size", [2, 1_000_000, 5 << 20])
def test_a_gzip_bomb_is_small_and_inflates_to_the_size_it_was_given(size):
    with faulty(Fault("gzip_bomb", size_bytes=size)) as (hub, client):
        packed = said_on_the_wire(hub).split(b"\r\n\r\n", 1)[1]
        assert len(packed) < 20_000
        assert len(gzip.decompress(packed)) == size
        assert client.get(LISTS).json() == []


def test_a_truncated_gzip_body_cannot_be_unpacked_to_the_end():
    with faulty(Fault("truncated_gzip")) as (hub, _):
        packed = said_on_the_wire(hub).split(b"\r\n\r\n", 1)[1]
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        assert unpacker.decompress(packed)
        assert not unpacker.eof


def test_a_redirect_names_its_location():
    with faulty(Fault("redirect", location="http://169.254.1.1/")) as (_, client):
        response = client.get(LISTS)
        assert (response.status_code, response.headers["location"]) == (302, "http://169.254.1.1/")


def test_a_fault_hits_as_many_requests_as_it_was_given():
    with faulty(Fault("status", status=500, times=2)) as (hub, client):
        assert [client.get(LISTS).status_code for _ in range(4)] == [500, 500, 200, 200]
        hub.add_fault(Fault("status", status=502, times=1))
        assert [client.get(LISTS).status_code for _ in range(2)] == [502, 200]


def test_a_fault_hits_only_the_requests_it_matches():
    faults = [Fault("status", status=500, day=DAY, page=1), Fault("status", status=502, path="/api/papers/")]
    with faulty(*faults) as (_, client):
        asked = [
            f"{LISTS}?date=2026-01-07",
            f"{LISTS}?date=2026-01-07&p=1",
            f"{LISTS}?date=2026-01-06&p=1",
            "/api/papers/1",
        ]
        assert [client.get(path).status_code for path in asked] == [200, 500, 200, 502]


def test_of_two_faults_the_first_one_happens_until_it_is_spent():
    with faulty(Fault("status", status=500, times=1), Fault("status", status=503, times=1)) as (_, client):
        assert [client.get(LISTS).status_code for _ in range(3)] == [500, 503, 200]


def test_a_server_that_closes_does_not_wait_for_its_faults():
    started = time.perf_counter()
    with faulty(Fault("delay", seconds=60)) as (_, client), pytest.raises(httpx.ReadTimeout):
        client.get(LISTS, timeout=0.2)
    assert time.perf_counter() - started < 5


def test_faults_are_read_from_json():
    text = (
        '[{"kind": "status", "status": 503, "headers": {"Retry-After": "2"}, "times": 1},'
        ' {"kind": "delay", "seconds": 2, "day": "2026-01-07", "page": 0, "path": "/api"}]'
    )
    assert faults_from_json(text) == [
        Fault("status", status=503, headers={"Retry-After": "2"}, times=1),
        Fault("delay", seconds=2, day=DAY, page=0, path="/api"),
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
        ('[{"kind": "status", "headers": {"Retry-After": 1}}]', "fault 1: headers must be texts"),
        ('[{"kind": "redirect"}]', "fault 1: a redirect needs a location"),
    ],
)
def test_faults_that_are_none_are_refused_with_their_place(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        faults_from_json(text)
