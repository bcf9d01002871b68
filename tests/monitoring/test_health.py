"""Doctor looks at every promise, says in plain words what does not hold, and fails when one is broken."""

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from flows import doctor as room
from flows.automations import Schedule
from flows.doctor import PromiseBroken, doctor, schedule_line, schedule_lines
from paperlake import serve_state as prefect_home
from paperlake.build.publish import publish_month
from paperlake.config import Settings
from paperlake.monitoring.health import run_checks
from paperlake.monitoring.heartbeat import Heartbeat, beat, last_beat
from paperlake.store.inbox import keep
from schemas.hub_replies import HUB_REPLIES
from tests.replies import capture, entries, entry

NOW = datetime(2025, 11, 8, 7, tzinfo=UTC)
DUE = date(2025, 11, 7)


def add(lake, held, day, at):
    for row in capture(held, day, at):
        keep(lake, HUB_REPLIES, row)


@pytest.fixture
def lake(lake_in_force):
    for day in (DUE - timedelta(days=1), DUE):
        add(lake_in_force, entries(8, day.day * 10), day, NOW - timedelta(hours=4))
    publish_month(lake_in_force, "2025-11")
    ended = NOW - timedelta(hours=4)
    beat(lake_in_force, Heartbeat("daily otter", ended, ended, True, "2 complete"))
    return lake_in_force


def seen(lake, now=NOW):
    return {line.name: line for line in run_checks(lake, now)}


def states(lake, now=NOW):
    return {name: line.state for name, line in seen(lake, now).items() if line.state != "well"}


def test_a_lake_in_order_is_well(lake):
    assert states(lake) == {}


def test_a_lake_without_anything_breaks_the_first_promise(lake_in_force):
    (line,) = run_checks(lake_in_force, NOW)
    assert (line.state, line.remedy) == ("broken", "papers daily")


@pytest.mark.parametrize(("hour", "state"), [(5, None), (6, "broken")])
def test_a_date_is_due_at_six_in_the_morning_after_it(lake, hour, state):
    morning = datetime(2025, 11, 9, hour, tzinfo=UTC)
    assert states(lake, morning).get("freshness") == state


def test_it_is_noticed_that_nothing_ran(lake):
    line = seen(lake, NOW + timedelta(hours=23))["heartbeat"]
    assert line.state == "broken"
    assert "nothing ran" in line.message


def test_a_run_with_problems_is_to_be_looked_at(lake):
    beat(lake, Heartbeat("daily fox", NOW, NOW, False, "1 failed; 1 problems"))
    assert states(lake) == {"heartbeat": "look"}


def test_a_heartbeat_that_cannot_be_read_is_none(lake):
    (lake.quality / "heartbeat.json").write_text("{")
    assert last_beat(lake) is None
    assert states(lake) == {"heartbeat": "look"}


def test_a_gap_is_named_with_its_verdict(lake):
    add(lake, entries(6), DUE - timedelta(days=3), datetime(2025, 11, 4, 12, tzinfo=UTC))
    publish_month(lake, "2025-11")
    line = seen(lake)["gaps"]
    assert line.message == "2 dates since 2025-11-04: 1 partial, 1 never asked for"


def test_refused_captures_and_entries_are_told(lake):
    add(lake, [{}, {}, entry()], DUE, NOW)
    add(lake, [*entries(6, 60), 5], DUE - timedelta(days=1), NOW)
    publish_month(lake, "2025-11")
    lines = seen(lake)
    assert "half of its entries" in lines["captures"].message
    assert "1 not_an_object" in lines["rejects"].message


def test_drift_is_told(lake):
    add(lake, [entry(f"2511.{n:05}", surprise=1) for n in range(10)], DUE, NOW)
    publish_month(lake, "2025-11")
    assert "$.surprise appeared" in seen(lake)["oddities"].message


def test_a_flipped_bit_breaks_a_promise(lake):
    path = lake.part("listings", "2025-11")
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.write_bytes(damaged)
    assert seen(lake)["files"].remedy == "papers verify --repair"
    assert [line.name for line in run_checks(lake, NOW, is_thorough=False) if line.state == "broken"] == []


