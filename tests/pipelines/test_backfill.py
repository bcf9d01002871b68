"""The backfill flow, end to end: only what is wanting, one page at a time, going on where another run stopped."""

import contextlib
import json
import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month
from paperlake.clock import started
from paperlake.ingest.coverage import in_turn
from paperlake.ingest.dates import DateNotOpen
from paperlake.ingest.hub import HubClient, Patience
from paperlake.pipelines import backfill as module
from paperlake.pipelines.in_process import run_backfill, run_daily
from paperlake.sources.answer import Answer
from paperlake.store.inbox import keep, waiting
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.clock import Clock
from sandbox.faults import Fault
from sandbox.generated import GeneratedHub
from sandbox.hub import HubServer
from schemas.catalogue import TABLES
from tests.replies import capture, page

NOW = datetime(2025, 12, 20, 3, 15, tzinfo=UTC)
START, END = date(2025, 10, 27), date(2025, 11, 9)
DATES = [START + timedelta(days=n) for n in range(14)]


@pytest.fixture
def lake(lake_in_force):
    return lake_in_force


@pytest.fixture
def hub(monkeypatch):
    """Starts a Hub for a world and points the settings at it."""
    with contextlib.ExitStack() as servers:

        def start(papers_a_day=8, at=NOW, **options):
            world = GeneratedHub(papers_a_day=papers_a_day)
            server = servers.enter_context(HubServer(world, clock=Clock(at), quota=None, **options))
            monkeypatch.setenv("PAPERLAKE_HUB_URL", server.url)
            return server

        yield start


def run(start=START, end=END, **options):
    heard = []
    options = {"refresh": False, "now": NOW, "listener": lambda count, _: heard.append(count)} | options
    outcome = run_backfill(start, end, **options)
    return outcome, sum(heard)


def rows(lake, table):
    return scan(snapshot(lake), TABLES[table]).collect().sort(TABLES[table].sort)


def verdicts(lake):
    return dict(rows(lake, "source_days").select("listed_on", "verdict").iter_rows())


def asked(server):
    """How often each page was asked for."""
    return Counter((seen.day, seen.page) for seen in server.requests)


def test_every_date_is_asked_for_and_gets_its_verdict(lake, hub):
    server = hub()
    outcome, heard = run()
    assert outcome.problems == ()
    assert heard == len(DATES)
    assert set(asked(server).values()) == {1}
    weekend = {date(2025, 11, 1), date(2025, 11, 2), date(2025, 11, 8), date(2025, 11, 9)}
    assert verdicts(lake) == {day: "confirmed_empty" if day in weekend else "settled" for day in DATES}
    assert [row["month"] for row in outcome.months()] == ["2025-10", "2025-11"]
    assert not list(lake.inbox.rglob("*.row"))


def test_what_has_a_final_answer_is_not_asked_for_again_unless_told_to(lake, hub):
    server = hub()
    run(end=date(2025, 10, 31))
    first = len(server.requests)
    outcome, heard = run(end=date(2025, 11, 3))
    assert len(server.requests) - first == 3
    assert heard == 8, "what needs no asking is done, too"
    assert outcome.summary.startswith("6 settled, 2 confirmed empty")
    run(end=date(2025, 11, 3), refresh=True)
    assert len(server.requests) - first == 3 + 8
    assert rows(lake, "source_days")["capture_count"].to_list() == [2] * 8


def test_the_lists_are_those_that_mornings_would_have_published(lake, hub, tmp_path, monkeypatch):
    hub()
    run()
    monkeypatch.setenv("PAPERLAKE_ROOT", str(tmp_path / "other"))
    run_daily(END, recheck=True, now=NOW)
    known = ["first_seen_at", "last_seen_at"]
    both = [rows(one, "listings").drop(known) for one in (lake, Lake(tmp_path / "other"))]
    assert both[0].filter(both[0]["listed_on"] >= DATES[0]).equals(both[1].filter(both[1]["listed_on"] >= DATES[0]))


@pytest.mark.parametrize("status", [403, 503])
def test_a_source_that_is_unwell_is_left_alone_and_the_next_run_goes_on(lake, hub, monkeypatch, status):
    monkeypatch.setattr(module, "PATIENCE_BY_HAND", Patience(0.1, 0.1, 5))
    server = hub(faults=[Fault("status", status=status, day=date(2025, 10, 29), times=None)])
    outcome, _ = run()
    assert f"status {status}" in outcome.problems[0]
    assert verdicts(lake)[date(2025, 10, 29)] == "failed"
    final = {str(day) for day, verdict in verdicts(lake).items() if verdict != "failed"}
    assert len(final) < len(DATES) - 1
    assert server.requests
    healthy = hub()
    assert run(now=NOW + timedelta(hours=1))[0].problems == ()
    assert set(asked(healthy)) == {(str(day), "0") for day in DATES if str(day) not in final}
    assert set(verdicts(lake).values()) == {"settled", "confirmed_empty"}


