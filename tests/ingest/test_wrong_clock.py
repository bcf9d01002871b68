"""A run with a wrong clock stores and publishes nothing, because captures are identified by their time."""

from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.clock import CLOCK_TOLERANCE, ClockMismatch, RunClock, start_clock
from paperlake.ingest.dates import DateNotOpen, dates_to_capture
from paperlake.sources.answer import Answer
from sandbox.arxiv.collection import Collection
from sandbox.arxiv.generated import generate_papers
from sandbox.arxiv.repository import Repository
from sandbox.arxiv.server import ArxivServer
from sandbox.clock import Clock
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.server import HubServer

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def answer(*headers):
    return Answer("https://hub.test/", 200, headers, b"[]", NOON)


@pytest.mark.parametrize(
    ("headers", "expected"),
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
def test_source_time_comes_from_date_and_age(headers, expected):
    assert answer(*headers).source_time == expected


@pytest.mark.parametrize("apart", [CLOCK_TOLERANCE, -CLOCK_TOLERANCE])
def test_ten_minutes_are_tolerated(apart):
    clock = RunClock(NOON)
    clock.check("the Hub", clock.now() + apart - timedelta(seconds=1 if apart > timedelta(0) else -1))


@pytest.mark.parametrize("apart", [timedelta(minutes=11), timedelta(days=-14)])
def test_greater_difference_is_an_error_of_one_line(apart):
    with pytest.raises(ClockMismatch) as error:
        RunClock(NOON).check("the Hub", NOON + apart)
    assert "\n" not in str(error.value)
    assert f"the Hub says {NOON + apart:%Y-%m-%d %H:%M} UTC" in str(error.value)


def test_simulated_clock_may_differ():
    start_clock(NOON).check("the Hub", NOON + timedelta(days=30))


def test_source_without_a_clock_is_accepted():
    RunClock(NOON).check("the Hub", None)


def test_clock_before_the_archive_is_an_error():
    with pytest.raises(DateNotOpen, match="clock says 1970-01-01"):
        dates_to_capture(datetime(1970, 1, 1, tzinfo=UTC), None, recheck=False)


@pytest.mark.parametrize("days", [14, -30])
@pytest.mark.parametrize(
    "command", [["daily"], ["daily", "--date", "2025-11-06"], ["backfill", "2025-10-01", "2025-11-06"]]
)
def test_command_stores_nothing_if_the_clocks_differ(lake_in_force, monkeypatch, command, days):
    with HubServer(GeneratedHub(), clock=Clock(datetime.now(UTC) + timedelta(days=days)), quota=None) as hub:
        monkeypatch.setenv("PAPERLAKE_HUB_URL", hub.url)
        result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert result.stderr.count("set the clock") == 1
    assert [path for path in lake_in_force.root.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def test_harvest_stores_nothing_if_the_clocks_differ(lake_in_force, monkeypatch):
    clock = Clock(datetime.now(UTC) + timedelta(days=14))
    repository = Repository(Collection(generate_papers(5, seed=3, first=date(2026, 1, 1)), clock=clock), "new", 50)
    with ArxivServer(repository, clock=clock) as arxiv:
        monkeypatch.setenv("PAPERLAKE_ARXIV_URL", arxiv.oai_url)
        monkeypatch.setenv("PAPERLAKE_ARXIV_INTERVAL_S", "0")
        result = CliRunner().invoke(main, ["harvest", "--from", f"{date(2026, 1, 1)}"])
    assert result.exit_code == 1
    assert result.stderr.count("set the clock") == 1
    assert [path for path in lake_in_force.root.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
