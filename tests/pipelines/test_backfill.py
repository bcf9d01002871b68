"""The backfill pipeline, end to end: missing dates only, one page at a time, resuming interrupted runs."""

import contextlib
import json
import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month
from paperlake.clock import start_clock
from paperlake.config import read_settings
from paperlake.ingest.coverage import split_failed_dates
from paperlake.ingest.dates import DateNotOpen
from paperlake.ingest.hub import HubClient
from paperlake.pipelines import backfill as pipeline
from paperlake.pipelines.in_process import run_backfill, run_daily
from paperlake.pipelines.runner import InProcessRunner, RunContext, start_now
from paperlake.sources.answer import Answer
from paperlake.sources.client_options import RetryLimits
from paperlake.store.inbox import keep, waiting
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.clock import Clock
from sandbox.http.faults import HttpFault
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.server import HubServer
from schemas.catalogue import TABLES
from tests.replies import capture, entries, json_page

NOW = datetime(2025, 12, 20, 3, 15, tzinfo=UTC)
START, END = date(2025, 10, 27), date(2025, 11, 9)
DATES = [START + timedelta(days=n) for n in range(14)]


@pytest.fixture
def lake(lake_in_force):
    return lake_in_force


@pytest.fixture
def hub(monkeypatch):
    """Starts a sandbox Hub and sets PAPERLAKE_HUB_URL to it."""
    with contextlib.ExitStack() as servers:

        def start(papers_a_day=8, at=NOW, **options):
            world = GeneratedHub(papers_a_day=papers_a_day)
            server = servers.enter_context(HubServer(world, clock=Clock(at), quota=None, **options))
            monkeypatch.setenv("PAPERLAKE_HUB_URL", server.url)
            return server

        yield start


def run(start=START, end=END, **options):
    counts = []
    options = {"refresh": False, "now": NOW, "listener": lambda count, _: counts.append(count)} | options
    report = run_backfill(start, end, **options)
    return report, sum(counts)


def rows(lake, table):
    return scan(snapshot(lake), TABLES[table]).collect().sort(TABLES[table].sort)


def verdicts(lake):
    return dict(rows(lake, "source_days").select("listed_on", "verdict").iter_rows())


def page_requests(server):
    """The number of requests for each page."""
    return Counter((seen.day, seen.page) for seen in server.requests)


def test_every_date_is_requested_and_gets_a_verdict(lake, hub):
    server = hub()
    report, counts = run()
    assert report.problems == ()
    assert counts == len(DATES)
    assert set(page_requests(server).values()) == {1}
    weekend = {date(2025, 11, 1), date(2025, 11, 2), date(2025, 11, 8), date(2025, 11, 9)}
    assert verdicts(lake) == {day: "confirmed_empty" if day in weekend else "settled" for day in DATES}
    assert [row["month"] for row in report.months()] == ["2025-10", "2025-11"]
    assert not list(lake.inbox.rglob("*.row"))


def test_dates_with_a_final_answer_are_requested_only_with_refresh(lake, hub):
    server = hub()
    run(end=date(2025, 10, 31))
    first = len(server.requests)
    report, counts = run(end=date(2025, 11, 3))
    assert len(server.requests) - first == 3
    assert counts == 8, "dates without a request count too"
    assert report.summary.startswith("6 settled, 2 confirmed empty")
    run(end=date(2025, 11, 3), refresh=True)
    assert len(server.requests) - first == 3 + 8
    assert rows(lake, "source_days")["capture_count"].to_list() == [2] * 8


def test_backfill_publishes_the_same_lists_as_daily_runs(lake, hub, tmp_path, monkeypatch):
    hub()
    run()
    monkeypatch.setenv("PAPERLAKE_ROOT", str(tmp_path / "other"))
    run_daily(END, recheck=True, now=NOW)
    times = ["first_seen_at", "last_seen_at"]
    both = [rows(other, "listings").drop(times) for other in (lake, Lake(tmp_path / "other"))]
    assert both[0].filter(both[0]["listed_on"] >= DATES[0]).equals(both[1].filter(both[1]["listed_on"] >= DATES[0]))


