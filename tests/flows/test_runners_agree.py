"""The in-process runner and the Prefect runner give the same tables, validation log and heartbeat."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from prefect.client.orchestration import get_client

from cli.run.pipelines import pipelines
from flows import flow_runs
from flows.automations import ServerNotAnswering
from paperlake.clock import RunClock
from paperlake.monitoring.heartbeat import last_heartbeat
from paperlake.pipelines import in_process
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.clock import Clock
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.server import HubServer
from schemas.validations import VALIDATIONS

pytestmark = pytest.mark.real

NOW = datetime(2025, 11, 8, 3, 15, tzinfo=UTC)
RUN_COLUMNS = ["run"]


@pytest.fixture
def lake_of(tmp_path, monkeypatch, prefect_api):
    """Runs daily and backfill with a module; returns the lake, the summaries, and the number of listener calls."""
    monkeypatch.setattr(RunClock, "now", lambda clock: clock.started_at)
    monkeypatch.setattr("paperlake.ingest.hub.headers_as_json", lambda _: "{}")  # they contain the remaining quota

    def run(module, name):
        monkeypatch.setenv("PAPERLAKE_ROOT", str(tmp_path / name))
        monkeypatch.setenv("PAPERLAKE_STATE", str(tmp_path / f"{name}-state"))
        calls = []
        first, last = date(2025, 9, 20), date(2025, 10, 10)
        summaries = [
            module.run_daily(None, recheck=False, now=NOW).summary,
            module.run_backfill(first, last, refresh=False, listener=lambda *_: calls.append(1), now=NOW).summary,
        ]
        return Lake(tmp_path / name), summaries, len(calls)

    with HubServer(GeneratedHub(papers_a_day=8), clock=Clock(NOW), quota=None) as hub:
        monkeypatch.setenv("PAPERLAKE_HUB_URL", hub.url)
        monkeypatch.setenv("PAPERLAKE_HUB_QUOTA", "0")
        monkeypatch.setenv("PREFECT_API_URL", prefect_api)
        yield run


def files(lake):
    """All tables but the validation log, which contains the names of runs."""
    return {
        path.relative_to(lake.root): path.read_bytes()
        for path in sorted((lake.root / "tables").rglob("*.parquet"))
        if "validations" not in path.parts
    }


def log(lake):
    return scan(snapshot(lake), VALIDATIONS).select(pl.exclude(RUN_COLUMNS)).collect().sort(pl.all())


@pytest.mark.great_expectations
def test_both_runners_give_the_same_lake(lake_of):
    in_process_lake, summaries, calls = lake_of(in_process, "in-process")
    prefect_lake, prefect_summaries, prefect_calls = lake_of(flow_runs, "prefect")
    assert_steps_at_prefect(prefect_lake)
    assert summaries == prefect_summaries
    assert calls == prefect_calls
    assert files(in_process_lake) == files(prefect_lake)
    assert log(in_process_lake).equals(log(prefect_lake))
    assert last_heartbeat(in_process_lake).summary == last_heartbeat(prefect_lake).summary


def assert_steps_at_prefect(lake):
    with get_client(sync_client=True) as client:
        daily, backfill = sorted(client.read_flow_runs(), key=lambda run: run.start_time)[-2:]
        steps = {
            run.id: sorted(task.name for task in client.read_task_runs() if task.flow_run_id == run.id)
            for run in (daily, backfill)
        }
        artifacts = {each.key: str(each.data) for each in client.read_artifacts() if each.flow_run_id == daily.id}
    assert steps[backfill.id] == ["2025-09", "2025-10"]
    assert {"capture-2025-11-07", "publish-2025-10", "site", "search-index"} <= set(steps[daily.id])
    assert '"verdict": "complete"' in artifacts["daily-verdicts"]
    assert "| 2025-11-07 | complete |" in artifacts["daily-summary"]
    assert (lake.quality / "index.html").as_uri() in artifacts["data-docs"]


def test_command_runs_in_process_unless_a_server_is_configured(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert pipelines() is in_process
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert pipelines() is flow_runs


def test_server_that_does_not_answer_is_an_error_of_one_line(monkeypatch, lake_in_force):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(ServerNotAnswering, match="unset PREFECT_API_URL") as error:
        flow_runs.run_daily(None, recheck=False)
    assert "\n" not in str(error.value)
    assert not lake_in_force.root.exists()