def test_a_date_that_always_makes_the_source_unwell_keeps_no_other_from_being_asked_for(lake, hub, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_BY_HAND", Patience(0.1, 0.1, 5))
    ill = {date(2025, 10, 29), date(2025, 11, 4)}
    hub(faults=[Fault("status", status=500, day=day, times=None) for day in ill])
    for hours in range(3):
        outcome, _ = run(now=NOW + timedelta(hours=hours))
        assert "the next run asks for them" in outcome.problems[0]
    assert {day for day in DATES if verdicts(lake).get(day) not in ("settled", "confirmed_empty")} == ill


def test_of_the_dates_that_failed_the_one_is_asked_for_first_that_waits_the_longest(lake):
    first, second, third = DATES[:3]
    for hour, day in enumerate([second, first, third]):
        for row in capture(day=day, at=NOW + timedelta(hours=hour), pages=[page("unwell", status=500)]):
            keep(lake, TABLES["hub_replies"], row)
    for row in capture(day=third, at=NOW + timedelta(hours=9)):
        keep(lake, TABLES["hub_replies"], row)
    publish_month(lake, "2025-10")
    assert in_turn(lake, DATES[:4]) == ([third, DATES[3]], [second, first])


def test_what_is_damaged_keeps_no_date_from_being_asked_for(lake, hub):
    hub()
    run(end=date(2025, 10, 28))
    lake.part("captures", "2025-10").write_bytes(b"damaged")
    assert in_turn(lake, DATES) == (DATES, [])


def test_an_unreachable_source_is_one_problem(lake, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_BY_HAND", Patience(0.1, 0.1, 5))
    monkeypatch.setenv("PAPERLAKE_HUB_URL", "http://127.0.0.1:9")
    outcome, _ = run()
    (problem,) = outcome.problems
    assert "could not be asked" in problem
    assert {v.verdict for v in outcome.verdicts} == {"without answer"}


class Dying(Exception):
    """Stands for a kill: nothing after it happens."""


@pytest.fixture
def half_captured(lake, hub, monkeypatch):
    """A run that died when the first page of a list of several had been kept."""
    server = hub(papers_a_day=260)
    with monkeypatch.context() as dying:
        real = HubClient._keep

        def keep_one(self, day, began, page, answer):
            if page == 1:
                raise Dying
            real(self, day, began, page, answer)

        dying.setattr(HubClient, "_keep", keep_one)
        dying.setattr(module, "publish_months", lambda *_, **__: (_ for _ in ()).throw(Dying))
        with pytest.raises(Dying):
            run(end=START)
    (kept,) = waiting(lake, TABLES["hub_replies"], "2025-10").rows.rows(named=True)
    assert kept["page"] == 0
    return server


def test_a_capture_that_a_dead_run_left_is_gone_on_with(lake, half_captured):
    run(end=START)
    assert asked(half_captured)[str(START), "0"] == 1
    (known,) = rows(lake, "source_days").rows(named=True)
    assert (known["verdict"], known["capture_count"], known["page_count"]) == ("settled", 1, 3)
    assert rows(lake, "signals")["captured_at"].n_unique() == 1


def test_a_capture_that_was_left_long_ago_is_begun_anew(lake, half_captured):
    run(end=START, now=NOW + timedelta(hours=2))
    assert asked(half_captured)[str(START), "0"] == 2
    assert rows(lake, "source_days")["capture_count"].to_list() == [2]


def test_what_a_dead_run_had_kept_is_published_and_not_asked_for_again(lake, hub, monkeypatch):
    server = hub()
    with monkeypatch.context() as dying:
        dying.setattr(module, "publish_months", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(end=date(2025, 10, 31))
    kept = len(list(lake.inbox.rglob("*.row")))
    assert kept
    run(end=date(2025, 10, 31))
    assert set(asked(server).values()) == {1}


class Crowd:
    """A client that counts how many ask at a time."""

    def __init__(self):
        self.now = self.most = 0
        self.lock = threading.Lock()

    def get(self, path, _):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        threading.Event().wait(0.002)
        with self.lock:
            self.now -= 1
        return Answer(path, 200, (), b"[]", NOW)


def test_threads_ask_for_one_page_at_a_time(tmp_path):
    asking = HubClient(Crowd(), started(NOW), Lake(tmp_path))
    threads = [threading.Thread(target=asking.capture, args=(day,)) for day in DATES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asking.client.most == 1


@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        (date(2025, 11, 9), date(2025, 11, 8), "comes after"),
        (date(2023, 5, 3), date(2023, 5, 6), "before the archive begins"),
        (date(2025, 11, 9), date(2026, 1, 1), "is not open yet"),
    ],
)
def test_a_range_without_lists_is_refused(lake, hub, start, end, why):
    hub()
    with pytest.raises(DateNotOpen, match=why):
        run(start, end)


def test_the_command_counts_the_verdicts_by_month(lake, hub):
    hub(at=None)
    told = CliRunner().invoke(main, ["backfill", "2025-10-30", "2025-11-02"])
    assert told.exit_code == 0, told.output
    assert told.stdout.splitlines()[1].split()[:2] == ["2025-10", str(rows(lake, "listings").height)]
    assert "2 settled, 2 confirmed empty; 21 files published" in told.stdout
    said = json.loads(CliRunner().invoke(main, ["backfill", "2025-10-30", "2025-11-02", "--json"]).stdout)
    assert said["summary"] == "2 settled, 2 confirmed empty; unchanged"
    assert said["months"][1]["confirmed_empty"] == 2


def test_ctrl_c_ends_the_command_with_a_word(lake, hub, monkeypatch):
    hub()
    monkeypatch.setattr(
        "paperlake.pipelines.in_process.run_backfill", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    told = CliRunner().invoke(main, ["backfill", "2025-10-30", "2025-10-31"])
    assert told.exit_code == 130
    assert "the same command goes on from here" in told.stderr