@pytest.mark.parametrize("status", [403, 503])
def test_failing_source_ends_the_requests_and_the_next_run_continues(lake, hub, monkeypatch, status):
    monkeypatch.setattr("paperlake.ingest.client.INTERACTIVE_LIMITS", RetryLimits(0.1, 0.1, 5))
    server = hub(faults=[HttpFault("status", status=status, day=date(2025, 10, 29), times=None)])
    report, _ = run()
    assert f"status {status}" in report.problems[0]
    assert verdicts(lake)[date(2025, 10, 29)] == "failed"
    final = {str(day) for day, verdict in verdicts(lake).items() if verdict != "failed"}
    assert len(final) < len(DATES) - 1
    assert server.requests
    healthy = hub()
    assert run(now=NOW + timedelta(hours=1))[0].problems == ()
    assert set(page_requests(healthy)) == {(str(day), "0") for day in DATES if str(day) not in final}
    assert set(verdicts(lake).values()) == {"settled", "confirmed_empty"}


def test_date_that_always_fails_does_not_block_other_dates(lake, hub, monkeypatch):
    monkeypatch.setattr("paperlake.ingest.client.INTERACTIVE_LIMITS", RetryLimits(0.1, 0.1, 5))
    failing = {date(2025, 10, 29), date(2025, 11, 4)}
    hub(faults=[HttpFault("status", status=500, day=day, times=None) for day in failing])
    for hours in range(3):
        report, _ = run(now=NOW + timedelta(hours=hours))
        assert "the next run requests them" in report.problems[0]
    assert {day for day in DATES if verdicts(lake).get(day) not in ("settled", "confirmed_empty")} == failing


def test_failed_dates_are_requested_last_and_the_oldest_failure_first(lake):
    first, second, third = DATES[:3]
    for hour, day in enumerate([second, first, third]):
        for row in capture(day=day, at=NOW + timedelta(hours=hour), pages=[json_page("unwell", status=500)]):
            keep(lake, TABLES["hub_replies"], row)
    for row in capture(entries(2), day=third, at=NOW + timedelta(hours=9)):
        keep(lake, TABLES["hub_replies"], row)
    publish_month(lake, "2025-10")
    assert split_failed_dates(lake, DATES[:4]) == ([third, DATES[3]], [second, first])


def test_damaged_table_does_not_block_requests(lake, hub):
    hub()
    run(end=date(2025, 10, 28))
    lake.part("captures", "2025-10").write_bytes(b"damaged")
    assert split_failed_dates(lake, DATES) == (DATES, [])


def test_unreachable_source_is_one_problem(lake, monkeypatch):
    monkeypatch.setattr("paperlake.ingest.client.INTERACTIVE_LIMITS", RetryLimits(0.1, 0.1, 5))
    monkeypatch.setenv("PAPERLAKE_HUB_URL", "http://127.0.0.1:9")
    report, _ = run()
    (problem,) = report.problems
    assert "could not be asked" in problem
    assert {v.verdict for v in report.verdicts} == {"without answer"}


class Killed(Exception):
    """Simulates a kill."""


