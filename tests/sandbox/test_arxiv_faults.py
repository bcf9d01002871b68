"""The faults of the sandbox arXiv: their effect on a client, and the requests that they match."""

import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import httpx
import pytest
from lxml import etree

from sandbox.arxiv.collection import Collection
from sandbox.arxiv.faults import KINDS, ArxivFault
from sandbox.arxiv.generated import generate_papers
from sandbox.arxiv.repository import Repository
from sandbox.arxiv.server import ArxivServer
from sandbox.clock import Clock
from tests.oai_client import Harvester

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
PAPERS = generate_papers(60, seed=3)
LIST = {"metadataPrefix": "arXiv"}


@contextmanager
def running_server(*faults, generation="new", timeout=5):
    """A server with `faults`, and a harvester."""
    repository = Repository(Collection(PAPERS), generation, 20)
    with (
        ArxivServer(repository, clock=Clock(NOW), faults=faults) as server,
        httpx.Client(trust_env=False, timeout=timeout) as client,
    ):
        yield server, Harvester(client, server.oai_url)


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [
        (10, "10"),
        (0, "0"),
        (timedelta(seconds=90), "Mon, 02 Nov 2026 09:01:30 GMT"),
        (timedelta(days=-1), "Sun, 01 Nov 2026 09:00:00 GMT"),
        ("soon", "soon"),
        ("99999999999", "99999999999"),
        (-5, "-5"),
        (None, None),
    ],
)
def test_503_has_every_form_of_retry_after(retry_after, header):
    with running_server(ArxivFault("status", retry_after=retry_after)) as (_, harvester):
        response = harvester.ask("ListRecords", **LIST).response
        assert (response.status_code, response.headers.get("Retry-After")) == (503, header)
        assert harvester.ask("ListRecords", **LIST).response.status_code == 200


def test_503_has_the_recorded_body(recordings):
    recorded = recordings / "arxiv" / "oai_http_2018" / "listrecords---should-list-identifiers-from-arxiv_0.html"
    with running_server(ArxivFault("status", retry_after=10), generation="old") as (_, harvester):
        response = harvester.ask("ListRecords", **LIST).response
        assert response.content == recorded.read_bytes()
        assert response.headers["Content-Type"] == "text/html"


@pytest.mark.parametrize("status", [403, 429, 500, 502])
def test_other_error_statuses_have_an_html_page(status):
    with running_server(ArxivFault("status", status=status)) as (server, harvester):
        response = harvester.ask("Identify").response
        assert response.status_code == status
        assert "Retry-After" not in response.headers
        assert b"<html>" in response.content
        assert server.requests[0].status == status


def test_html_fault_is_a_200_without_xml():
    with running_server(ArxivFault("html")) as (_, harvester):
        response = harvester.ask("ListRecords", **LIST).response
        assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html")
        with pytest.raises(ET.ParseError):
            ET.fromstring(response.content)


@pytest.mark.parametrize("generation", ["new", "old"])
@pytest.mark.parametrize("verb", ["ListRecords", "ListIdentifiers"])
def test_no_records_fault_empties_a_list(generation, verb):
    with running_server(ArxivFault("no_records"), generation=generation) as (_, harvester):
        empty, whole = (harvester.ask(verb, **LIST) for _ in range(2))
        assert (empty.ids, empty.token, empty.error) == ([], None, None)
        assert empty.root.find(f".//{{*}}{verb}") is not None
        assert len(whole.ids) == 20


def test_cut_fault_sends_half_of_the_xml():
    with running_server(ArxivFault("cut")) as (_, harvester):
        response = harvester.ask("ListRecords", **LIST).response
        assert response.status_code == 200
        with pytest.raises(ET.ParseError):
            ET.fromstring(response.content)


@pytest.mark.parametrize("query", [{"verb": "ListRecords", **LIST}, {"verb": "Identify"}])
def test_invalid_utf8_fault(query):
    with running_server(ArxivFault("invalid_utf8")) as (_, harvester):
        content = harvester.ask(**query).response.content
        with pytest.raises(UnicodeDecodeError):
            content.decode()
        with pytest.raises(ET.ParseError):
            ET.fromstring(content)


