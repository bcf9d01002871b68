"""A clock that is wrong is refused: what is captured is known by its time, so nothing is kept and nothing is judged."""

from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.clock import CLOCK_TOLERANCE, ClockWrong, RunClock, started
from paperlake.ingest.dates import DateNotOpen, dates_to_capture
from paperlake.sources.answer import Answer
from sandbox.arxiv import ArxivServer
from sandbox.arxiv_answers import Repository
from sandbox.arxiv_collection import Collection
from sandbox.arxiv_generated import generated
from sandbox.clock import Clock
from sandbox.generated import GeneratedHub
from sandbox.hub import HubServer

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def answer(*headers):
    return Answer("https://hub.test/", 200, headers, b"[]", NOON)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ([("date", "Mon, 01 Jun 2026 12:00:00 GMT")], NOON),
        ([("date", "Mon, 01 Jun 2026 11:00:00 GMT"), ("age", "3600")], NOON),
        ([("date", "Mon, 01 Jun 2026 12:00:00 -0000")], NOON),
        ([("date", "Mon, 01 Jun 2026 12:00:00 GMT"), ("date", "Tue, 02 Jun 2026 12:00:00 GMT")], NOON),
        ([("date", "Mon, 01 Jun 2026 12:00:00 GMT"), ("age", "much")], NOON),
        ([("date", "yesterday")], None),
        ([("date", "Mon, 01 Jun 99999 12:00:00 GMT")], None),
        ([("date", "Fri, 31 Dec 9999 23:59:59 GMT"), ("age", "999999999")], None),
        ([], None),
    ],
)
def test_a_source_tells_its_time_by_date_and_age(headers, told):
    assert answer(*headers).source_time == told


@pytest.mark.parametrize("apart", [CLOCK_TOLERANCE, -CLOCK_TOLERANCE])
def test_ten_minutes_are_borne(apart):
    clock = RunClock(NOON)
    clock.check("the Hub", clock.now() + apart - timedelta(seconds=1 if apart > timedelta(0) else -1))


@pytest.mark.parametrize("apart", [timedelta(minutes=11), timedelta(days=-14)])
def test_more_is_refused_in_one_line_with_both_times(apart):
    with pytest.raises(ClockWrong) as wrong:
        RunClock(NOON).check("the Hub", NOON + apart)
    assert "\n" not in str(wrong.value)
    assert f"the Hub says {NOON + apart:%Y-%m-%d %H:%M} UTC" in str(wrong.value)


def test_a_simulated_clock_is_meant_to_differ():
    started(NOON).check("the Hub", NOON + timedelta(days=30))


def test_a_source_without_a_clock_cannot_be_compared():
    RunClock(NOON).check("the Hub", None)


def test_a_clock_of_1970_asks_for_no_list_of_1969():
    with pytest.raises(DateNotOpen, match="clock says 1970-01-01"):
        dates_to_capture(datetime(1970, 1, 1, tzinfo=UTC), None, recheck=False)


@pytest.mark.parametrize("days", [14, -30])
@pytest.mark.parametrize(
    "command", [["daily"], ["daily", "--date", "2025-11-06"], ["backfill", "2025-10-01", "2025-11-06"]]
)
def test_a_command_keeps_nothing_of_a_source_of_another_time(lake_in_force, monkeypatch, command, days):
    with HubServer(GeneratedHub(), clock=Clock(datetime.now(UTC) + timedelta(days=days)), quota=None) as hub:
        monkeypatch.setenv("PAPERLAKE_HUB_URL", hub.url)
        ended = CliRunner().invoke(main, command)
    assert ended.exit_code == 1
    assert ended.stderr.count("set the clock") == 1
    assert [path for path in lake_in_force.root.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_a_harvest_keeps_nothing_of_a_source_of_another_time(lake_in_force, monkeypatch):
    clock = Clock(datetime.now(UTC) + timedelta(days=14))
    repository = Repository(Collection(generated(5, seed=3, first=date(2026, 1, 1)), clock=clock), "new", 50)
    with ArxivServer(repository, clock=clock) as arxiv:
        monkeypatch.setenv("PAPERLAKE_ARXIV_URL", arxiv.oai_url)
        monkeypatch.setenv("PAPERLAKE_ARXIV_INTERVAL_S", "0")
        ended = CliRunner().invoke(main, ["harvest", "--from", f"{date(2026, 1, 1)}"])
    assert ended.exit_code == 1
    assert ended.stderr.count("set the clock") == 1
    assert [path for path in lake_in_force.root.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
