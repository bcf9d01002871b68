"""The health checks of the lake and of the schedules, the flow `doctor`, and `papers doctor`."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month
from paperlake.monitoring.health import run_checks
from paperlake.monitoring.heartbeat import Heartbeat, last_heartbeat, write_heartbeat
from paperlake.monitoring.schedules import Schedule, check_schedule
from paperlake.store.inbox import keep
from schemas.hub_replies import HUB_REPLIES
from tests.replies import capture, entries, entry

NOW = datetime(2025, 11, 8, 7, tzinfo=UTC)
DUE = date(2025, 11, 7)


def add(lake, listed, day, at):
    for row in capture(listed, day, at):
        keep(lake, HUB_REPLIES, row)


def publish_two_dates(lake):
    for day in (DUE - timedelta(days=1), DUE):
        add(lake, entries(8, day.day * 10), day, NOW - timedelta(hours=4))
    publish_month(lake, "2025-11")
    ended = NOW - timedelta(hours=4)
    write_heartbeat(lake, Heartbeat("daily otter", ended, ended, True, "2 complete"))


@pytest.fixture
def lake(build_once, lake_in_force):
    return build_once(publish_two_dates, lake_in_force)


def checks_by_name(lake, now=NOW):
    return {check.name: check for check in run_checks(lake, now)}


def states(lake, now=NOW):
    return {name: check.state for name, check in checks_by_name(lake, now).items() if check.state != "ok"}


def test_all_checks_of_a_healthy_lake_are_ok(lake):
    assert states(lake) == {}


def test_empty_lake_fails_the_first_check(lake_in_force):
    (check,) = run_checks(lake_in_force, NOW)
    assert (check.state, check.remedy) == ("fail", "papers daily")


@pytest.mark.parametrize(("hour", "state"), [(5, None), (6, "fail")])
def test_date_is_due_at_six_on_the_next_morning(lake, hour, state):
    morning = datetime(2025, 11, 9, hour, tzinfo=UTC)
    assert states(lake, morning).get("freshness") == state


def test_old_heartbeat_fails(lake):
    check = checks_by_name(lake, NOW + timedelta(hours=23))["heartbeat"]
    assert check.state == "fail"
    assert "nothing ran" in check.message


def test_run_with_problems_is_a_warning(lake):
    write_heartbeat(lake, Heartbeat("daily fox", NOW, NOW, False, "1 failed; 1 problems"))
    assert states(lake) == {"heartbeat": "warn"}


def test_unreadable_heartbeat_counts_as_none(lake):
    (lake.quality / "heartbeat.json").write_text("{")
    assert last_heartbeat(lake) is None
    assert states(lake) == {"heartbeat": "warn"}


def test_gaps_are_counted_by_verdict(lake):
    add(lake, entries(6), DUE - timedelta(days=3), datetime(2025, 11, 4, 12, tzinfo=UTC))
    publish_month(lake, "2025-11")
    check = checks_by_name(lake)["gaps"]
    assert check.message == "2 dates since 2025-11-04: 1 partial, 1 never requested"


def test_refused_captures_and_entries_are_named(lake):
    add(lake, [{}, {}, entry()], DUE, NOW)
    add(lake, [*entries(6, 60), 5], DUE - timedelta(days=1), NOW)
    publish_month(lake, "2025-11")
    checks = checks_by_name(lake)
    assert "half of its entries" in checks["captures"].message
    assert "1 not_an_object" in checks["rejects"].message


def test_drift_is_an_anomaly(lake):
    add(lake, [entry(f"2511.{n:05}", surprise=1) for n in range(10)], DUE, NOW)
    publish_month(lake, "2025-11")
    assert "$.surprise appeared" in checks_by_name(lake)["anomalies"].message


def test_flipped_bit_fails(lake):
    path = lake.part("listings", "2025-11")
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.write_bytes(damaged)
    assert checks_by_name(lake)["files"].remedy == "papers verify --repair"
    assert [check.name for check in run_checks(lake, NOW, is_thorough=False) if check.state == "fail"] == []


def test_old_unpublished_answers_fail(lake):
    add(lake, entries(6), DUE, NOW)
    assert states(lake, datetime.now(UTC) + timedelta(days=2))["inbox"] == "fail"


def test_full_disk_fails(lake, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 5 * 10**8})())
    assert states(lake) == {"disk": "fail"}


HEALTHY = Schedule(
    "daily",
    is_deployed=True,
    is_active=True,
    next_at=NOW + timedelta(hours=20),
    last="Completed",
    last_ended_at=NOW - timedelta(hours=4),
)
FAULTY = {
    "it is not deployed": Schedule("daily"),
    "its schedule is paused": replace(HEALTHY, is_active=False),
    "no run is scheduled": replace(HEALTHY, next_at=None),
    "2 runs late: nothing executes them": replace(HEALTHY, late=("otter", "fox")),
    "its slot is taken by otter, whose process is gone": replace(HEALTHY, dead=("otter",)),
    "1 slot taken, but not by any run": replace(HEALTHY, orphaned_slots=1),
}


@pytest.mark.parametrize("message", FAULTY)
def test_schedule_that_cannot_run_fails_with_the_reason(message):
    check = check_schedule(FAULTY[message], NOW)
    assert (check.name, check.state) == ("schedule daily", "fail")
    assert message in check.message
    assert check.remedy


def test_schedule_with_a_next_run_is_ok():
    check = check_schedule(HEALTHY, NOW)
    assert check.state == "ok"
    assert check.message == "next at 2025-11-09 03:00 UTC; the last run ended 4 hours ago: Completed"


@pytest.mark.parametrize("state", ["Failed", "Crashed"])
def test_schedule_whose_last_run_failed_is_a_warning(state):
    assert check_schedule(replace(HEALTHY, last=state), NOW).state == "warn"


def test_command_fits_a_screen_and_fails_with_a_failed_check(lake):
    result = CliRunner().invoke(main, ["doctor", "--quick"])
    assert result.exit_code == 1
    assert "FAIL" in result.output
    assert "papers daily" in result.output
    assert len(result.output.splitlines()) < 40
    checks = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).output)
    assert {"freshness", "heartbeat", "files"} <= {check["name"] for check in checks}
    assert {check["state"] for check in checks} <= {"ok", "warn", "fail"}
