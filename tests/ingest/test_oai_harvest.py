"""Harvests of an arXiv that changes during the harvest: reconciling finds every record that paging loses.

`PAPERLAKE_SOAK_HARVESTS` is the number of simulated harvests.
"""

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import httpx
import polars as pl
import pytest

from paperlake.ingest.oai_harvest import Harvest, HarvestFailed, Window, _missing_headers, walk_and_reconcile
from paperlake.sources.client_options import RetryLimits, SourceConfig, Timing
from paperlake.sources.polite import PoliteClient
from paperlake.store.pace import FilePace
from sandbox.arxiv.collection import Collection
from sandbox.arxiv.generated import generate_papers
from sandbox.arxiv.repository import Repository
from sandbox.clock import Clock

HARVESTS = int(os.environ.get("PAPERLAKE_SOAK_HARVESTS", "60"))
NOW = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)
PAPERS = generate_papers(60, seed=7, first=date(2024, 1, 1))


@dataclass
class Server:
    """An arXiv without a network. `before` is called with the number of each request before the answer."""

    collection: Collection
    page_size: int = 7
    generation: str = "new"
    before: object = lambda _: None
    requests: list[dict[str, str]] = field(default_factory=list)
    spoiled: dict[int, httpx.Response] = field(default_factory=dict)

    def __post_init__(self):
        self.repository = Repository(self.collection, self.generation, self.page_size)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(dict(request.url.params))
        self.before(len(self.requests))
        if (spoiled := self.spoiled.get(len(self.requests))) is not None:
            return spoiled
        body = self.repository.answer(list(request.url.params.multi_items()), NOW, "https://arxiv.example/oai")
        return httpx.Response(200, content=body)


@dataclass
class CountingClient:
    """An ArxivClient that records the answers instead of storing them."""

    client: object
    answers: list[tuple[str, int]] = field(default_factory=list)

    def store(self, verb, _started_at, answer):
        self.answers.append((verb, answer.status_code))


@pytest.fixture
def connect(tmp_path):
    def connect(server):
        return CountingClient(
            PoliteClient(
                SourceConfig("http://arxiv.example/oai", user_agent="test"),
                FilePace(tmp_path, "arxiv", 0),
                Timing(now=lambda: NOW, sleep=lambda _: None),
                RetryLimits(fault_patience_s=0.5),
                httpx.MockTransport(server),
            )
        )

    return connect


def harvest(connect, server, window=None):
    """The harvest, its verdict, and its answers."""
    client, progress = connect(server), Harvest(window or Window(), NOW)
    return progress, walk_and_reconcile(client, progress, lambda _: None), client.answers


def collection(papers=PAPERS):
    return Collection(papers, clock=Clock(NOW))


def change_papers(papers, seed, until, changed_at=None):
    """Modifies and deletes papers before requests, up to the number `until`; `changed_at` gets the last by paper."""
    rng = random.Random(seed)

    def before(number):
        if number > until or rng.random() < 0.4:
            return
        paper = rng.choice(papers.records())
        if changed_at is not None:
            changed_at[paper.id] = number
        match rng.randrange(8):
            case 0 if not paper.is_deleted:
                papers.delete(paper.id, NOW)
            case _:
                papers.modify(paper.id, NOW + timedelta(seconds=number))

    return before


def missing_papers(papers, progress, window):
    """The papers of the window whose newest record was not harvested."""
    datestamps = dict(progress.newest_headers.select("paper_id", "datestamp").iter_rows())
    return [
        paper.id
        for paper in papers.records()
        if paper.datestamp >= (window.since or date.min) and datestamps.get(paper.id, date.min) < paper.datestamp
    ]


def test_unchanged_server_needs_one_list_of_identifiers(connect):
    server = Server(collection())
    progress, verdict, answers = harvest(connect, server)
    assert verdict == "complete"
    assert (progress.newest_headers.height, progress.fetched, progress.missing) == (60, 0, 0)
    assert [verb for verb, _ in answers] == ["ListRecords"] * 9 + ["ListIdentifiers"] * 9


@pytest.mark.long
@pytest.mark.parametrize("generation", ["new", "old"])
def test_harvest_loses_no_record_on_a_changing_server(connect, generation):
    lost_by_records = 0
    for seed in range(HARVESTS):
        papers, changed_at = collection(), {}
        window = Window(None, random.Random(seed).choice([None, date(2025, 6, 1)]))
        server = Server(papers, generation=generation, before=change_papers(papers, seed, 14, changed_at))
        progress, verdict, _ = harvest(connect, server, window)
        last_list = max(n for n, query in enumerate(server.requests, 1) if "from" in query or "metadataPrefix" in query)
        # The old server lists by id, so a change behind the current page is left for the next harvest.
        late = {paper for paper, number in changed_at.items() if number >= last_list and generation == "old"}
        assert not set(missing_papers(papers, progress, window)) - late, (seed, verdict)
        lost_by_records += progress.fetched > 0
    # Shows that the simulation works: without reconciling, this many harvests would have lost a record.
    assert lost_by_records > HARVESTS / 10


def test_server_that_always_changes_gives_a_partial_harvest(connect):
    papers = collection()
    progress, verdict, _ = harvest(connect, Server(papers, before=change_papers(papers, 1, until=10**6)))
    assert verdict == "partial"
    assert progress.pages > 50


