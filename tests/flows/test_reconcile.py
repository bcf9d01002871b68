"""Dead runs, orphaned slots and missed runs are corrected at a real Prefect API."""

import os
import sqlite3
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from filelock import FileLock
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from prefect.states import AwaitingRetry, Pending, Running, Scheduled

from flows import deployed_run
from flows.deployed_run import MAX_DELAY, MISSED_AFTER, begin_run, is_dead
from flows.deployments import declared_deployments, deployment
from flows.doctor import doctor
from flows.reconcile import end_dead_runs, known_deployments, scheduled_runs, skip_missed_runs

pytestmark = pytest.mark.real

DAILY = next(each for each in declared_deployments() if each.name == "daily")


@pytest.fixture(scope="module")
def client(prefect_api):
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def daily(client):
    """A new deployment `daily`, as registered at the server."""
    registered = client.read_deployment(deployment(DAILY).apply())
    yield registered
    client.delete_deployment(registered.id)


def known_daily(client):
    return list(known_deployments(client, [DAILY]))


def running(client, daily):
    """A run that holds the slot."""
    run = client.create_flow_run_from_deployment(daily.id)
    for state in (Pending(), Running()):
        client.set_flow_run_state(run.id, state)
    run = client.read_flow_run(run.id)
    assert (run.state_name, slots(client, daily)) == ("Running", 1)
    return run


def slots(client, daily):
    return client.read_deployment(daily.id).global_concurrency_limit.active_slots


def due(client, daily, at, *, by_schedule=True):
    """A run that is due at a time, created by the schedule or by a user."""
    run = client.create_flow_run_from_deployment(daily.id, state=Scheduled(scheduled_time=at))
    if by_schedule:  # the API cannot set this
        path = PREFECT_API_DATABASE_CONNECTION_URL.value().partition(":///")[2]
        with sqlite3.connect(path, timeout=30) as database:
            database.execute("update flow_run set auto_scheduled = 1 where id = ?", [str(run.id)])
        database.close()
    return run.id


def state(client, run_id):
    return client.read_flow_run(run_id).state_name


def test_dead_run_is_set_to_crashed_and_frees_its_slot(client, daily):
    dead = running(client, daily)
    assert [run.id for run in end_dead_runs(client, known_daily(client), lambda _: True)] == [dead.id]
    assert (state(client, dead.id), slots(client, daily)) == ("Crashed", 0)
    running(client, daily)


def test_live_run_is_not_changed(client, daily):
    run = running(client, daily)
    assert end_dead_runs(client, known_daily(client), lambda _: False) == []
    assert (state(client, run.id), slots(client, daily)) == ("Running", 1)


def test_orphaned_slot_is_freed(client, daily):
    limit = daily.global_concurrency_limit.name
    client.update_global_concurrency_limit(limit, GlobalConcurrencyLimitUpdate(active_slots=1))
    assert end_dead_runs(client, known_daily(client), lambda _: True) == []
    running(client, daily)


def test_run_awaiting_retry_keeps_its_slot_while_its_process_lives(client, daily):
    run = client.create_flow_run_from_deployment(daily.id)
    retry = AwaitingRetry(scheduled_time=datetime.now(UTC) + timedelta(minutes=30))
    client.set_flow_run_state(run.id, retry, force=True)
    limit = daily.global_concurrency_limit.name
    client.update_global_concurrency_limit(limit, GlobalConcurrencyLimitUpdate(active_slots=1))
    end_dead_runs(client, known_daily(client), lambda _: False)
    assert (state(client, run.id), slots(client, daily)) == ("AwaitingRetry", 1)
    end_dead_runs(client, known_daily(client), lambda _: True)
    assert (state(client, run.id), slots(client, daily)) == ("AwaitingRetry", 0)


