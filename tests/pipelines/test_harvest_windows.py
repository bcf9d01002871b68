"""What a harvest covers is a set of windows of datestamps; the next one asks for those that are missing."""

import gzip
from datetime import UTC, date, datetime, timedelta

import pytest

from paperlake.clock import RunClock
from paperlake.config import read_settings
from paperlake.ingest.harvest_coverage import coverage_of, read_harvests
from paperlake.ingest.oai_sets import UnknownSet
from paperlake.operations.import_arxiv import import_snapshot
from paperlake.pipelines.harvest import DateInFuture
from paperlake.pipelines.harvest import harvest as harvest_pipeline
from paperlake.pipelines.runner import InProcessRunner, RunContext, Start
from sandbox.arxiv.faults import ArxivFault
from sandbox.arxiv.generated import generate_papers
from tests.arxiv_rows import snapshot_line
from tests.harvests import NEXT, NOW, harvest, ids, rows

PAPERS = generate_papers(30, seed=3, first=date(2026, 6, 1))
BEFORE_AUGUST = {paper.id for paper in PAPERS if paper.datestamp < date(2026, 8, 1)}
FROM_AUGUST = {paper.id for paper in PAPERS} - BEFORE_AUGUST
COUNT_OF_CS = sum(any(category.startswith("cs.") for category in paper.categories) for paper in PAPERS)


@pytest.fixture
def lake(lake_in_force):
    return lake_in_force


@pytest.fixture
def unpublished(monkeypatch, lake):
    """Leave the answers in the inbox: for tests of what is requested, which need no tables."""
    monkeypatch.setattr("paperlake.pipelines.harvest.publish_months", lambda *_, **__: [])
    return lake


def walks(server):
    """The windows of the first requests of each walk over records: from, until, set."""
    firsts = [query.arguments for query in server.requests if query.verb == "ListRecords"]
    names = ("from", "until", "set")
    return [tuple(each.get(name) for name in names) for each in firsts if "resumptionToken" not in each]


def scheduled(now, set_spec=None):
    """A harvest that a schedule starts."""
    clock = RunClock(now, is_simulated=True)
    return harvest_pipeline(RunContext(read_settings(), Start(clock, now, True), InProcessRunner()), set_spec)


def missing(lake, set_spec=None):
    return [(each.since, each.until) for each in coverage_of(read_harvests(lake), set_spec).missing()]


def test_what_lies_before_an_open_ended_first_harvest_comes_with_the_next(arxiv, lake):
    arxiv(PAPERS)
    harvest(since=date(2026, 8, 1))
    assert ids(lake) == FROM_AUGUST
    assert harvest().record_count >= len(BEFORE_AUGUST) > 0
    assert ids(lake) == BEFORE_AUGUST | FROM_AUGUST


def test_the_missing_windows_are_requested_and_nothing_else(arxiv, unpublished):
    server = arxiv(PAPERS)
    harvest(since=date(2026, 6, 1), until=date(2026, 6, 30))
    harvest(since=date(2026, 8, 1))
    server.requests.clear()
    server.clock.move_to(NEXT)
    report = harvest(NEXT)
    assert walks(server) == [
        (None, "2026-05-31", None),
        ("2026-07-01", "2026-07-31", None),
        ("2026-11-01", None, None),
    ]
    assert report.verdict == "complete"
    assert "from 2026-07-01 until 2026-07-31" in report.summary
    server.requests.clear()
    harvest(NEXT)
    assert walks(server) == [("2026-11-02", None, None)]


def test_a_hole_after_an_import_is_filled_by_the_next_harvest(arxiv, lake, tmp_path):
    server = arxiv(PAPERS)
    old = [paper for paper in PAPERS if paper.datestamp < date(2026, 7, 1)]
    path = tmp_path / "snapshot.json.gz"
    path.write_bytes(gzip.compress(b"\n".join(map(snapshot_line, old))))
    import_snapshot(lake, path, lambda _: None, lambda *_: None)
    newest = max(paper.datestamp for paper in old)
    harvest(since=date(2026, 9, 1))
    assert len(ids(lake)) < len(PAPERS)
    server.requests.clear()
    harvest()
    assert walks(server)[0] == (str(newest - timedelta(days=1)), "2026-08-31", None)
    assert ids(lake) == {paper.id for paper in PAPERS}


def test_a_partial_window_stays_missing(arxiv, lake):
    server = arxiv(PAPERS, page_size=5, faults=[ArxivFault("status", status=403, after=3, times=1)])
    assert harvest(since=date(2026, 8, 1)).verdict == "partial"
    assert missing(lake) == [(None, None)]
    server.requests.clear()
    server.clock.move_to(NEXT)
    harvest(NEXT)
    assert walks(server) == [(None, None, None)]
    assert len(ids(lake)) == len(PAPERS)


def test_a_window_that_fails_does_not_keep_back_the_others(arxiv, unpublished):
    server = arxiv(PAPERS)
    harvest(since=date(2026, 8, 1))
    server.add_fault(ArxivFault("xml_bomb", times=1))
    report = harvest()
    assert [part.verdict for part in report.windows] == ["failed", "confirmed_empty"]
    assert len(report.problems) == 1
    assert missing(unpublished)[0] == (None, date(2026, 7, 31))


