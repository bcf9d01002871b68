"""Harvests of an arXiv that is modified while one pages: what is lost without reconciling, and never with it.

`PAPERLAKE_SOAK_HARVESTS` says how many are simulated.
"""

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import httpx
import polars as pl
import pytest

from paperlake.ingest.oai_harvest import Harvest, HarvestFailed, Window, _wanting, harvested
from paperlake.sources.polite import open_client
from paperlake.store.pace import FilePace
from sandbox.arxiv_answers import Repository
from sandbox.arxiv_collection import Collection
from sandbox.arxiv_generated import generated
from sandbox.clock import Clock

HARVESTS = int(os.environ.get("PAPERLAKE_SOAK_HARVESTS", "60"))
NOW = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)
PAPERS = generated(60, seed=7, first=date(2024, 1, 1))


@dataclass
class Server:
    """An arXiv without a network: `before` is called with the number of each request before it is answered."""

    collection: Collection
    page_size: int = 7
    generation: str = "new"
    before: object = lambda _: None
    asked: list[dict[str, str]] = field(default_factory=list)
    spoiled: dict[int, httpx.Response] = field(default_factory=dict)

    def __post_init__(self):
        self.repository = Repository(self.collection, self.generation, self.page_size)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(dict(request.url.params))
        self.before(len(self.asked))
        if (spoiled := self.spoiled.get(len(self.asked))) is not None:
            return spoiled
        body = self.repository.answer(list(request.url.params.multi_items()), NOW, "https://arxiv.example/oai")
        return httpx.Response(200, content=body)


@dataclass
class Asking:
    """What a harvest asks with; what it keeps is only counted."""

    client: object
    kept: list[tuple[str, int]] = field(default_factory=list)

    def keep(self, verb, _began, answer):
        self.kept.append((verb, answer.status_code))


@pytest.fixture
def ask(tmp_path):
    def asking(server):
        return Asking(
            open_client(
                "http://arxiv.example/oai",
                user_agent="test",
                pace=FilePace(tmp_path, "arxiv", 0),
                now=lambda: NOW,
                sleep=lambda _: None,
                transport=httpx.MockTransport(server),
                patience_s=0.5,
            )
        )

    return asking


def harvest(ask, server, window=None):
    """The harvest, its verdict, and what was kept of it."""
    asking, work = ask(server), Harvest(window or Window(), NOW)
    return work, harvested(asking, work, lambda _: None), asking.kept


def collection(papers=PAPERS):
    return Collection(papers, clock=Clock(NOW))


def busy(held, seed, until, when=None):
    """Modifies and deletes papers before requests, up to the number `until`; `when` learns of the last by paper."""
    rng = random.Random(seed)

    def before(number):
        if number > until or rng.random() < 0.4:
            return
        paper = rng.choice(held.records())
        if when is not None:
            when[paper.id] = number
        match rng.randrange(8):
            case 0 if not paper.is_deleted:
                held.delete(paper.id, NOW)
            case _:
                held.modify(paper.id, NOW + timedelta(seconds=number))

    return before


def wanting(held, work, window):
    """The papers of the window whose newest record was not told."""
    told = dict(work.held.select("paper_id", "datestamp").iter_rows())
    return [
        paper.id
        for paper in held.records()
        if paper.datestamp >= (window.since or date.min) and told.get(paper.id, date.min) < paper.datestamp
    ]


def test_a_quiet_harvest_is_complete_after_one_list_of_identifiers(ask):
    server = Server(collection())
    work, verdict, kept = harvest(ask, server)
    assert verdict == "complete"
    assert (work.held.height, work.fetched, work.missing) == (60, 0, 0)
    assert [verb for verb, _ in kept] == ["ListRecords"] * 9 + ["ListIdentifiers"] * 9


@pytest.mark.parametrize("generation", ["new", "old"])
def test_no_harvest_loses_a_record_however_busy_the_server_is(ask, generation):
    lost_by_records = 0
    for seed in range(HARVESTS):
        held, when = collection(), {}
        window = Window(None, random.Random(seed).choice([None, date(2025, 6, 1)]))
        server = Server(held, generation=generation, before=busy(held, seed, 14, when))
        work, verdict, _ = harvest(ask, server, window)
        begins = max(n for n, asked in enumerate(server.asked, 1) if "from" in asked or "metadataPrefix" in asked)
        # The old server lists by id, so that what comes in behind the reader's back is for the next harvest.
        late = {paper for paper, number in when.items() if number >= begins and generation == "old"}
        assert not set(wanting(held, work, window)) - late, (seed, verdict)
        lost_by_records += work.fetched > 0
    # The simulation can fail: without lists that must agree, so many harvests would have lost a record.
    assert lost_by_records > HARVESTS / 10


def test_a_server_that_never_rests_gives_a_partial_harvest(ask):
    held = collection()
    work, verdict, _ = harvest(ask, Server(held, before=busy(held, 1, until=10**6)))
    assert verdict == "partial"
    assert work.pages > 50