def test_xml_bomb_fault():
    with running_server(ArxivFault("xml_bomb")) as (_, harvester):
        content = harvester.ask("ListRecords", **LIST).response.content
    sizes: dict[str, int] = {}
    for name, text in re.findall(r'<!ENTITY (\w+) "([^"]*)">', content.decode()):
        sizes[name] = sum(sizes[each] for each in re.findall(r"&(\w+);", text)) or len(text)
    assert sizes["l9"] == 3_000_000_000
    with pytest.raises(etree.XMLSyntaxError, match="amplification"):
        etree.fromstring(content)
    # The rest of the document is intact.
    assert len(ET.fromstring(content.replace(b"&l9;", b"")).findall(".//{*}record")) == 20


def test_truncate_fault_closes_the_connection():
    with running_server(ArxivFault("truncate")) as (_, harvester):
        with pytest.raises(httpx.RemoteProtocolError):
            harvester.ask("ListRecords", **LIST)
        assert len(harvester.ask("ListRecords", **LIST).ids) == 20


def test_drop_fault_closes_the_connection_without_an_answer():
    with running_server(ArxivFault("drop")) as (server, harvester):
        with pytest.raises(httpx.RemoteProtocolError):
            harvester.ask("ListRecords", **LIST)
        assert [each.status for each in server.requests] == [None]


@pytest.mark.parametrize("kind", ["delay", "drip", "drip_headers"])
def test_slow_faults_send_the_whole_answer(kind):
    with running_server(ArxivFault(kind, seconds=0.2)) as (_, harvester):
        started_s = time.monotonic()
        assert len(harvester.ask("ListRecords", **LIST).ids) == 20
        assert time.monotonic() - started_s >= 0.15


def test_delay_fault_causes_a_timeout():
    with (
        running_server(ArxivFault("delay", seconds=60), timeout=0.2) as (_, harvester),
        pytest.raises(httpx.ReadTimeout),
    ):
        harvester.ask("ListRecords", **LIST)


def test_times_limits_a_fault():
    with running_server(ArxivFault("status", times=2)) as (_, harvester):
        assert [harvester.ask("Identify").response.status_code for _ in range(4)] == [503, 503, 200, 200]


def test_after_spares_the_first_requests():
    with running_server(ArxivFault("status", after=2)) as (_, harvester):
        assert [harvester.ask("Identify").response.status_code for _ in range(4)] == [200, 200, 503, 200]


def test_times_none_has_no_limit():
    with running_server(ArxivFault("status", times=None)) as (_, harvester):
        assert {harvester.ask("Identify").response.status_code for _ in range(5)} == {503}


def test_verb_restricts_a_fault():
    with running_server(ArxivFault("status", verb="ListIdentifiers")) as (_, harvester):
        assert harvester.ask("ListRecords", **LIST).response.status_code == 200
        assert harvester.ask("ListIdentifiers", **LIST).response.status_code == 503


@pytest.mark.parametrize(("resumed", "expected"), [(True, [200, 503]), (False, [503])])
def test_resumed_restricts_a_fault_to_first_or_later_pages(resumed, expected):
    with running_server(ArxivFault("status", resumed=resumed)) as (_, harvester):
        first = harvester.ask("ListRecords", **LIST)
        statuses = [first.response.status_code]
        if statuses == [200]:
            statuses.append(harvester.ask("ListRecords", resumptionToken=first.token).response.status_code)
        assert statuses == expected


def test_the_first_fault_with_times_left_applies():
    with running_server(ArxivFault("status", status=500), ArxivFault("status", status=429)) as (server, harvester):
        server.add_fault(ArxivFault("status", status=403))
        statuses = [harvester.ask("Identify").response.status_code for _ in range(4)]
        assert statuses == [500, 429, 403, 200]


def test_a_fault_can_add_headers():
    with running_server(ArxivFault("no_records", headers={"X-Cache": "HIT"})) as (_, harvester):
        assert harvester.ask("ListRecords", **LIST).response.headers["X-Cache"] == "HIT"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "flood"}, "unknown kind of fault"),
        ({"kind": "status", "status": 99}, "status must be between"),
        ({"kind": "status", "times": -1}, "times must not be negative"),
        ({"kind": "delay", "seconds": -1}, "seconds must not be negative"),
        ({"kind": "drop", "after": -1}, "after must not be negative"),
    ],
)
def test_invalid_faults_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ArxivFault(**options)


@pytest.mark.parametrize("kind", KINDS)
def test_docstring_describes_every_kind(kind):
    assert f"\n    {kind}" in ArxivFault.__doc__
