"""The sandbox arXiv as a server: its self-description, its requests, and its request records."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from click.testing import CliRunner

from cli.main import main
from sandbox.arxiv.collection import Collection
from sandbox.arxiv.generated import generate_papers
from sandbox.arxiv.papers import Version
from sandbox.arxiv.repository import Repository
from sandbox.arxiv.server import ArxivServer
from sandbox.clock import Clock
from sandbox.http.loopback import LoopbackServer
from tests.oai_client import Harvester, Reply

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
GENERATIONS = pytest.mark.parametrize("generation", ["new", "old"])
PAPERS = generate_papers(60, seed=3)
PAPER = PAPERS[0]


@contextmanager
def running_server(generation="new", papers=PAPERS, **options):
    """A server with a few papers, and a harvester without proxies."""
    clock = Clock(NOW)
    repository = Repository(Collection(papers, clock=clock), generation, options.pop("page_size", 25))
    with ArxivServer(repository, clock=clock, **options) as server, httpx.Client(trust_env=False, timeout=5) as client:
        yield server, Harvester(client, server.oai_url)


@contextmanager
def recorded_connections(server):
    """Record the connections that are opened."""
    opened, take = [], server._listener.process_request
    server._listener.process_request = lambda *connection: (opened.append(connection), take(*connection))
    yield opened


def test_new_server_path_and_content_type():
    with running_server() as (server, harvester):
        reply = harvester.ask("Identify")
        assert server.oai_url == f"{server.url}/oai"
        assert reply.response.headers["Content-Type"] == "application/xml"
        assert reply.texts("earliestDatestamp") == ["2005-09-16"]


def test_old_server_path_and_content_type():
    with running_server("old") as (server, harvester):
        reply = harvester.ask("Identify")
        assert server.oai_url == f"{server.url}/oai2"
        assert reply.response.headers["Content-Type"] == "text/xml"
        assert reply.texts("earliestDatestamp") == ["2007-05-23"]


@GENERATIONS
def test_identify_contains_the_base_url(generation):
    with running_server(generation) as (server, harvester):
        assert harvester.ask("Identify").texts("baseURL") == [server.oai_url]


@GENERATIONS
def test_response_date_uses_the_sandbox_clock(generation):
    with running_server(generation) as (_, harvester):
        assert harvester.ask("Identify").texts("responseDate") == ["2026-11-02T09:00:00Z"]


def test_only_the_new_server_keeps_connections_open():
    for generation, connections in (("new", 1), ("old", 5)):
        with running_server(generation) as (server, harvester), recorded_connections(server) as opened:
            replies = [harvester.ask("Identify").response for _ in range(5)]
            assert (len(opened), server.most_connections) == (connections, 1)
            assert {reply.headers.get("Connection") for reply in replies} == {None if connections == 1 else "close"}


def test_other_paths_are_404():
    with running_server() as (server, harvester):
        assert harvester.client.get(f"{server.url}/oai2").status_code == 404


@GENERATIONS
def test_post_arguments_are_accepted(generation):
    with running_server(generation) as (server, harvester):
        arguments = {"verb": "GetRecord", "metadataPrefix": "arXiv", "identifier": PAPER.identifier}
        response = harvester.client.post(server.oai_url, data=arguments)
        assert response.content == harvester.client.get(server.oai_url, params=arguments).content


def test_post_body_of_another_content_type_is_ignored():
    with running_server() as (server, harvester):
        request_ = {"content": "verb=Identify", "headers": {"Content-Type": "text/plain"}}
        reply = Reply(harvester.client.post(server.oai_url, **request_))
        assert reply.error == "badVerb"


def test_chunked_post_body_is_refused():
    with running_server() as (server, harvester):
        assert harvester.client.post(server.oai_url, content=iter([b"verb=Identify"])).status_code == 413


def test_gzip_is_used_if_the_client_accepts_it():
    with running_server() as (_, harvester):
        compressed = harvester.ask("ListSets").response
        plain = harvester.client.get(compressed.url, headers={"Accept-Encoding": "identity"})
        assert compressed.headers["Content-Encoding"] == "gzip"
        assert "Content-Encoding" not in plain.headers
        assert compressed.content == plain.content


@GENERATIONS
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"verb": ""}, "badVerb"),
        ({"verb": "listrecords"}, "badVerb"),
        ({"verb": "Identify", "until": "2020-01-01"}, "badArgument"),
        ({"verb": "ListSets", "resumptionToken": "x"}, "badArgument"),
        ({"verb": "ListMetadataFormats", "metadataPrefix": "arXiv"}, "badArgument"),
        ({"verb": "ListMetadataFormats", "identifier": "1412.8544"}, "idDoesNotExist"),
        ({"verb": "GetRecord", "identifier": PAPER.identifier}, "badArgument"),
        ({"verb": "GetRecord", "identifier": PAPER.identifier, "metadataPrefix": "marc"}, "cannotDisseminateFormat"),
        ({"verb": "GetRecord", "identifier": PAPER.id, "metadataPrefix": "arXiv"}, "idDoesNotExist"),
        ({"verb": "GetRecord", "identifier": "oai:arXiv.org:x", "metadataPrefix": "arXiv"}, "idDoesNotExist"),
        ({"verb": "ListRecords", "metadataPrefix": "arXiv", "identifier": PAPER.identifier}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "arXiv", "from": "2026-02-30"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "arXiv", "until": "20260201"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "arXiv", "from": "2026-11-03"}, "badArgument"),
        ({"verb": "ListRecords", "metadataPrefix": "arXiv", "set": "cs:cs:AI:x"}, "badArgument"),
        ({"verb": "ListIdentifiers", "resumptionToken": "1122234|26"}, "badResumptionToken"),
        ({"verb": "ListIdentifiers", "resumptionToken": ""}, "badResumptionToken"),
    ],
)
def test_oai_errors_have_status_200(generation, arguments, code):
    with running_server(generation) as (_, harvester):
        reply = harvester.ask(**arguments)
        assert (reply.response.status_code, reply.error) == (200, code)


@GENERATIONS
def test_record_ids_may_have_a_version_or_a_subject_class(generation):
    paper = replace(PAPER, id="math/0309136", categories=("math.GT",))
    with running_server(generation, [paper]) as (_, harvester):
        for name in ("math/0309136", "math/0309136v2", "math.GT/0309136"):
            reply = harvester.ask("GetRecord", metadataPrefix="arXiv", identifier=f"oai:arXiv.org:{name}")
            assert reply.ids == ["math/0309136"]


def test_new_server_gives_the_msc_class_as_acm_class_in_two_formats():
    both = replace(PAPERS[0], msc_class="05C70", acm_class="G.2.2")
    acm_only = replace(PAPERS[1], msc_class=None, acm_class="G.2.2")
    for prefix, expected in (
        ("arXiv", ["05C70", "None"]),
        ("arXivRaw", ["05C70", "None"]),
        ("arXivOld", ["G.2.2"] * 2),
    ):
        with running_server(papers=[both, acm_only]) as (_, harvester):
            replies = [
                harvester.ask("GetRecord", metadataPrefix=prefix, identifier=each.identifier)
                for each in (both, acm_only)
            ]
            assert [text for reply in replies for text in reply.texts("acm-class")] == expected


def test_old_server_gives_the_right_acm_class():
    paper = replace(PAPERS[0], msc_class=None, acm_class="G.2.2")
    with running_server("old", [paper]) as (_, harvester):
        reply = harvester.ask("ListRecords", metadataPrefix="arXiv")
        assert (reply.texts("acm-class"), reply.texts("msc-class")) == (["G.2.2"], [])


def test_created_is_the_newest_version_on_the_new_server_and_the_first_on_the_old():
    paper = next(each for each in PAPERS if len(each.versions) > 1)
    first, newest = (f"{paper.versions[place].submitted_at:%Y-%m-%d}" for place in (0, -1))
    dates = {}
    for generation in ("new", "old"):
        with running_server(generation, [paper]) as (_, harvester):
            reply = harvester.ask("ListRecords", metadataPrefix="arXiv")
            dates[generation] = reply.texts("created") + reply.texts("updated")
    assert dates == {"new": [newest, f"{paper.datestamp}"], "old": [first, newest]}


def test_only_the_new_server_pads_days_of_versions():
    paper = replace(PAPER, versions=(Version(datetime(2016, 10, 6, 3, 16, 8, tzinfo=UTC), 0, "I"),))
    for generation, day in (("new", "06"), ("old", "6")):
        with running_server(generation, [paper]) as (_, harvester):
            reply = harvester.ask("ListRecords", metadataPrefix="arXivRaw")
            texts = reply.texts("date") + reply.texts("size") + reply.texts("source_type")
            assert texts == [f"Thu, {day} Oct 2016 03:16:08 GMT", "0kb", "I"]


def test_only_the_old_server_gives_affiliations():
    paper = next(each for each in generate_papers(300, seed=3) if each.authors[0].affiliations)
    places = [place for author in paper.authors for place in author.affiliations]
    for generation, expected in (("new", []), ("old", places)):
        with running_server(generation, [paper]) as (_, harvester):
            assert harvester.ask("ListRecords", metadataPrefix="arXiv").texts("affiliation") == expected


def test_requests_are_recorded_with_times_and_arguments():
    with running_server() as (server, harvester):
        harvester.ask("ListRecords", metadataPrefix="arXiv", from_="2020-01-01")
        server.clock.move_to(NOW + timedelta(seconds=7))
        harvester.client.get(server.oai_url, params={"verb": "Nonsense"}, headers={"User-Agent": "somebody"})
        first, second = server.requests
        assert (first.number, first.at, first.verb) == (1, NOW, "ListRecords")
        assert first.arguments == {"verb": "ListRecords", "metadataPrefix": "arXiv", "from": "2020-01-01"}
        assert (second.number, second.verb, second.headers["user-agent"]) == (2, "Nonsense", "somebody")
        assert [each.status for each in server.requests] == [200, 200]
        assert server.shortest_wait_s == 7.0


def test_a_persistent_connection_counts_once():
    with running_server() as (server, harvester):
        for _ in range(20):
            harvester.ask("Identify")
        assert (server.most_connections, [each.busy for each in server.requests]) == (1, [1] * 20)


def test_successive_connections_do_not_count_as_concurrent():
    with running_server() as (server, _):
        for _ in range(50):
            httpx.get(server.oai_url, params={"verb": "Identify"}, trust_env=False)
        assert server.most_connections == 1


def test_idle_connections_are_counted():
    with running_server() as (server, harvester):
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))):
            while server.open_connections == 0:
                time.sleep(0.01)
            harvester.ask("Identify")
        assert (server.most_connections, server.requests[0].busy) == (2, 1)


def test_a_closed_connection_does_not_count_while_its_answer_is_made():
    def wait_for_the_other(request):
        while request.number == 1 and len(server.requests) < 2:
            time.sleep(0.01)

    with running_server(before=wait_for_the_other) as (server, harvester):
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET /oai?verb=Identify HTTP/1.1\r\nHost: sandbox\r\n\r\n")
            while not server.requests:
                time.sleep(0.01)
        harvester.ask("Identify")
        assert [(each.connections, each.busy) for each in server.requests] == [(1, 1), (1, 2)]


def test_concurrent_requests_are_counted():
    def wait_for_the_other(request):
        while request.number == 1 and len(server.requests) < 2:
            time.sleep(0.01)

    with running_server(before=wait_for_the_other) as (server, harvester), ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: harvester.ask("Identify"), range(2)))
        assert sorted(each.busy for each in server.requests) == [1, 2]
        assert server.most_connections == 2


def test_strict_server_denies_early_requests():
    with running_server(strict_s=3) as (server, harvester):
        statuses = []
        for waited_s in (0, 3, 2.9, 3.1):
            server.clock.move_to(server.clock.now() + timedelta(seconds=waited_s))
            statuses.append(harvester.ask("Identify").response.status_code)
        assert statuses == [200, 200, 403, 200]


def test_strict_server_denies_a_second_connection():
    with running_server(strict_s=3) as (server, harvester):
        harvester.ask("Identify")
        server.clock.move_to(NOW + timedelta(seconds=60))
        assert httpx.get(server.oai_url, params={"verb": "Identify"}, trust_env=False).status_code == 403


@pytest.fixture
def started_servers(monkeypatch):
    """The servers that a command starts. Their `serve_forever` returns at once."""
    servers = []

    def serve_forever(server):
        servers.append(server)

    monkeypatch.setattr(LoopbackServer, "serve_forever", serve_forever)
    yield servers
    for server in servers:
        server.__exit__(None, None, None)


def test_command_starts_both_servers_and_prints_their_addresses(started_servers):
    result = CliRunner().invoke(main, ["sandbox", "--hub-port", "0", "--arxiv-port", "0"])
    lines = result.output.splitlines()
    assert lines[0] == f"PAPERLAKE_HUB_URL={started_servers[0].url}"
    assert lines[1].startswith("PAPERLAKE_ARXIV_URL=http://127.0.0.1:")
    assert lines[1].endswith("/oai")


def test_command_starts_an_arxiv_with_options(started_servers):
    words = "sandbox arxiv --port 0 --generation old --papers 30 --page-size 7 --now 2015-03-01T10:00:00Z --strict 3"
    result = CliRunner().invoke(main, words.split())
    (server,) = started_servers
    assert result.output.splitlines()[0] == f"PAPERLAKE_ARXIV_URL={server.oai_url}"
    arguments = [("verb", "ListIdentifiers"), ("metadataPrefix", "arXiv")]
    reply = server.repository.answer(arguments, server.clock.now(), server.oai_url)
    assert reply.count(b"<header>") == 7
    assert b'completeListSize="30"' in reply
    assert server.strict_s == 3


def test_command_reports_invalid_options(started_servers, tmp_path):
    runner = CliRunner()
    early = runner.invoke(main, ["sandbox", "arxiv", "--port", "0", "--now", "2001-01-01T00:00:00Z"])
    empty = runner.invoke(main, ["sandbox", "arxiv", "--port", "0", "--recordings", str(tmp_path)])
    assert (early.exit_code, "no papers can be generated" in early.output) == (2, True)
    assert (empty.exit_code, "no recorded pages" in empty.output) == (2, True)


@pytest.mark.parametrize("words", [["sandbox", "--help"], ["sandbox", "arxiv", "--help"]])
def test_help_shows_the_setting_for_the_lake(words):
    assert "PAPERLAKE_ARXIV_URL=http://127.0.0.1:8766/oai" in CliRunner().invoke(main, words).output
