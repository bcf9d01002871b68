"""The daily pipeline, end to end: a real server on loopback and a lake on disk."""

import logging
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from paperlake.ingest.dates import DateNotOpen
from paperlake.operations.accept import NothingToAccept, accept
from paperlake.operations.import_replies import find_replies, publish_waiting, store_replies
from paperlake.pipelines.in_process import run_daily
from paperlake.sources.client_options import RetryLimits
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.clock import Clock
from sandbox.http.faults import HttpFault
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.recorded import RecordedHub
from sandbox.hub.server import HubServer
from schemas.catalogue import TABLES

MORNING = datetime(2025, 11, 7, 3, 15, tzinfo=UTC)
DAY = date(2025, 11, 6)


@pytest.fixture
def lake(lake_in_force):
    return lake_in_force


@pytest.fixture
def hub(monkeypatch):
    """Starts a sandbox Hub for a world and sets PAPERLAKE_HUB_URL to it."""
    servers = []

    def start(world, **options):
        server = HubServer(world, clock=Clock(MORNING), quota=None, **options)
        server.__enter__()
        servers.append(server)
        monkeypatch.setenv("PAPERLAKE_HUB_URL", server.url)
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def rows(lake, table):
    return scan(snapshot(lake), TABLES[table]).collect().sort(TABLES[table].sort)


def verdicts(lake):
    return dict(rows(lake, "source_days").select("listed_on", "verdict").iter_rows())


class ListOfAnotherDate:
    """A Hub that answers each date with the list of the day before, from a given time on."""

    def __init__(self, since):
        self.inner, self.since = GeneratedHub(papers_a_day=10), since

    def listed(self, day, at):
        return self.inner.listed(day - timedelta(days=1) if at >= self.since else day, at)

    def paper(self, paper_id, at):
        return self.inner.paper(paper_id, at)


def test_run_publishes_the_newest_closed_date_its_window_and_the_open_date(lake, hub):
    world = GeneratedHub(papers_a_day=10)
    hub(world)
    report = run_daily(None, recheck=False, now=MORNING)
    assert not report.problems
    assert [v.listed_on for v in report.verdicts] == [DAY + timedelta(days=n) for n in range(-14, 2)]
    assert verdicts(lake)[DAY] == "complete"
    assert verdicts(lake)[DAY + timedelta(days=1)] == "partial"
    assert verdicts(lake)[date(2025, 11, 1)] == "confirmed_empty"
    listed = rows(lake, "listings").filter(pl.col("listed_on") == DAY)
    assert listed["paper_id"].to_list() == [entry["paper"]["id"] for entry in world.listed(DAY, MORNING)]
    assert not list(lake.inbox.rglob("*.row")), "the inbox is empty after publishing"


def test_run_for_a_date_captures_only_that_date(lake, hub):
    server = hub(GeneratedHub(papers_a_day=10))
    run_daily(DAY, recheck=False, now=MORNING)
    assert list(verdicts(lake)) == [DAY]
    assert {seen.day for seen in server.requests} == {"2025-11-06"}


def test_dates_that_always_fail_do_not_block_other_dates(lake, hub, monkeypatch):
    monkeypatch.setattr("paperlake.ingest.client.INTERACTIVE_LIMITS", RetryLimits(0.1, 0.1, 5))
    failing = {DAY - timedelta(days=2), DAY - timedelta(days=6)}
    hub(GeneratedHub(papers_a_day=5), faults=[HttpFault("status", status=500, day=day, times=None) for day in failing])
    for hours in range(3):
        assert run_daily(None, recheck=False, now=MORNING + timedelta(hours=hours)).problems
        assert verdicts(lake)[DAY] == "complete", "the newest come first"
    assert {day for day, verdict in verdicts(lake).items() if verdict == "failed"} == failing
    assert len(verdicts(lake)) == 16


def test_all_pages_of_a_date_are_captured(lake, hub):
    world = GeneratedHub(seed=3, papers_a_day=260)
    server = hub(world)
    run_daily(DAY, recheck=False, now=MORNING)
    full = world.listed(DAY, MORNING)
    assert len(full) > 200
    assert rows(lake, "listings")["paper_id"].to_list() == [entry["paper"]["id"] for entry in full]
    assert [seen.page for seen in server.requests] == ["0", "1", "2", "0"]
    assert {seen.query["limit"] for seen in server.requests} == {"100"}


