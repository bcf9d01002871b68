"""Sources that misbehave in ways that users of other crawlers and harvesters report, end to end."""

import contextlib
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from paperlake.pipelines.in_process import run_backfill, run_daily
from paperlake.sources.client_options import RetryLimits
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.arxiv.faults import ArxivFault
from sandbox.clock import Clock
from sandbox.http.faults import HttpFault
from sandbox.hub import api
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.server import HubServer
from schemas.catalogue import TABLES
from tests.harvests import NEXT, PAPERS, harvest, ids

MORNING = datetime(2025, 11, 7, 3, 15, tzinfo=UTC)
DAY = date(2025, 11, 6)
DAYS = timedelta(days=1)


@pytest.fixture
def hub(monkeypatch, lake_in_force):
    """Starts a sandbox Hub; `change` gives the parameters that it obeys instead of those of a request."""
    with contextlib.ExitStack() as servers:

        def start(*faults, papers_a_day=20, change=lambda query: query, at=MORNING):
            def answer(world, path, query, at, url):
                return api.answer(world, path, change(query), at, url)

            monkeypatch.setattr("sandbox.hub.server.answer", answer)
            world = GeneratedHub(papers_a_day=papers_a_day)
            server = servers.enter_context(HubServer(world, clock=Clock(at), quota=None, faults=faults))
            monkeypatch.setenv("PAPERLAKE_HUB_URL", server.url)
            return server

        yield start


def days_of(lake):
    """The verdict on each date and its number of papers."""
    days = scan(snapshot(lake), TABLES["source_days"]).filter(pl.col("source") == "hub").collect().sort("listed_on")
    return {row["listed_on"]: (row["verdict"], row["paper_count"], row["reason"]) for row in days.iter_rows(named=True)}


def of_the_day_before(query):
    return {**query, "date": (date.fromisoformat(query["date"]) - DAYS).isoformat()}


def without(name):
    return lambda query: {key: value for key, value in query.items() if key != name}


def test_a_stale_list_of_the_day_before_is_refused(lake_in_force, hub):
    hub(change=of_the_day_before)
    report = run_daily(DAY, recheck=False, now=MORNING, site=False)
    (problem,) = report.problems
    assert "of another date" in problem
    verdict, count, _ = days_of(lake_in_force)[DAY]
    assert (verdict, count) == ("failed", 0)


def test_a_server_that_ignores_the_date_fills_no_date(lake_in_force, hub):
    hub(change=without("date"), at=MORNING + 30 * DAYS)
    report = run_backfill(date(2025, 11, 3), DAY, refresh=False, listener=lambda *_: None, now=MORNING + 30 * DAYS)
    assert len(report.problems) >= 4
    assert {verdict for verdict, _, _ in days_of(lake_in_force).values()} == {"failed"}


def test_a_server_that_ignores_the_page_gives_no_whole_list_and_no_endless_run(lake_in_force, hub):
    server = hub(papers_a_day=150, change=without("p"))
    report = run_daily(DAY, recheck=False, now=MORNING, site=False)
    (problem,) = report.problems
    assert "2025-11-06" in problem
    assert days_of(lake_in_force)[DAY][0] == "partial"
    assert len(server.requests) <= 20


@pytest.mark.parametrize("status", [204, 206, 304])
def test_a_status_that_is_no_answer_is_a_failure_with_its_number(lake_in_force, hub, status):
    hub(HttpFault("status", status=status))
    report = run_daily(DAY, recheck=False, now=MORNING, site=False)
    assert any(str(status) in problem for problem in report.problems)
    assert days_of(lake_in_force)[DAY][0] == "failed"


def test_a_redirect_to_another_host_is_not_followed_and_is_named(lake_in_force, hub):
    hub(HttpFault("redirect", location="https://login.test/"))
    report = run_daily(DAY, recheck=False, now=MORNING, site=False)
    (problem,) = report.problems
    assert "redirect" in problem
    assert DAY not in days_of(lake_in_force)


@pytest.mark.parametrize("status", [502, 504])
def test_a_harvest_whose_later_pages_fail_all_day_is_finished_the_next_day(lake_in_force, arxiv, monkeypatch, status):
    monkeypatch.setattr("paperlake.pipelines.harvest.retry_limits", lambda **_: RetryLimits(fault_patience_s=0.1))
    arxiv(faults=[ArxivFault("status", status=status, resumed=True, times=None)])
    report = harvest()
    assert report.problems
    assert report.verdict in {"partial", "failed"}
    held = ids(lake_in_force)
    assert held < {paper.id for paper in PAPERS}
    arxiv()
    assert harvest(NEXT).problems == ()
    assert ids(lake_in_force) == {paper.id for paper in PAPERS}