@pytest.fixture
def half_captured(lake, hub, monkeypatch):
    """A run that was killed after storing the first of several pages of a list."""
    server = hub(papers_a_day=260)
    with monkeypatch.context() as killed:
        real = HubClient._store

        def store_first(self, day, started_at, page, answer):
            if page == 1:
                raise Killed
            real(self, day, started_at, page, answer)

        killed.setattr(HubClient, "_store", store_first)
        killed.setattr(pipeline, "publish_months", lambda *_, **__: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            run(end=START)
    (reply,) = waiting(lake, TABLES["hub_replies"], "2025-10").rows.rows(named=True)
    assert reply["page"] == 0
    return server


def test_interrupted_capture_is_resumed(lake, half_captured):
    run(end=START)
    assert page_requests(half_captured)[str(START), "0"] == 2, "at the start, and once more at the end"
    (status,) = rows(lake, "source_days").rows(named=True)
    assert (status["verdict"], status["capture_count"], status["page_count"]) == ("settled", 1, 3)
    assert rows(lake, "signals")["captured_at"].n_unique() == 1


def test_old_interrupted_capture_is_started_again(lake, half_captured):
    run(end=START, now=NOW + timedelta(hours=2))
    assert page_requests(half_captured)[str(START), "0"] == 3
    assert rows(lake, "source_days")["capture_count"].to_list() == [2]


def test_answers_of_an_interrupted_run_are_published_and_not_requested_again(lake, hub, monkeypatch):
    server = hub()
    with monkeypatch.context() as killed:
        killed.setattr(pipeline, "publish_months", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(end=date(2025, 10, 31))
    assert list(lake.inbox.rglob("*.row"))
    run(end=date(2025, 10, 31))
    assert set(page_requests(server).values()) == {1}


class CountingClient:
    """An HTTP client that counts concurrent requests."""

    def __init__(self):
        self.current = self.maximum = 0
        self.lock = threading.Lock()

    def get(self, path, _):
        with self.lock:
            self.current += 1
            self.maximum = max(self.maximum, self.current)
        threading.Event().wait(0.002)
        with self.lock:
            self.current -= 1
        return Answer(path, 200, (), b"[]", NOW)


def test_threads_request_one_page_at_a_time(tmp_path):
    hub = HubClient(CountingClient(), start_clock(NOW), Lake(tmp_path))
    threads = [threading.Thread(target=hub.capture, args=(day,)) for day in DATES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hub.client.maximum == 1


class FailingRunner(InProcessRunner):
    """Submits steps that fail before their function is called, as a Prefect task can."""

    def submit(self, _name, _step, *_arguments):
        def fail():
            raise RuntimeError("the task run could not be created")

        return super().submit("", fail)


def test_step_that_fails_before_it_begins_ends_the_backfill(lake, hub):
    hub()
    context = RunContext(read_settings(), start_now(NOW), FailingRunner())
    errors = []

    def run_failing():
        try:
            pipeline.backfill(context, START, START)
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=run_failing, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), "the backfill waits forever"
    assert errors == ["the task run could not be created"]


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (date(2025, 11, 9), date(2025, 11, 8), "comes after"),
        (date(2023, 5, 3), date(2023, 5, 6), "before the archive begins"),
        (date(2025, 11, 9), date(2026, 1, 1), "is not open yet"),
    ],
)
def test_range_without_lists_is_an_error(lake, hub, start, end, message):
    hub()
    with pytest.raises(DateNotOpen, match=message):
        run(start, end)


def test_command_counts_verdicts_by_month(lake, hub):
    hub(at=None)
    result = CliRunner().invoke(main, ["backfill", "2025-10-30", "2025-11-02"])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1].split()[:2] == ["2025-10", str(rows(lake, "listings").height)]
    assert "2 settled, 2 confirmed empty; 21 files published" in result.stdout
    summary = json.loads(CliRunner().invoke(main, ["backfill", "2025-10-30", "2025-11-02", "--json"]).stdout)
    assert summary["summary"] == "2 settled, 2 confirmed empty; unchanged"
    assert summary["months"][1]["confirmed_empty"] == 2


def test_ctrl_c_ends_the_command_with_a_message(lake, hub, monkeypatch):
    hub()
    monkeypatch.setattr(
        "paperlake.pipelines.in_process.run_backfill", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    result = CliRunner().invoke(main, ["backfill", "2025-10-30", "2025-10-31"])
    assert result.exit_code == 130
    assert "the same command resumes from here" in result.stderr
