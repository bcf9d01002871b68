"""Runs that get wrong answers, end to end: nothing that was known is lost, and what is unsure is asked again."""

import contextlib
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.monitoring.health import run_checks
from paperlake.pipelines.in_process import run_backfill, run_daily
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.clock import Clock
from sandbox.http.faults import HttpFault
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.server import HubServer
from schemas.catalogue import TABLES

MORNING = datetime(2025, 11, 7, 3, 15, tzinfo=UTC)
DAY = date(2025, 11, 6)
DAYS = timedelta(days=1)


@pytest.fixture
def lake(lake_in_force):
    return lake_in_force


@pytest.fixture
def hub(monkeypatch):
    """Starts a sandbox Hub with faults, and sets PAPERLAKE_HUB_URL to it."""
    with contextlib.ExitStack() as servers:

        def start(*faults, papers_a_day=20, world=None, at=MORNING):
            world = world or GeneratedHub(papers_a_day=papers_a_day)
            server = servers.enter_context(HubServer(world, clock=Clock(at), quota=None, faults=faults))
            monkeypatch.setenv("PAPERLAKE_HUB_URL", server.url)
            return server

        yield start


def morning(days, server, **options):
    server.clock.move_to(MORNING + days * DAYS)
    return run_daily(DAY, recheck=False, now=MORNING + days * DAYS, site=False, **options)


def day_of(lake):
    """The verdict on the date and the number of papers listed."""
    days = scan(snapshot(lake), TABLES["source_days"]).filter(pl.col("listed_on") == DAY).collect()
    return days.select("verdict", "paper_count").row(0)


def requests_of(server, day=DAY):
    return [request.page for request in server.requests if request.day == day.isoformat()]


@pytest.mark.parametrize("kind", ["empty", "torn"])
def test_one_wrong_answer_is_asked_again_in_the_same_run_and_set_aside(lake, hub, kind):
    server = hub()
    assert morning(0, server).problems == ()
    known = day_of(lake)
    server.add_fault(HttpFault(kind, times=1))
    report = morning(1, server)
    assert (report.problems, day_of(lake)) == ((), known)
    (warning,) = report.anomalies.warnings
    assert warning.startswith("2025-11-06: an answer of this run was set aside, because the list lost")
    assert requests_of(server) == ["0", "0", "0"]


def test_a_list_that_stays_away_is_in_doubt_until_the_next_morning_confirms_it(lake, hub):
    server = hub()
    morning(0, server)
    known = day_of(lake)[1]
    server.add_fault(HttpFault("empty"))
    report = morning(1, server)
    assert day_of(lake) == ("in_doubt", known)
    (problem,) = report.problems
    assert problem.startswith(f"2025-11-06 is in doubt: the list lost {known} of the {known} papers it had;")
    assert morning(2, server).problems == ()
    assert day_of(lake) == ("confirmed_empty", 0)


def test_doctor_names_a_date_in_doubt_and_accepting_the_capture_ends_it(lake, hub):
    server = hub()
    morning(0, server)
    server.add_fault(HttpFault("torn"))
    report = morning(1, server)
    checks = {check.name: check for check in run_checks(lake, MORNING + DAYS)}
    assert "2025-11-06 (the list lost" in checks["captures"].message
    assert "1 in doubt" in checks["gaps"].message
    name = report.problems[0].partition("papers accept ")[2].partition("`")[0]
    result = CliRunner().invoke(main, ["accept", name])
    assert (result.exit_code, day_of(lake)) == (0, ("complete", 1)), result.output


def test_a_list_capped_at_fifty_entries_is_read_to_its_end(lake, hub):
    server = hub(HttpFault("capped"), papers_a_day=78)
    assert morning(0, server).problems == ()
    whole = len(GeneratedHub(papers_a_day=78).listed(DAY, MORNING))
    assert whole > 50
    assert day_of(lake) == ("complete", whole)
    assert requests_of(server) == ["0", "1", "0"]


class MovingList:
    """A Hub whose list loses its first paper, or gets a new one, before its second page is requested, `times` times."""

    def __init__(self, change, times):
        self.inner, self.change, self.times, self.requests = GeneratedHub(papers_a_day=150), change, times, 0

    def listed(self, day, at):
        whole = self.inner.listed(day, at)
        self.requests += 1
        is_later = self.requests % 3 != 1 and self.requests <= 3 * self.times
        return whole[1:] if is_later == (self.change == "removed") else whole

    def paper(self, paper_id, at):
        return self.inner.paper(paper_id, at)


@pytest.mark.parametrize("change", ["added", "removed"])
def test_a_list_that_changes_while_it_is_read_is_read_again(lake, hub, change):
    server = hub(world=MovingList(change, times=1))
    assert morning(0, server).problems == ()
    captures = scan(snapshot(lake), TABLES["captures"]).collect()
    assert captures["is_whole"].to_list() == [False, True]
    assert day_of(lake)[0] == "complete"


def test_a_list_that_changes_all_the_time_is_partial_after_three_captures(lake, hub):
    server = hub(world=MovingList("removed", times=9))
    (problem,) = morning(0, server).problems
    assert problem.startswith("2025-11-06 failed: the list changed while it was read")
    assert day_of(lake)[0] == "partial"
    assert requests_of(server) == ["0", "1", "0"] * 3


def test_a_holiday_is_a_warning_until_it_was_seen_empty_on_two_days(lake, hub):
    server = hub(HttpFault("empty"))
    report = morning(0, server)
    assert (report.problems, day_of(lake), requests_of(server)) == ((), ("in_doubt", 0), ["0"])
    assert report.anomalies.warnings[0].startswith("2025-11-06 is in doubt: the list of a weekday is empty")
    assert (morning(1, server).anomalies.warnings, day_of(lake)) == ((), ("confirmed_empty", 0))


# A backfill.

START, END = date(2025, 10, 6), date(2025, 10, 19)
LATER = datetime(2025, 12, 1, 3, 15, tzinfo=UTC)


def backfill(now=LATER, **options):
    return run_backfill(START, END, refresh=False, listener=lambda *_: None, now=now, **options)


def test_a_backfill_ends_with_a_question_after_five_empty_weekdays_in_a_row(lake, hub):
    server = hub(HttpFault("empty"), at=LATER)
    report = backfill()
    (question,) = report.problems
    assert question.startswith("all weekdays from 2025-10-06 to 2025-10-10 came with an empty list")
    assert report.anomalies.warnings[0].startswith("2025-10-06 is in doubt: the list of a weekday is empty")
    assert len(server.requests) == 5
    assert backfill(allow_empty=True).problems == ()
    assert scan(snapshot(lake), TABLES["source_days"]).filter(pl.col("verdict") == "in_doubt").collect().height == 10
    server.clock.move_to(LATER + DAYS)
    assert backfill(LATER + DAYS, allow_empty=True).problems == ()
    days = scan(snapshot(lake), TABLES["source_days"]).collect()
    assert set(days["verdict"]) == {"confirmed_empty"}


def test_empty_weekdays_that_were_a_fault_are_filled_by_the_next_run(lake, hub):
    server = hub(HttpFault("empty", times=5), at=LATER)
    backfill()
    assert backfill().problems == ()
    days = scan(snapshot(lake), TABLES["source_days"]).filter(pl.col("listed_on").dt.weekday() < 6).collect()
    assert set(days["verdict"]) == {"settled"}
    assert len(server.requests) == 5 + 14