def test_missed_scheduled_runs_are_skipped_but_not_runs_created_by_users(client, daily):
    now = datetime.now(UTC)
    missed = [due(client, daily, now - timedelta(days=days)) for days in (1, 2, 3)]
    requested = due(client, daily, now - timedelta(days=1), by_schedule=False)
    upcoming = due(client, daily, now + timedelta(days=1))
    (known,) = known_daily(client)
    assert {run.id for run in skip_missed_runs(client, known, now)} == set(missed)
    assert {state(client, run_id) for run_id in missed} == {"Skipped"}
    assert [run.id for run in scheduled_runs(client, daily.id)] == [requested, upcoming]


@pytest.fixture
def as_run(client, daily, monkeypatch):
    """Makes this process execute a scheduled run that was due at a time."""

    def execute(due_at):
        run_id = due(client, daily, due_at)
        client.set_flow_run_state(run_id, Pending(), force=True)
        client.set_flow_run_state(run_id, Running())
        flow_run = SimpleNamespace(id=str(run_id), scheduled_start_time=due_at)
        monkeypatch.setattr(
            deployed_run, "runtime", SimpleNamespace(deployment=SimpleNamespace(id=str(daily.id)), flow_run=flow_run)
        )
        return run_id

    yield execute
    for lock in deployed_run._run_locks.values():
        lock.release()
    deployed_run._run_locks.clear()


def test_late_run_keeps_its_due_time_for_a_day(as_run, tmp_path):
    for delay, is_due_now in ((timedelta(hours=5), False), (MAX_DELAY + timedelta(hours=1), True)):
        due_at = datetime.now(UTC) - delay
        as_run(due_at)
        run = begin_run(tmp_path, None).start
        assert run.is_scheduled
        assert (run.due_at == run.clock.started_at) == is_due_now
        assert (run.due_at == due_at) != is_due_now


def test_beginning_run_skips_missed_runs_and_ends_dead_ones(client, daily, as_run, tmp_path):
    dead = running(client, daily)
    lock = tmp_path / "runs" / f"{dead.id}.lock"
    lock.parent.mkdir()
    lock.touch()
    now = datetime.now(UTC)
    missed = due(client, daily, now - timedelta(days=1))
    begun = as_run(now - timedelta(days=2))
    begin_run(tmp_path, None)
    assert (state(client, dead.id), state(client, missed), state(client, begun)) == ("Crashed", "Skipped", "Running")
    assert slots(client, daily) == 1


def test_missed_doctor_run_is_skipped(as_run, lake_in_force):
    as_run(datetime.now(UTC) - MISSED_AFTER - timedelta(minutes=1))
    assert doctor.fn().name == "Skipped"


def test_server_error_does_not_prevent_a_run(as_run, tmp_path, monkeypatch, caplog):
    as_run(datetime.now(UTC))
    monkeypatch.setattr(deployed_run, "_reconcile", lambda *_: (_ for _ in ()).throw(OSError("no answer")))
    assert begin_run(tmp_path, None).start.is_scheduled
    assert "no answer" in caplog.text


HOLD_LOCK = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print(flush=True); input()"


def test_run_is_dead_if_its_lock_is_free(tmp_path, client, daily):
    run = client.create_flow_run_from_deployment(daily.id)
    path = tmp_path / "runs" / f"{run.id}.lock"
    path.parent.mkdir()
    command = [sys.executable, "-c", HOLD_LOCK, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert not is_dead(tmp_path, run)
        process.kill()
        process.wait()
        path.touch()
        assert is_dead(tmp_path, run)


def test_run_without_a_lock_is_dead_if_its_local_process_is_gone(tmp_path, client, daily):
    run = client.create_flow_run_from_deployment(daily.id)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = os.uname().nodename
    for process, expected in ((f"{here}:{gone.pid}", True), (f"{here}:{os.getpid()}", False), ("elsewhere:1", False)):
        assert is_dead(tmp_path, run.model_copy(update={"infrastructure_pid": process})) == expected
    assert not is_dead(tmp_path, run)


def test_lock_of_another_run_does_not_matter(tmp_path, client, daily):
    run = client.create_flow_run_from_deployment(daily.id)
    (tmp_path / "runs").mkdir()
    with FileLock(tmp_path / "runs" / f"{uuid.uuid4()}.lock"):
        assert not is_dead(tmp_path, run)
