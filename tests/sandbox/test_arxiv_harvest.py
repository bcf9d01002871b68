"""Harvests of the sandbox arXiv by several clients: complete without changes, with losses if papers change."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oaipmh_scythe import Scythe
from sickle import Sickle

from sandbox.arxiv.collection import Collection
from sandbox.arxiv.generated import generate_papers
from sandbox.arxiv.repository import Repository
from sandbox.arxiv.server import ArxivServer
from sandbox.clock import Clock
from tests.oai_client import OAI, Harvester

pytestmark = pytest.mark.long

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
TODAY = NOW.date()
GENERATIONS = pytest.mark.parametrize("generation", ["new", "old"])
PAPERS = generate_papers(400, seed=5)
THOUSANDS = generate_papers(3000, seed=2)


@contextmanager
def running_server(generation="new", papers=PAPERS, page_size=50, **options):
    """A collection, its server, and a harvester."""
    clock = Clock(NOW)
    collection = Collection(papers, clock=clock)
    repository = Repository(collection, generation, page_size, options.pop("headers_page_size", None))
    with ArxivServer(repository, clock=clock, **options) as server, httpx.Client(trust_env=False, timeout=5) as client:
        yield collection, server, Harvester(client, server.oai_url)


def ids_of(papers=PAPERS):
    return {paper.id for paper in papers}


@GENERATIONS
def test_sickle_harvests_every_paper_once(generation):
    with running_server(generation, THOUSANDS, 700) as (_, server, _):
        with_proxies_off = {"proxies": {"http": ""}, "timeout": 5}
        records = list(Sickle(server.oai_url, **with_proxies_off).ListRecords(metadataPrefix="arXiv"))
        ids = [record.header.identifier.removeprefix("oai:arXiv.org:") for record in records]
        assert (len(ids), set(ids)) == (3000, ids_of(THOUSANDS))
        titles = {record.metadata["id"][0]: record.metadata["title"][0] for record in records}
        assert titles == {paper.id: paper.title for paper in THOUSANDS}
        assert [each.status for each in server.requests] == [200] * 5


@GENERATIONS
@pytest.mark.parametrize("prefix", ["arXiv", "arXivRaw", "oai_dc"])
def test_scythe_harvests_every_paper_once(generation, prefix):
    with running_server(generation, THOUSANDS, 700) as (_, server, _), Scythe(server.oai_url) as scythe:
        ids = [record.header.identifier for record in scythe.list_records(metadata_prefix=prefix)]
        assert (len(ids), set(ids)) == (3000, {paper.identifier for paper in THOUSANDS})
        headers = [header.identifier for header in scythe.list_identifiers(metadata_prefix=prefix)]
        assert headers == ids
        assert server.most_connections == 1


@GENERATIONS
def test_scythe_reads_the_other_verbs(generation):
    with running_server(generation) as (_, server, _), Scythe(server.oai_url) as scythe:
        assert scythe.identify().granularity == "YYYY-MM-DD"
        assert {"cs", "physics:hep-th"} <= {each.setSpec for each in scythe.list_sets()}
        assert {each.metadataPrefix for each in scythe.list_metadata_formats()} >= {"arXiv", "arXivRaw", "oai_dc"}
        paper = PAPERS[7]
        record = scythe.get_record(paper.identifier, metadata_prefix="arXiv")
        assert record.metadata["doi" if paper.doi else "id"] == [paper.doi or paper.id]


@GENERATIONS
@given(size=st.integers(1, 90), count=st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_a_harvest_of_an_unchanging_collection_is_complete_for_any_page_size(generation, size, count):
    collection = Collection(PAPERS[:count])
    repository = Repository(collection, generation, size)
    with ArxivServer(repository, clock=Clock(NOW)) as server, httpx.Client(trust_env=False) as client:
        pages = list(Harvester(client, server.oai_url).pages("ListIdentifiers"))
        ids = [paper_id for page in pages for paper_id in page.ids]
        assert (len(ids), set(ids)) == (count, ids_of(PAPERS[:count]))
        assert [len(page.ids) for page in pages[:-1]] == [size] * (len(pages) - 1)
        assert [page.token for page in pages[-1:]] == ([None] if len(pages) == 1 else [""])


def test_new_server_orders_by_date_and_id():
    with running_server() as (_, _, harvester):
        pages = list(harvester.pages())
        pairs = [pair for page in pages for pair in zip(page.datestamps, page.ids, strict=True)]
        assert [day for day, _ in pairs] == sorted(day for day, _ in pairs)
        assert all(
            list(zip(page.datestamps, page.ids, strict=True)) == sorted(zip(page.datestamps, page.ids, strict=True))
            for page in pages
        )


def test_old_server_orders_by_id():
    with running_server("old") as (_, _, harvester):
        assert harvester.ids() == sorted(ids_of())


def test_new_token_contains_the_query_from_the_date_at_which_the_page_was_full():
    papers = [*PAPERS[:3]]
    collection = Collection(papers)
    for place, paper in enumerate(papers):
        collection.modify(paper.id, on=date(2026, 10, 1 + place // 2))
    with running_server(papers=collection.records(), page_size=1) as (_, _, harvester):
        tokens = [page.token for page in harvester.pages(until="2026-10-31")]
        assert tokens == [
            "verb%3DListRecords%26metadataPrefix%3DarXiv%26until%3D2026-10-31%26skip%3D1",
            "verb%3DListRecords%26metadataPrefix%3DarXiv%26until%3D2026-10-31%26from%3D2026-10-02%26skip%3D0",
            "",
        ]


def test_new_token_has_an_expiration_date_and_no_counts():
    with running_server() as (_, _, harvester):
        element = harvester.ask("ListRecords", metadataPrefix="arXiv").token_element
        assert element.attrib == {"expirationDate": "2026-11-03T00:00:00Z"}


def test_old_token_has_counts_and_no_expiration_date():
    with running_server("old") as (_, _, harvester):
        first, second = harvester.ask("ListRecords", metadataPrefix="arXiv"), None
        second = harvester.ask("ListRecords", resumptionToken=first.token)
        assert (first.token, second.token) == ("1122234|51", "1122234|101")
        assert first.token_element.attrib == {"cursor": "0", "completeListSize": "400"}
        assert second.token_element.attrib == {"cursor": "50", "completeListSize": "400"}


@GENERATIONS
def test_tokens_expire_at_midnight_utc(generation):
    with running_server(generation) as (_, server, harvester):
        token = harvester.ask("ListRecords", metadataPrefix="arXiv").token
        server.clock.move_to(datetime(2026, 11, 2, 23, 59, 59, tzinfo=UTC))
        assert harvester.ask("ListRecords", resumptionToken=token).error is None
        server.clock.move_to(datetime(2026, 11, 3, tzinfo=UTC))
        assert harvester.ask("ListRecords", resumptionToken=token).error == "badResumptionToken"


@GENERATIONS
def test_a_token_is_valid_only_for_its_verb(generation):
    with running_server(generation) as (_, _, harvester):
        token = harvester.ask("ListRecords", metadataPrefix="arXiv").token
        assert harvester.ask("ListIdentifiers", resumptionToken=token).error == "badResumptionToken"


@pytest.mark.parametrize(("place", "code"), [("0", "badResumptionToken"), ("401", "noRecordsMatch"), ("400", None)])
def test_positions_in_old_tokens_count_from_one(place, code):
    with running_server("old") as (_, _, harvester):
        session = harvester.ask("ListRecords", metadataPrefix="arXiv").token.partition("|")[0]
        assert harvester.ask("ListRecords", resumptionToken=f"{session}|{place}").error == code


@GENERATIONS
def test_a_page_can_be_requested_again(generation):
    with running_server(generation) as (_, _, harvester):
        token = harvester.ask("ListRecords", metadataPrefix="arXiv").token
        first_ids, second_ids = (harvester.ask("ListRecords", resumptionToken=token).ids for _ in range(2))
        assert first_ids == second_ids != []


def modified_on_one_date(count=30):
    """Papers that were all modified on the same date, in order."""
    collection = Collection(PAPERS[:count])
    for paper in PAPERS[:count]:
        collection.modify(paper.id, on=date(2026, 10, 5))
    return collection.records()


def test_a_paper_modified_between_pages_makes_the_new_server_skip_another():
    papers = modified_on_one_date()
    with running_server(papers=papers, page_size=10) as (collection, _, harvester):
        pages = harvester.pages(from_="2026-10-05")
        first = next(pages)
        collection.modify(papers[3].id, on=TODAY)
        ids = [*first.ids, *(paper_id for page in pages for paper_id in page.ids)]
        assert ids_of(papers) - set(ids) == {papers[10].id}
        assert ids.count(papers[3].id) == 2  # in its old and in its new state


def test_an_incremental_harvest_misses_the_skipped_paper():
    papers = modified_on_one_date()
    with running_server(papers=papers, page_size=10) as (collection, _, harvester):
        pages = harvester.pages(from_="2026-10-05")
        next(pages)
        collection.modify(papers[3].id, on=TODAY)
        list(pages)
        assert papers[10].id not in harvester.ids(from_=TODAY.isoformat())
        assert papers[10].id in harvester.ids("ListIdentifiers", from_="2026-10-05")


def test_the_before_hook_makes_losses_reproducible():
    papers = modified_on_one_date()

    def lost():
        def touch(request):
            if request.number > 1:
                collection.modify(papers[request.number].id, on=TODAY)

        with running_server(papers=papers, page_size=10, before=touch) as (collection, _, harvester):
            return ids_of(papers) - set(harvester.ids(from_="2026-10-05"))

    assert lost() == lost() != set()


def test_a_paper_that_leaves_the_window_makes_the_old_server_skip_another():
    papers = modified_on_one_date()
    by_id = sorted(ids_of(papers))
    with running_server("old", papers, page_size=10) as (collection, _, harvester):
        pages = harvester.pages(until="2026-10-31")
        first = next(pages)
        collection.modify(by_id[3], on=TODAY)
        ids = [*first.ids, *(paper_id for page in pages for paper_id in page.ids)]
        assert ids_of(papers) - set(ids) == {by_id[10]}


@GENERATIONS
def test_a_deleted_paper_has_only_a_header(generation):
    with running_server(generation, page_size=500) as (collection, _, harvester):
        paper_id = PAPERS[11].id
        assert harvester.ask("ListRecords", metadataPrefix="arXiv").deleted_ids == []
        collection.delete(paper_id)
        for verb in ("ListRecords", "ListIdentifiers"):
            reply = harvester.ask(verb, metadataPrefix="arXiv", from_=TODAY.isoformat())
            assert (reply.ids, reply.deleted_ids) == ([paper_id], [paper_id])
        reply = harvester.ask("GetRecord", metadataPrefix="arXiv", identifier=f"oai:arXiv.org:{paper_id}")
        assert (reply.deleted_ids, reply.texts("metadata"), reply.datestamps) == ([paper_id], [], [TODAY.isoformat()])


def test_a_removed_paper_is_unknown():
    with running_server(page_size=500) as (collection, _, harvester):
        collection.remove(PAPERS[11].id)
        assert set(harvester.ids()) == ids_of() - {PAPERS[11].id}
        reply = harvester.ask("GetRecord", metadataPrefix="arXiv", identifier=PAPERS[11].identifier)
        assert reply.error == "idDoesNotExist"


def test_a_token_whose_remaining_papers_moved_matches_no_records():
    papers = modified_on_one_date(11)
    with running_server(papers=papers, page_size=10) as (collection, _, harvester):
        token = harvester.ask("ListRecords", metadataPrefix="arXiv", until="2026-10-31").token
        collection.modify(papers[10].id, on=TODAY)
        assert harvester.ask("ListRecords", resumptionToken=token).error == "noRecordsMatch"


@GENERATIONS
@pytest.mark.parametrize("days", [(None, None), (400, None), (None, 400), (900, 300), (300, 300)])
def test_from_and_until_are_inclusive_datestamps(generation, days):
    first, last = (None if back is None else TODAY - timedelta(days=back) for back in days)
    window = {name: day.isoformat() for name, day in (("from_", first), ("until", last)) if day}
    expected = {p.id for p in PAPERS if (first or p.datestamp) <= p.datestamp <= (last or p.datestamp)}
    with running_server(generation) as (_, _, harvester):
        pages = list(harvester.pages(**window))
        assert {paper_id for page in pages for paper_id in page.ids} == expected or pages[0].error == "noRecordsMatch"
        assert (pages[0].error is None) == bool(expected)


@pytest.mark.parametrize("set_spec", ["cs", "cs:cs", "cs:cs:LG", "physics", "physics:hep-th", "math:math:CO", "stat"])
def test_a_set_contains_the_records_of_its_subsets(set_spec):
    with running_server(papers=THOUSANDS, page_size=1500) as (_, _, harvester):
        specs = {
            paper_id: [each.text for each in header.iter(f"{OAI}setSpec")]
            for page in harvester.pages()
            for paper_id, header in zip(page.ids, page.headers, strict=True)
        }
        expected = {i for i, named in specs.items() if any(f"{each}:".startswith(f"{set_spec}:") for each in named)}
        assert set(harvester.ids(set_=set_spec)) == expected
        assert 0 < len(expected) < 3000


def test_list_headers_have_other_sets_than_records():
    paper = replace(PAPERS[0], categories=("chao-dyn", "math.NA", "nlin.CD"))
    with running_server(papers=[paper]) as (_, _, harvester):
        listed = harvester.ask("ListIdentifiers", metadataPrefix="arXiv").texts("setSpec")
        recorded = harvester.ask("ListRecords", metadataPrefix="arXiv").texts("setSpec")
    assert listed == ["physics:chao-dyn", "math:math:NA", "physics:nlin:CD"]
    assert recorded == ["physics:nlin:CD", "math:math:NA", "cs:cs:NA"]


def test_old_server_has_sets_for_groups_and_physics_archives():
    with running_server("old", THOUSANDS, 500) as (_, _, harvester):
        expected = {p.id for p in THOUSANDS if any(c.split(".")[0] == "hep-th" for c in p.categories)}
        assert set(harvester.ids(set_="physics:hep-th")) == expected
        assert harvester.ask("ListRecords", metadataPrefix="arXiv", set_="cs:cs:LG").error == "badArgument"


def test_the_page_size_can_change_during_a_harvest():
    with running_server() as (_, server, harvester):
        pages = harvester.pages()
        lengths = [len(next(pages).ids)]
        server.repository.limits["ListRecords"] = 120
        lengths += [len(page.ids) for page in pages]
        assert lengths == [50, 120, 120, 110]


def test_list_identifiers_can_have_larger_pages():
    with running_server(headers_page_size=150) as (_, _, harvester):
        assert len(harvester.ask("ListRecords", metadataPrefix="arXiv").ids) == 50
        assert len(harvester.ask("ListIdentifiers", metadataPrefix="arXiv").ids) == 150


def test_the_first_page_of_the_new_server_echoes_the_next_from():
    with running_server() as (_, _, harvester):
        reply = harvester.ask("ListRecords", metadataPrefix="arXiv")
        assert reply.request["from"] == max(reply.datestamps) or reply.request["from"] > max(reply.datestamps)
    with running_server("old") as (_, _, harvester):
        assert "from" not in harvester.ask("ListRecords", metadataPrefix="arXiv").request
