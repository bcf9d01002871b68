"""The sandbox arXiv's bad days: each fault as a client meets it, and when it is met."""

import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import httpx
import pytest
from lxml import etree

from sandbox.arxiv import ArxivServer
from sandbox.arxiv_answers import Repository
from sandbox.arxiv_collection import Collection
from sandbox.arxiv_faults import KINDS, ArxivFault
from sandbox.arxiv_generated import generated
from sandbox.clock import Clock
from tests.oai_client import Harvester

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
PAPERS = generated(60, seed=3)
LIST = {"metadataPrefix": "arXiv"}


@contextmanager
def serving(*faults, generation="new", timeout=5):
    """A server on which `faults` happen, and a harvester."""
    repository = Repository(Collection(PAPERS), generation, 20)
    with (
        ArxivServer(repository, clock=Clock(NOW), faults=faults) as server,
        httpx.Client(trust_env=False, timeout=timeout) as client,
    ):
        yield server, Harvester(client, server.oai_url)


@pytest.mark.parametrize(
    ("retry_after", "told"),
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
def test_503_tells_when_to_come_again_in_any_way_there_is(retry_after, told):
    with serving(ArxivFault("status", retry_after=retry_after)) as (_, harvester):
        response = harvester.ask("ListRecords", **LIST).response
        assert (response.status_code, response.headers.get("Retry-After")) == (503, told)
        assert harvester.ask("ListRecords", **LIST).response.status_code == 200


def test_503_has_the_recorded_body(recordings):
    recorded = recordings / "arxiv" / "oai_http_2018" / "listrecords---should-list-identifiers-from-arxiv_0.html"
    with serving(ArxivFault("status", retry_after=10), generation="old") as (_, harvester):
        response = harvester.ask("ListRecords", **LIST).response
        assert response.content == recorded.read_bytes()
        assert response.headers["Content-Type"] == "text/html"


@pytest.mark.parametrize("status", [403, 429, 500, 502])
def test_other_statuses_come_with_a_page_too(status):
    with serving(ArxivFault("status", status=status)) as (server, harvester):
        response = harvester.ask("Identify").response
        assert response.status_code == status
        assert "Retry-After" not in response.headers
        assert b"<html>" in response.content
        assert server.requests[0].status == status


def test_a_page_of_html_may_come_with_status_200_and_is_no_xml():
    with serving(ArxivFault("html")) as (_, harvester):
        response = harvester.ask("ListRecords", **LIST).response
        assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html")
        with pytest.raises(ET.ParseError):
            ET.fromstring(response.content)


@pytest.mark.parametrize("generation", ["new", "old"])
@pytest.mark.parametrize("verb", ["ListRecords", "ListIdentifiers"])
def test_a_list_may_come_without_records_where_there_are_some(generation, verb):
    with serving(ArxivFault("no_records"), generation=generation) as (_, harvester):
        empty, whole = (harvester.ask(verb, **LIST) for _ in range(2))
        assert (empty.ids, empty.token, empty.error) == ([], None, None)
        assert empty.root.find(f".//{{*}}{verb}") is not None
        assert len(whole.ids) == 20


def test_half_of_the_xml_may_come_as_if_it_were_all():
    with serving(ArxivFault("cut")) as (_, harvester):
        response = harvester.ask("ListRecords", **LIST).response
        assert response.status_code == 200
        with pytest.raises(ET.ParseError):
            ET.fromstring(response.content)


@pytest.mark.parametrize("query", [{"verb": "ListRecords", **LIST}, {"verb": "Identify"}])
def test_a_byte_may_be_no_utf8(query):
    with serving(ArxivFault("invalid_utf8")) as (_, harvester):
        content = harvester.ask(**query).response.content
        with pytest.raises(UnicodeDecodeError):
            content.decode()
        with pytest.raises(ET.ParseError):
            ET.fromstring(content)


def test_entities_may_be_a_bomb_that_no_parser_should_expand():
    with serving(ArxivFault("xml_bomb")) as (_, harvester):
        content = harvester.ask("ListRecords", **LIST).response.content
    sizes: dict[str, int] = {}
    for name, text in re.findall(r'<!ENTITY (\w+) "([^"]*)">', content.decode()):
        sizes[name] = sum(sizes[each] for each in re.findall(r"&(\w+);", text)) or len(text)
    assert sizes["l9"] == 3_000_000_000
    with pytest.raises(etree.XMLSyntaxError, match="amplification"):
        etree.fromstring(content)
    # All else is as it ought to be.
    assert len(ET.fromstring(content.replace(b"&l9;", b"")).findall(".//{*}record")) == 20


def test_a_body_may_break_off_and_the_connection_with_it():
    with serving(ArxivFault("truncate")) as (_, harvester):
        with pytest.raises(httpx.RemoteProtocolError):
            harvester.ask("ListRecords", **LIST)
        assert len(harvester.ask("ListRecords", **LIST).ids) == 20


def test_the_server_may_hang_up_without_a_word():
    with serving(ArxivFault("drop")) as (server, harvester):
        with pytest.raises(httpx.RemoteProtocolError):
            harvester.ask("ListRecords", **LIST)
        assert [each.status for each in server.requests] == [None]


@pytest.mark.parametrize("kind", ["delay", "drip", "drip_headers"])
def test_an_answer_may_be_slow_and_is_whole_then(kind):
    with serving(ArxivFault(kind, seconds=0.2)) as (_, harvester):
        started_s = time.monotonic()
        assert len(harvester.ask("ListRecords", **LIST).ids) == 20
        assert time.monotonic() - started_s >= 0.15


def test_an_answer_may_be_slower_than_anybody_waits():
    with serving(ArxivFault("delay", seconds=60), timeout=0.2) as (_, harvester), pytest.raises(httpx.ReadTimeout):
        harvester.ask("ListRecords", **LIST)


def test_a_fault_happens_as_often_as_it_is_told_and_then_no_more():
    with serving(ArxivFault("status", times=2)) as (_, harvester):
        assert [harvester.ask("Identify").response.status_code for _ in range(4)] == [503, 503, 200, 200]


def test_a_fault_may_let_some_requests_be_first():
    with serving(ArxivFault("status", after=2)) as (_, harvester):
        assert [harvester.ask("Identify").response.status_code for _ in range(4)] == [200, 200, 503, 200]


def test_a_fault_may_happen_for_ever():
    with serving(ArxivFault("status", times=None)) as (_, harvester):
        assert {harvester.ask("Identify").response.status_code for _ in range(5)} == {503}


def test_a_fault_may_be_for_one_verb():
    with serving(ArxivFault("status", verb="ListIdentifiers")) as (_, harvester):
        assert harvester.ask("ListRecords", **LIST).response.status_code == 200
        assert harvester.ask("ListIdentifiers", **LIST).response.status_code == 503


@pytest.mark.parametrize(("resumed", "expected"), [(True, [200, 503]), (False, [503])])
def test_a_fault_may_be_for_first_pages_or_for_all_others(resumed, expected):
    with serving(ArxivFault("status", resumed=resumed)) as (_, harvester):
        first = harvester.ask("ListRecords", **LIST)
        statuses = [first.response.status_code]
        if statuses == [200]:
            statuses.append(harvester.ask("ListRecords", resumptionToken=first.token).response.status_code)
        assert statuses == expected


def test_of_several_faults_the_first_that_has_times_left_happens():
    with serving(ArxivFault("status", status=500), ArxivFault("status", status=429)) as (server, harvester):
        server.add_fault(ArxivFault("status", status=403))
        statuses = [harvester.ask("Identify").response.status_code for _ in range(4)]
        assert statuses == [500, 429, 403, 200]


def test_a_fault_may_bring_headers_of_its_own():
    with serving(ArxivFault("no_records", headers={"X-Cache": "HIT"})) as (_, harvester):
        assert harvester.ask("ListRecords", **LIST).response.headers["X-Cache"] == "HIT"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "flood"}, "unknown kind of fault"),
        ({"kind": "status", "status": 99}, "status must be between"),
        ({"kind": "status", "times": -1}, "times must not be negative"),
        ({"kind": "delay", "seconds": -1}, "seconds must not be negative"),
        ({"kind": "drop", "after": -1}, "after must not be negative"),
    ],
)
def test_a_fault_that_could_not_be_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        ArxivFault(**options)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_is_told_in_the_docstring(kind):
    assert f"\n    {kind}" in ArxivFault.__doc__