def test_answers_that_nobody_publishes_break_a_promise(lake):
    add(lake, entries(6), DUE, NOW)
    assert states(lake, datetime.now(UTC) + timedelta(days=2))["inbox"] == "broken"


def test_a_full_disk_is_told(lake, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 5 * 10**8})())
    assert states(lake) == {"disk": "broken"}


SOUND = Schedule(
    "daily",
    is_deployed=True,
    is_active=True,
    next_at=NOW + timedelta(hours=20),
    last="Completed",
    last_ended_at=NOW - timedelta(hours=4),
)
BROKEN = {
    "it is not deployed": Schedule("daily"),
    "its schedule is paused": replace(SOUND, is_active=False),
    "no run is to come": replace(SOUND, next_at=None),
    "2 runs late: nobody executes them": replace(SOUND, late=("otter", "fox")),
    "its slot is held by otter, whose process is gone": replace(SOUND, dead=("otter",)),
    "1 slot held by nothing": replace(SOUND, slots_held_by_nothing=1),
}


@pytest.mark.parametrize("told", BROKEN)
def test_a_schedule_by_which_nothing_runs_breaks_a_promise_and_says_why(told):
    line = schedule_line(BROKEN[told], NOW)
    assert (line.name, line.state) == ("schedule daily", "broken")
    assert told in line.message
    assert line.remedy


def test_a_schedule_is_well_where_its_next_run_is_known():
    line = schedule_line(SOUND, NOW)
    assert line.state == "well"
    assert line.message == "next at 2025-11-09 03:00 UTC; the last run ended 4 hours ago: Completed"


@pytest.mark.parametrize("ended", ["Failed", "Crashed"])
def test_a_run_that_did_not_complete_is_to_be_looked_at(ended):
    assert schedule_line(replace(SOUND, last=ended), NOW).state == "look"


def test_a_server_that_does_not_answer_breaks_a_promise():
    (line,) = schedule_lines(Settings(Path("lake"), Path("state"), prefect_api="http://127.0.0.1:9/api"), NOW)
    assert (line.state, line.remedy) == ("broken", "prefect server start")
    assert "does not answer" in line.message


def test_the_automation_is_not_registered_with_a_server_that_does_not_answer(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    ended = CliRunner().invoke(main, ["automate"])
    assert ended.exit_code == 1
    assert "http://127.0.0.1:9/api does not answer" in ended.stderr


def test_a_serve_that_died_breaks_a_promise_and_one_that_was_stopped_does_not(tmp_path):
    said = Settings(tmp_path / "lake", tmp_path)
    assert schedule_lines(said, NOW) == []
    prefect_home.note(tmp_path, "http://127.0.0.1:9/api")
    (line,) = schedule_lines(said, NOW)
    assert (line.state, line.remedy) == ("broken", "papers serve")
    assert f"(process {os.getpid()}) died" in line.message
    prefect_home.forget(tmp_path)
    assert schedule_lines(said, NOW) == []


def test_a_serve_that_runs_is_asked(tmp_path):
    with prefect_home.only_one(tmp_path):
        prefect_home.note(tmp_path, "http://127.0.0.1:9/api")
        (line,) = schedule_lines(Settings(tmp_path / "lake", tmp_path), NOW)
    assert "http://127.0.0.1:9/api does not answer" in line.message


def test_the_flow_fails_when_a_promise_is_broken_and_leaves_what_it_saw(lake, monkeypatch):
    left = []
    monkeypatch.setattr(room, "create_markdown_artifact", lambda **about: left.append(about["markdown"]))
    assert all(line.state == "well" for line in doctor.fn(NOW))
    with pytest.raises(PromiseBroken, match="freshness: 2025-11-08 should be complete"):
        doctor.fn(NOW + timedelta(days=1))
    assert "| broken | freshness |" in left[-1]


def test_the_command_fits_a_screen_and_fails_when_a_promise_is_broken(lake):
    told = CliRunner().invoke(main, ["doctor", "--quick"])
    assert told.exit_code == 1
    assert "BROKEN" in told.output
    assert "papers daily" in told.output
    assert len(told.output.splitlines()) < 40
    lines = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).output)
    assert {"freshness", "heartbeat", "files"} <= {line["name"] for line in lines}