def test_nothing_more_is_requested_after_a_403(arxiv, unpublished):
    server = arxiv(PAPERS)
    harvest(since=date(2026, 8, 1))
    server.add_fault(ArxivFault("status", status=403, times=1))
    server.requests.clear()
    report = harvest()
    assert len(server.requests) == 1
    assert "403" in report.problems[0]
    assert "1 window" in report.problems[1]


def test_a_harvest_of_all_sets_covers_each_set(arxiv, unpublished):
    server = arxiv(PAPERS)
    harvest()
    server.requests.clear()
    harvest(NEXT, set_spec="cs")
    assert walks(server) == [("2026-11-01", None, "cs")]


def test_a_harvest_of_a_set_covers_the_sets_in_it_and_no_others(arxiv, unpublished):
    arxiv(PAPERS)
    harvest(set_spec="cs")
    assert missing(unpublished, "cs:cs:AI") == missing(unpublished, "cs") == [(NOW.date() - timedelta(days=1), None)]
    assert missing(unpublished, "csx") == missing(unpublished) == missing(unpublished, "math") == [(None, None)]


def test_until_a_covered_day_nothing_is_requested(arxiv, unpublished):
    server = arxiv(PAPERS)
    harvest()
    server.requests.clear()
    report = harvest(until=date(2026, 8, 1))
    assert not server.requests
    assert "nothing is missing" in report.summary
    assert report.problems == ()


def test_a_schedule_fills_holes_but_does_not_begin_with_all_of_arxiv(arxiv, unpublished):
    server = arxiv(PAPERS)
    scheduled(NOW)
    assert walks(server) == [("2026-11-01", None, None)]
    harvest(since=date(2026, 6, 1), until=date(2026, 6, 30))
    server.requests.clear()
    scheduled(NEXT)
    assert walks(server) == [("2026-07-01", None, None)]


def test_rows_in_the_inbox_count(arxiv, unpublished):
    arxiv(PAPERS)
    harvest()
    assert missing(unpublished) == [(NOW.date() - timedelta(days=1), None)]


def test_an_update_in_the_future_covers_nothing_that_is_to_come(arxiv, unpublished, tmp_path):
    arxiv(PAPERS)
    path = tmp_path / "snapshot.json.gz"
    path.write_bytes(gzip.compress(snapshot_line(PAPERS[0], update_date="2099-06-01")))
    import_snapshot(unpublished, path, lambda _: None, lambda *_: None)
    ((since, until),) = missing(unpublished)
    assert (since < datetime.now(UTC).date(), until) == (True, None)


@pytest.mark.parametrize("bounds", [{"since": date(2030, 1, 1)}, {"until": date(2030, 1, 1)}])
def test_a_date_in_the_future_is_refused_before_anything_is_requested(arxiv, unpublished, bounds):
    server = arxiv(PAPERS)
    with pytest.raises(DateInFuture, match=r"2030-01-01 is in the future: today is 2026-"):
        harvest(**bounds)
    assert (server.requests, read_harvests(unpublished).height) == ([], 0)


def test_an_interrupted_hole_is_resumed(arxiv, unpublished):
    server = arxiv(PAPERS, page_size=2)
    harvest(since=date(2026, 8, 1))
    server.add_fault(ArxivFault("status", status=403, verb="ListRecords", after=2, times=1))
    harvest()
    server.requests.clear()
    harvest()
    assert "resumptionToken" in server.requests[0].arguments
    assert missing(unpublished) == [(NOW.date() - timedelta(days=1), None)]


# Sets


@pytest.mark.parametrize("generation", ["new", "old"])
@pytest.mark.parametrize("set_spec", ["cS", "maths", "cs:cs:ZZ", "cs AI", "a:b:c:d", ""])
def test_a_set_that_the_server_does_not_know_leaves_no_trace(arxiv, lake, set_spec, generation):
    arxiv(PAPERS, generation=generation)
    with pytest.raises(UnknownSet, match="is not a set of arXiv"):
        harvest(set_spec=set_spec)
    assert not [path for path in lake.root.rglob("*") if path.is_file() and path.name != "writer.lock"]


def test_a_mistyped_set_gets_a_suggestion(arxiv, lake):
    arxiv(PAPERS)
    with pytest.raises(UnknownSet, match="did you mean cs:cs:AI"):
        harvest(set_spec="cs.AI")


def test_a_known_set_is_asked_for_once(arxiv, unpublished):
    server = arxiv(PAPERS)
    assert harvest(set_spec="cs").record_count == COUNT_OF_CS
    server.requests.clear()
    harvest(NEXT, set_spec="cs")
    assert not [query for query in server.requests if query.verb == "ListSets"]


@pytest.mark.parametrize("fault", ["html", "cut", "no_records"])
def test_without_a_readable_list_of_sets_the_server_itself_decides(arxiv, lake, fault):
    arxiv(PAPERS, faults=[ArxivFault(fault, verb="ListSets", times=None)])
    assert harvest(set_spec="cs").record_count == COUNT_OF_CS
    with pytest.raises(UnknownSet):
        harvest(set_spec="css")
    assert rows(lake, "source_days")["source"].to_list() == ["arxiv:cs"]
