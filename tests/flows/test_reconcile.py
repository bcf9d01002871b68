"""Runs that died, slots that nothing holds, and runs that were missed, put right at a real Prefect API."""

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
from flows.deployed_run import LATEST, MISSED, begin, is_dead
from flows.deployments import declared, deployment
from flows.doctor import doctor
from flows.reconcile import deployed, end_dead_runs, scheduled_runs, skip_missed_runs

DAILY = next(one for one in declared() if one.name == "daily")


@pytest.fixture(scope="module")
def client(prefect_api):
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def daily(client):
    """The deployment `daily`, new, as the server knows it."""
    known = client.read_deployment(deployment(DAILY).apply())
    yield known
    client.delete_deployment(known.id)


def known(client):
    return list(deployed(client, [DAILY]))


def running(client, daily):
    """A run that holds the slot, as the worker that executes it says."""
    run = client.create_flow_run_from_deployment(daily.id)
    for state in (Pending(), Running()):
        client.set_flow_run_state(run.id, state)
    run = client.read_flow_run(run.id)
    assert (run.state_name, slots(client, daily)) == ("Running", 1)
    return run


def slots(client, daily):
    return client.read_deployment(daily.id).global_concurrency_limit.active_slots


def due(client, daily, at, *, by_schedule=True):
    """A run that should have begun, by a schedule or because a person asked for it."""
    run = client.create_flow_run_from_deployment(daily.id, state=Scheduled(scheduled_time=at))
    if by_schedule:  # which the API says of no run that comes from outside
        path = PREFECT_API_DATABASE_CONNECTION_URL.value().partition(":///")[2]
        with sqlite3.connect(path, timeout=30) as database:
            database.execute("update flow_run set auto_scheduled = 1 where id = ?", [str(run.id)])
        database.close()
    return run.id


def state(client, run_id):
    return client.read_flow_run(run_id).state_name


def test_a_run_whose_process_is_gone_ends_as_crashed_and_the_next_one_may_begin(client, daily):
    dead = running(client, daily)
    assert [run.id for run in end_dead_runs(client, known(client), lambda _: True)] == [dead.id]
    assert (state(client, dead.id), slots(client, daily)) == ("Crashed", 0)
    running(client, daily)


def test_a_run_whose_process_lives_is_left_alone(client, daily):
    run = running(client, daily)
    assert end_dead_runs(client, known(client), lambda _: False) == []
    assert (state(client, run.id), slots(client, daily)) == ("Running", 1)


def test_a_slot_that_nothing_holds_is_freed(client, daily):
    limit = daily.global_concurrency_limit.name
    client.update_global_concurrency_limit(limit, GlobalConcurrencyLimitUpdate(active_slots=1))
    assert end_dead_runs(client, known(client), lambda _: True) == []
    running(client, daily)


def test_a_run_that_waits_for_its_next_try_keeps_its_slot_while_its_process_lives(client, daily):
    run = client.create_flow_run_from_deployment(daily.id)
    retry = AwaitingRetry(scheduled_time=datetime.now(UTC) + timedelta(minutes=30))
    client.set_flow_run_state(run.id, retry, force=True)
    limit = daily.global_concurrency_limit.name
    client.update_global_concurrency_limit(limit, GlobalConcurrencyLimitUpdate(active_slots=1))
    end_dead_runs(client, known(client), lambda _: False)
    assert (state(client, run.id), slots(client, daily)) == ("AwaitingRetry", 1)
    end_dead_runs(client, known(client), lambda _: True)
    assert (state(client, run.id), slots(client, daily)) == ("AwaitingRetry", 0)


def test_runs_that_were_missed_are_skipped_but_not_those_that_a_person_asked_for(client, daily):
    now = datetime.now(UTC)
    missed = [due(client, daily, now - timedelta(days=days)) for days in (1, 2, 3)]
    asked = due(client, daily, now - timedelta(days=1), by_schedule=False)
    coming = due(client, daily, now + timedelta(days=1))
    (one,) = known(client)
    assert {run.id for run in skip_missed_runs(client, one, now)} == set(missed)
    assert {state(client, run_id) for run_id in missed} == {"Skipped"}
    assert [run.id for run in scheduled_runs(client, daily.id)] == [asked, coming]


@pytest.fixture
def as_run(client, daily, monkeypatch):
    """Lets this process be the one that executes a run of the schedule that was due at a time."""

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
    for lock in deployed_run._held.values():
        lock.release()
    deployed_run._held.clear()


def test_a_run_that_begins_late_means_its_own_day_and_after_a_day_the_present(as_run, tmp_path):
    for late, is_of_now in ((timedelta(hours=5), False), (LATEST + timedelta(hours=1), True)):
        due_at = datetime.now(UTC) - late
        as_run(due_at)
        run = begin(tmp_path, None).start
        assert run.is_scheduled
        assert (run.due_at == run.clock.started_at) == is_of_now
        assert (run.due_at == due_at) != is_of_now


def test_a_run_that_begins_makes_up_for_those_missed_and_ends_those_that_died(client, daily, as_run, tmp_path):
    dead = running(client, daily)
    lock = tmp_path / "runs" / f"{dead.id}.lock"
    lock.parent.mkdir()
    lock.touch()
    now = datetime.now(UTC)
    missed = due(client, daily, now - timedelta(days=1))
    begun = as_run(now - timedelta(days=2))
    begin(tmp_path, None)
    assert (state(client, dead.id), state(client, missed), state(client, begun)) == ("Crashed", "Skipped", "Running")
    assert slots(client, daily) == 1


def test_a_doctor_that_was_missed_is_skipped(as_run, lake_in_force):
    as_run(datetime.now(UTC) - MISSED - timedelta(minutes=1))
    assert doctor.fn().name == "Skipped"


def test_a_server_that_cannot_be_asked_keeps_no_run_from_its_work(as_run, tmp_path, monkeypatch, caplog):
    as_run(datetime.now(UTC))
    monkeypatch.setattr(deployed_run, "_tidy", lambda *_: (_ for _ in ()).throw(OSError("no answer")))
    assert begin(tmp_path, None).start.is_scheduled
    assert "no answer" in caplog.text


HOLDING = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print(flush=True); input()"


def test_a_run_is_dead_when_nothing_holds_its_lock(tmp_path, client, daily):
    run = client.create_flow_run_from_deployment(daily.id)
    path = tmp_path / "runs" / f"{run.id}.lock"
    path.parent.mkdir()
    command = [sys.executable, "-c", HOLDING, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert not is_dead(tmp_path, run)
        process.kill()
        process.wait()
        path.touch()
        assert is_dead(tmp_path, run)


def test_of_a_run_without_a_lock_its_process_tells_and_of_other_machines_nothing(tmp_path, client, daily):
    run = client.create_flow_run_from_deployment(daily.id)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = os.uname().nodename
    for process, expected in ((f"{here}:{gone.pid}", True), (f"{here}:{os.getpid()}", False), ("elsewhere:1", False)):
        assert is_dead(tmp_path, run.model_copy(update={"infrastructure_pid": process})) == expected
    assert not is_dead(tmp_path, run)


def test_a_lock_of_another_run_says_nothing(tmp_path, client, daily):
    run = client.create_flow_run_from_deployment(daily.id)
    (tmp_path / "runs").mkdir()
    with FileLock(tmp_path / "runs" / f"{uuid.uuid4()}.lock"):
        assert not is_dead(tmp_path, run)