def test_an_empty_window_is_a_success(ask):
    work, verdict, kept = harvest(ask, Server(collection()), Window(None, NOW.date()))
    assert (verdict, work.held.height, len(kept)) == ("confirmed_empty", 0, 2)


def test_lists_without_records_where_records_exist_are_not_believed(ask):
    nothing = (
        b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-11-02T04:00:00Z</responseDate>'
        b"<request>x</request><ListIdentifiers/></OAI-PMH>"
    )
    server = Server(collection())
    real = server.repository.answer

    def answer(arguments, at, url):
        return nothing if ("verb", "ListIdentifiers") in arguments else real(arguments, at, url)

    server.repository.answer = answer
    work, verdict, _ = harvest(ask, server)
    assert (verdict, work.unlisted) == ("partial", 60)


def test_a_paper_that_left_the_window_meanwhile_is_not_missed(ask):
    held = collection()
    window = Window(None, date(2025, 1, 1), date(2026, 10, 30))
    gone = next(paper.id for paper in held.records() if date(2025, 1, 1) <= paper.datestamp)

    def late(number):
        if number == 4:
            held.modify(gone, NOW)

    work, verdict, _ = harvest(ask, Server(held, before=late), window)
    assert (verdict, work.unlisted) == ("complete", 0)


def test_deleted_records_are_told(ask):
    held = collection()
    held.delete(PAPERS[3].id, NOW)
    work, verdict, _ = harvest(ask, Server(held))
    assert verdict == "complete"
    assert work.held.filter("is_deleted")["paper_id"].to_list() == [PAPERS[3].id]


def test_many_missing_records_are_asked_for_as_a_list(ask, monkeypatch):
    monkeypatch.setattr("paperlake.ingest.oai_harvest.SINGLY", 3)
    held = collection(PAPERS[:40])

    def late(number):
        if number == 7:
            for paper in PAPERS[40:]:
                held.add(paper)

    work, verdict, kept = harvest(ask, Server(held, before=late))
    assert verdict == "complete"
    assert work.held.height == 60
    assert "GetRecord" not in [verb for verb, _ in kept]


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
def test_a_page_that_is_damaged_on_its_way_is_kept_and_asked_for_again(ask, spoiled, tries):
    server = Server(collection(), spoiled={2: spoiled})
    _, verdict, kept = harvest(ask, server)
    assert verdict == "complete"
    assert len(kept) == len(server.asked) == tries - 1
    assert server.asked[1] == server.asked[2]


def test_a_page_that_stays_damaged_ends_the_harvest_with_its_name(ask):
    bomb = httpx.Response(200, content=b'<!DOCTYPE x [<!ENTITY a "b">]><OAI-PMH>&a;</OAI-PMH>')
    with pytest.raises(HarvestFailed, match=r"ListRecords cannot be read .*entities"):
        harvest(ask, Server(collection(), spoiled={2: bomb}))


def test_a_403_ends_the_harvest_at_once(ask):
    server = Server(collection(), spoiled={3: httpx.Response(403, content=b"<html>no</html>")})
    with pytest.raises(HarvestFailed, match=r"403: it does not want to be asked"):
        harvest(ask, server)
    assert len(server.asked) == 3


def test_a_token_that_expired_begins_the_list_anew(ask):
    expired = (
        b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-11-02T04:00:00Z</responseDate>'
        b'<request>x</request><error code="badResumptionToken">expired</error></OAI-PMH>'
    )
    server = Server(collection(), spoiled={4: httpx.Response(200, content=expired)})
    work, verdict, _ = harvest(ask, server)
    assert (verdict, work.held.height) == ("complete", 60)
    assert [asked.get("resumptionToken") is None for asked in server.asked[:6]] == [True, *[False] * 3, True, False]


def test_a_list_without_an_end_is_noticed(ask):
    server = Server(collection())
    first = httpx.Response(
        200, content=server(httpx.Request("GET", "https://x/?verb=ListRecords&metadataPrefix=arXiv")).content
    )
    server.asked.clear()
    server.spoiled = {n: httpx.Response(200, content=first.content) for n in range(1, 5)}
    with pytest.raises(HarvestFailed, match="same resumption token twice"):
        harvest(ask, server)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (Window("no:such"), "badArgument"),
        (Window(None, date(1990, 1, 1)), "badArgument"),
        (Window(None, date(2026, 1, 2), date(2026, 1, 1)), "badArgument"),
    ],
)
def test_what_the_server_refuses_is_told_in_its_words(ask, window, said):
    with pytest.raises(HarvestFailed, match=said):
        harvest(ask, Server(collection()), window)


def test_what_is_missing_is_a_newer_datestamp_than_the_one_held(ask):
    listed = pl.DataFrame({"paper_id": ["a", "b", "c"], "datestamp": [date(2026, 1, 2)] * 3})
    held = pl.DataFrame({"paper_id": ["a", "b"], "datestamp": [date(2026, 1, 1), date(2026, 1, 3)]})
    assert _wanting(listed, held)["paper_id"].to_list() == ["a", "c"]