@pytest.mark.long
@pytest.mark.great_expectations
def test_validation_results_are_on_a_page(lake, hub):
    hub(GeneratedHub(papers_a_day=5))
    run_daily(DAY, recheck=False, now=MORNING)
    assert "listings" in (lake.quality / "index.html").read_text()


def test_second_run_adds_captures_and_changes_no_list(lake, hub):
    hub(GeneratedHub(papers_a_day=10))
    run_daily(DAY, recheck=False, now=MORNING)
    first = rows(lake, "listings").drop("last_seen_at")
    run_daily(DAY, recheck=False, now=MORNING + timedelta(minutes=1))
    assert rows(lake, "captures").height == 2
    assert rows(lake, "listings").drop("last_seen_at").equals(first)


def test_changes_of_recaptured_lists_are_in_the_summary(lake, hub):
    server = hub(GeneratedHub(papers_a_day=10))
    assert str(run_daily(None, recheck=False, now=MORNING).changes) == ""
    later = MORNING + timedelta(days=1)
    server.clock.move_to(later)
    report = run_daily(None, recheck=False, now=later)
    assert report.changes.added > 0
    assert report.changes.votes_gained > 0
    assert f"{report.changes.added} papers added" in report.summary


def test_run_after_weeks_of_downtime_fills_the_gaps(lake, hub):
    server = hub(GeneratedHub(papers_a_day=4))
    run_daily(date(2025, 10, 1), recheck=False, now=MORNING)
    run_daily(DAY, recheck=False, now=MORNING)
    server.requests.clear()
    run_daily(None, recheck=False, now=MORNING)
    requested = sorted({date.fromisoformat(seen.day) for seen in server.requests})
    assert requested == [date(2025, 10, 2) + timedelta(days=n) for n in range(37)]
    assert set(verdicts(lake).values()) <= {"settled", "complete", "confirmed_empty", "partial"}


