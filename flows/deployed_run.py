"""The start of a deployed run: when it was due, whether it was missed, and that it ends with its parent process."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from filelock import FileLock, Timeout
from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed

from flows.deployments import declared_deployments
from flows.reconcile import end_dead_runs, is_late, known_deployments, skip_missed_runs
from paperlake.pipelines.runner import Start, start_now
from paperlake.store.files import make_folder

log = logging.getLogger("paperlake")

MAX_DELAY = timedelta(days=1)
"""A run that begins later than this uses the current time as its due time: its own day is over."""
MISSED_AFTER = timedelta(hours=1)
_MAX_PENDING = timedelta(minutes=10)
_PARENT_POLL_S = 0.5
_CRASH_REPORT_S = 5.0

PARENT_VARIABLE = "PAPERLAKE_SERVE_PROCESS"
"""Holds the process id of the `papers serve` that started a run, because it may end before the run begins."""

_run_locks: dict[str, FileLock] = {}
"""The locks of the runs of this process. The end of the process releases them, even if it is killed."""


@dataclass(frozen=True, slots=True)
class BegunRun:
    """A run that has begun."""

    start: Start
    is_missed: bool = False
    """Whether its schedule made it due more than MISSED_AFTER ago."""


def begin_run(state: Path, now: datetime | None) -> BegunRun:
    """Begin the run that Prefect executes in this process; `now` simulates another start.

    A run of a deployment will end when its parent process is gone. It ends earlier runs that died, and skips the missed
    runs of its deployment, for which it makes up. Its due time is that of its schedule, unless it is more than
    MAX_DELAY ago.
    """
    start = start_now(now)
    if runtime.deployment.id is None:
        return BegunRun(start)
    clock = start.clock
    run_id = UUID(str(runtime.flow_run.id))
    _end_with_parent(run_id)
    _lock_run(state, str(run_id))
    try:
        is_missed = _reconcile(state, run_id, datetime.now(UTC))
    except Exception as error:  # noqa: BLE001 - wrong records at the server must not prevent a run
        log.warning("earlier runs could not be checked: %s", error)
        is_missed = False
    due_at = runtime.flow_run.scheduled_start_time or clock.started_at
    is_due_now = now is not None or clock.started_at - due_at > MAX_DELAY
    return BegunRun(Start(clock, clock.started_at if is_due_now else due_at, is_scheduled=True), is_missed)


def is_dead(state: Path, run: FlowRun) -> bool:
    """Whether the process that executes `run` is certainly gone; False for runs of other machines."""
    if run.state_type == StateType.PENDING:  # its process may just be starting
        changed_at = run.state.timestamp if run.state else None
        return changed_at is not None and datetime.now(UTC) - changed_at > _MAX_PENDING
    path = _lock_path(state, str(run.id))
    if path.exists():
        return str(run.id) not in _run_locks and not _is_locked(path)
    host, _, process = (run.infrastructure_pid or "").rpartition(":")
    if host == socket.gethostname() and process.isdigit():
        return not _is_running(int(process))
    return False


def remove_run_locks(state: Path) -> None:
    """Remove the locks of runs that have ended. Raises nothing."""
    for path in (state / "runs").glob("*.lock"):
        if not _is_locked(path):
            path.unlink(missing_ok=True)


def _reconcile(state: Path, run_id: UUID, now: datetime) -> bool:
    """Correct the server's records of other runs; return whether this run itself was missed."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(run_id)
        deployments = list(known_deployments(client, declared_deployments()))
        for dead in end_dead_runs(client, deployments, partial(is_dead, state)):
            log.warning("%s was interrupted: its process is gone", dead.name)
            _lock_path(state, str(dead.id)).unlink(missing_ok=True)
        for deployment in deployments:
            if deployment.registered.id == run.deployment_id:
                # A run with other parameters does not do what the missed runs would have done.
                is_regular = run.parameters == deployment.registered.parameters
                skipped = skip_missed_runs(client, deployment, now, except_run=run.id) if is_regular else []
                if skipped:
                    log.warning("this run makes up for %d missed runs", len(skipped))
        return bool(run.auto_scheduled) and is_late(run, now, MISSED_AFTER)


def _lock_run(state: Path, run_id: str) -> None:
    if run_id not in _run_locks:
        path = _lock_path(state, run_id)
        make_folder(path.parent)
        lock = FileLock(path)
        lock.acquire(timeout=_CRASH_REPORT_S)
        _run_locks[run_id] = lock
        atexit.register(path.unlink, missing_ok=True)


def _lock_path(state: Path, run_id: str) -> Path:
    return state / "runs" / f"{run_id}.lock"


def _is_locked(path: Path) -> bool:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _end_with_parent(run_id: UUID) -> None:
    """End this run when its parent is gone: a killed worker cannot end its runs, which would overlap later ones."""
    parent, name = int(os.environ.get(PARENT_VARIABLE) or os.getppid()), f"parent-of-{run_id}"
    if parent > 1 and not any(thread.name == name for thread in threading.enumerate()):
        threading.Thread(target=_end_after_parent, args=(parent, run_id), name=name, daemon=True).start()


def _end_after_parent(parent: int, run_id: UUID) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_S)
    report = threading.Thread(target=_report_crash, args=(run_id,), daemon=True)
    report.start()
    report.join(_CRASH_REPORT_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _report_crash(run_id: UUID) -> None:
    message = "The process that started this run is gone."
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_id, Crashed(message=message), force=True)
