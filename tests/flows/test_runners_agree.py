"""In this process or as flow runs of a Prefect server: the same steps, so the same tables, log and heartbeat."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from prefect.client.orchestration import get_client

from cli.pipelines import pipelines
from flows import by_hand
from flows.automations import ServerSilent
from paperlake.clock import RunClock
from paperlake.monitoring.heartbeat import last_beat
from paperlake.pipelines import in_process
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.clock import Clock
from sandbox.generated import GeneratedHub
from sandbox.hub import HubServer
from schemas.validations import VALIDATIONS

NOW = datetime(2025, 11, 8, 3, 15, tzinfo=UTC)
OF_THE_RUN = ["run"]


@pytest.fixture
def lake_of(tmp_path, monkeypatch, prefect_api):
    """Runs a daily run, then a backfill, by a module of pipelines; gives their lake, and what they told."""
    monkeypatch.setattr(RunClock, "now", lambda clock: clock.started_at)
    monkeypatch.setattr("paperlake.ingest.hub.headers_as_json", lambda _: "{}")  # they count down what is left

    def ran(runs, name):
        monkeypatch.setenv("PAPERLAKE_ROOT", str(tmp_path / name))
        monkeypatch.setenv("PAPERLAKE_STATE", str(tmp_path / f"{name}-state"))
        heard = []
        first, last = date(2025, 9, 20), date(2025, 10, 10)
        told = [
            runs.run_daily(None, recheck=False, now=NOW).summary,
            runs.run_backfill(first, last, refresh=False, listener=lambda *_: heard.append(1), now=NOW).summary,
        ]
        return Lake(tmp_path / name), told, len(heard)

    with HubServer(GeneratedHub(papers_a_day=8), clock=Clock(NOW), quota=None) as hub:
        monkeypatch.setenv("PAPERLAKE_HUB_URL", hub.url)
        monkeypatch.setenv("PAPERLAKE_HUB_QUOTA", "0")
        monkeypatch.setenv("PREFECT_API_URL", prefect_api)
        yield ran


def files(lake):
    """All tables but the log of validations, which knows the runs."""
    return {
        path.relative_to(lake.root): path.read_bytes()
        for path in sorted((lake.root / "tables").rglob("*.parquet"))
        if "validations" not in path.parts
    }


def log(lake):
    return scan(snapshot(lake), VALIDATIONS).select(pl.exclude(OF_THE_RUN)).collect().sort(pl.all())


def test_both_runners_leave_the_same_lake(lake_of):
    here, told_here, heard_here = lake_of(in_process, "here")
    there, told_there, heard_there = lake_of(by_hand, "there")
    prefect_sees_the_steps(there)
    assert told_here == told_there
    assert heard_here == heard_there
    assert files(here) == files(there)
    assert log(here).equals(log(there))
    assert last_beat(here).summary == last_beat(there).summary


def prefect_sees_the_steps(lake):
    with get_client(sync_client=True) as client:
        daily, backfill = sorted(client.read_flow_runs(), key=lambda run: run.start_time)[-2:]
        steps = {
            run.id: sorted(one.name for one in client.read_task_runs() if one.flow_run_id == run.id)
            for run in (daily, backfill)
        }
        artifacts = {one.key: str(one.data) for one in client.read_artifacts() if one.flow_run_id == daily.id}
    assert steps[backfill.id] == ["2025-09", "2025-10"]
    assert {"capture-2025-11-07", "publish-2025-10", "site"} <= set(steps[daily.id])
    assert '"verdict": "complete"' in artifacts["daily-verdicts"]
    assert "| 2025-11-07 | complete |" in artifacts["daily-summary"]
    assert (lake.quality / "index.html").as_uri() in artifacts["data-docs"]


def test_a_command_runs_here_unless_a_server_is_named(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert pipelines() is in_process
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert pipelines() is by_hand


def test_a_named_server_that_does_not_answer_is_told_in_one_line(monkeypatch, lake_in_force):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(ServerSilent, match="unset PREFECT_API_URL") as silent:
        by_hand.run_daily(None, recheck=False)
    assert "\n" not in str(silent.value)
    assert not lake_in_force.root.exists()