def test_unreachable_hub_is_one_problem_and_publishes_nothing(lake, monkeypatch):
    monkeypatch.setenv("PAPERLAKE_HUB_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("paperlake.ingest.client.INTERACTIVE_LIMITS", RetryLimits(0.5, 1, 5))
    report = run_daily(DAY, recheck=True, now=MORNING)
    (problem,) = report.problems
    assert "127.0.0.1:9 could not be asked" in problem
    assert "\n" not in problem
    assert not report.changed
    assert not list(lake.tables.rglob("*")) if lake.tables.exists() else True


def test_answers_from_before_the_hub_failed_are_published(lake, hub, monkeypatch):
    monkeypatch.setattr("paperlake.ingest.client.INTERACTIVE_LIMITS", RetryLimits(0.5, 1, 5))
    before = DAY - timedelta(days=1)
    hub(GeneratedHub(papers_a_day=10), faults=[HttpFault("drop", day=before)])
    report = run_daily(DAY, recheck=True, now=MORNING)
    assert len(report.problems) == 1
    assert verdicts(lake) == {DAY: "complete"}
    assert {v.verdict for v in report.verdicts if v.listed_on <= before} == {"without answer"}


def test_answer_that_is_no_list_is_stored_and_the_date_has_failed(lake, hub):
    hub(GeneratedHub(), faults=[HttpFault("html", day=DAY)])
    report = run_daily(DAY, recheck=False, now=MORNING)
    assert verdicts(lake) == {DAY: "failed"}
    assert any("an HTML or XML page" in problem for problem in report.problems)
    assert b"<" in rows(lake, "hub_replies")["body"][0]


def test_failing_hub_is_a_problem_even_for_a_final_date(lake, hub):
    server = hub(GeneratedHub(papers_a_day=5))
    run_daily(DAY, recheck=False, now=MORNING)
    server.add_fault(HttpFault("html"))
    report = run_daily(DAY, recheck=False, now=MORNING + timedelta(hours=1))
    assert report.problems == ("2025-11-06 failed: page 0 is an HTML or XML page",)
    assert verdicts(lake) == {DAY: "complete"}


def test_status_403_ends_the_requests(lake, hub):
    server = hub(GeneratedHub(), faults=[HttpFault("status", status=403)])
    report = run_daily(None, recheck=False, now=MORNING)
    assert len(server.requests) == 1
    assert "the Hub answered with status 403, so 15 more dates were not requested" in report.problems


def test_capture_of_another_date_is_refused_and_the_last_good_list_stays(lake, hub):
    later = MORNING + timedelta(hours=2)
    server = hub(ListOfAnotherDate(since=later))
    run_daily(DAY, recheck=False, now=MORNING)
    good = rows(lake, "listings")
    server.clock.move_to(later)
    report = run_daily(DAY, recheck=False, now=later)
    assert any("it is the list of another date" in problem for problem in report.problems)
    assert rows(lake, "listings").equals(good)
    assert rows(lake, "rejects")["reason"].to_list() == ["capture_refused"]
    assert verdicts(lake)[DAY] == "complete"


def test_accepted_capture_stays_accepted(lake, hub):
    hub(ListOfAnotherDate(since=MORNING))
    run_daily(DAY, recheck=False, now=MORNING)
    began = rows(lake, "captures")["captured_at"][0]
    assert rows(lake, "listings").is_empty()
    accept(lake, DAY, began)
    assert rows(lake, "listings").height > 0
    assert rows(lake, "rejects").is_empty()
    assert "unchanged" in accept(lake, DAY, began)
    with pytest.raises(NothingToAccept, match="there is no capture"):
        accept(lake, DAY, began + timedelta(seconds=1))


def test_date_that_is_not_open_is_not_requested(lake, hub):
    server = hub(GeneratedHub())
    with pytest.raises(DateNotOpen, match="2025-11-08 is not open yet"):
        run_daily(date(2025, 11, 8), recheck=False, now=MORNING)
    assert not server.requests


def test_token_is_sent_but_never_stored_or_logged(lake, hub, monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "hf_sEcReTsEcReT")
    server = hub(GeneratedHub(papers_a_day=5))
    with caplog.at_level(logging.DEBUG):
        run_daily(DAY, recheck=False, now=MORNING)
    assert server.requests[0].headers["authorization"] == "Bearer hf_sEcReTsEcReT"
    assert "sEcReT" not in caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"sEcReT" in path.read_bytes()]
    assert "sEcReT" not in "".join(str(row) for row in rows(lake, "hub_replies").drop("body").rows())


def test_next_run_publishes_answers_of_an_interrupted_run(lake, hub, monkeypatch):
    hub(GeneratedHub(papers_a_day=5))
    with monkeypatch.context() as killed:
        killed.setattr(
            "paperlake.pipelines.daily.publish_months", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(BaseException):  # noqa: B017, PT011 - KeyboardInterrupt is no Exception
            run_daily(date(2025, 10, 30), recheck=False, now=MORNING)
    assert list(lake.inbox.rglob("*.row"))
    run_daily(DAY, recheck=False, now=MORNING)
    assert set(verdicts(lake)) == {date(2025, 10, 30), DAY}


@pytest.mark.parametrize("day", [date(2024, 6, 13), date(2025, 1, 8), date(2025, 10, 1), date(2026, 5, 12)])
def test_captured_recordings_equal_imported_recordings(day, lake, hub, recordings, tmp_path):
    folder = recordings / "hub/daily_papers"
    later = datetime(2026, 11, 1, tzinfo=UTC)
    hub(RecordedHub(folder)).clock.move_to(later)
    run_daily(day, recheck=False, now=later)
    imported = Lake(tmp_path / "imported")
    answers = tuple(a for a in find_replies(folder).answers if a.listed_on == day)
    store_replies(imported, answers, lambda: None)
    assert not [result.fault for result in publish_waiting(imported) if result.fault]
    for table, seen in (("listings", ["first_seen_at", "last_seen_at"]), ("authors", []), ("signals", ["captured_at"])):
        assert rows(lake, table).drop(seen).equals(rows(imported, table).drop(seen)), table