def test_empty_window_is_confirmed_empty(connect):
    progress, verdict, answers = harvest(connect, Server(collection()), Window(None, NOW.date()))
    assert (verdict, progress.newest_headers.height, len(answers)) == ("confirmed_empty", 0, 2)


def test_empty_lists_are_not_accepted_if_records_exist(connect):
    nothing = (
        b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-11-02T04:00:00Z</responseDate>'
        b"<request>x</request><ListIdentifiers/></OAI-PMH>"
    )
    server = Server(collection())
    real = server.repository.answer

    def answer(arguments, at, url):
        return nothing if ("verb", "ListIdentifiers") in arguments else real(arguments, at, url)

    server.repository.answer = answer
    with pytest.raises(HarvestFailed, match="ListIdentifiers is an empty list, 3 times, without the error noRecordsM"):
        harvest(connect, server)


def test_paper_that_left_the_window_is_not_unlisted(connect):
    papers = collection()
    window = Window(None, date(2025, 1, 1), date(2026, 10, 30))
    gone = next(paper.id for paper in papers.records() if date(2025, 1, 1) <= paper.datestamp)

    def modify(number):
        if number == 4:
            papers.modify(gone, NOW)

    progress, verdict, _ = harvest(connect, Server(papers, before=modify), window)
    assert (verdict, progress.unlisted) == ("complete", 0)


def test_deleted_records_are_harvested(connect):
    papers = collection()
    papers.delete(PAPERS[3].id, NOW)
    progress, verdict, _ = harvest(connect, Server(papers))
    assert verdict == "complete"
    assert progress.newest_headers.filter("is_deleted")["paper_id"].to_list() == [PAPERS[3].id]


def test_many_missing_records_are_requested_as_a_list(connect, monkeypatch):
    monkeypatch.setattr("paperlake.ingest.oai_harvest.MAX_SINGLE_REQUESTS", 3)
    papers = collection(PAPERS[:40])

    def add(number):
        if number == 7:
            for paper in PAPERS[40:]:
                papers.add(paper)

    progress, verdict, answers = harvest(connect, Server(papers, before=add))
    assert verdict == "complete"
    assert progress.newest_headers.height == 60
    assert "GetRecord" not in [verb for verb, _ in answers]


@pytest.mark.parametrize(
    ("spoiled", "tries"),
    [
        (httpx.Response(200, content=b"<html><body>Checking your browser</body></html>"), 20),
        (
            httpx.Response(
                200, content=b'<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><Li'
            ),
            20,
        ),
    ],
    ids=["html", "truncated"],
)
def test_damaged_page_is_stored_and_requested_again(connect, spoiled, tries):
    server = Server(collection(), spoiled={2: spoiled})
    _, verdict, answers = harvest(connect, server)
    assert verdict == "complete"
    assert len(answers) == len(server.requests) == tries - 1
    assert server.requests[1] == server.requests[2]


def test_page_that_stays_damaged_ends_the_harvest(connect):
    bomb = httpx.Response(200, content=b'<!DOCTYPE x [<!ENTITY a "b">]><OAI-PMH>&a;</OAI-PMH>')
    with pytest.raises(HarvestFailed, match=r"ListRecords cannot be read .*entities"):
        harvest(connect, Server(collection(), spoiled={2: bomb}))


def test_status_403_ends_the_harvest_at_once(connect):
    server = Server(collection(), spoiled={3: httpx.Response(403, content=b"<html>no</html>")})
    with pytest.raises(HarvestFailed, match=r"403: it does not want to be asked"):
        harvest(connect, server)
    assert len(server.requests) == 3


def test_records_after_an_expired_token_come_by_their_identifiers(connect):
    expired = (
        b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-11-02T04:00:00Z</responseDate>'
        b'<request>x</request><error code="badResumptionToken">expired</error></OAI-PMH>'
    )
    server = Server(collection(), spoiled={4: httpx.Response(200, content=expired)})
    progress, verdict, answers = harvest(connect, server)
    assert (verdict, progress.newest_headers.height) == ("complete", 60)
    assert {verb for verb, _ in answers} == {"ListRecords", "ListIdentifiers", "GetRecord"}


def test_endless_list_ends_the_harvest(connect):
    server = Server(collection())
    first = httpx.Response(
        200, content=server(httpx.Request("GET", "https://x/?verb=ListRecords&metadataPrefix=arXiv")).content
    )
    server.requests.clear()
    server.spoiled = {n: httpx.Response(200, content=first.content) for n in range(1, 5)}
    with pytest.raises(HarvestFailed, match="has no end: a resumption token came back"):
        harvest(connect, server)


@pytest.mark.parametrize(
    ("window", "code"),
    [
        (Window("no:such"), "badArgument"),
        (Window(None, date(1990, 1, 1)), "badArgument"),
        (Window(None, date(2026, 1, 2), date(2026, 1, 1)), "badArgument"),
    ],
)
def test_refused_request_names_the_server_error(connect, window, code):
    with pytest.raises(HarvestFailed, match=code):
        harvest(connect, Server(collection()), window)


def test_missing_headers_are_newer_than_the_stored_ones():
    listed = pl.DataFrame({"paper_id": ["a", "b", "c"], "datestamp": [date(2026, 1, 2)] * 3})
    stored = pl.DataFrame({"paper_id": ["a", "b"], "datestamp": [date(2026, 1, 1), date(2026, 1, 3)]})
    assert _missing_headers(listed, stored)["paper_id"].to_list() == ["a", "c"]
