"""A run begins: when it was due, whether it is still wanted, and that it ends with the process that started it."""

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

from flows.deployments import declared
from flows.reconcile import deployed, end_dead_runs, is_late, skip_missed_runs
from paperlake.pipelines.runner import Start, start_now
from paperlake.store.files import make_folder

log = logging.getLogger("paperlake")

LATEST = timedelta(days=1)
"""A run that begins later than this after it was due is of now: its day is over, and so is that of the next run."""
MISSED = timedelta(hours=1)
_PENDING_AT_MOST = timedelta(minutes=10)
_PARENT_WATCH_S = 0.5
_LAST_WORD_S = 5.0

PARENT_VARIABLE = "PAPERLAKE_SERVE_PROCESS"
"""Names the `papers serve` that started a run: it may be gone before the run can look."""

_held: dict[str, FileLock] = {}
"""The locks of the runs of this process; the end of the process, whatever it is, releases them."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that has begun."""

    start: Start
    is_missed: bool = False
    """Whether a schedule wanted it more than an hour ago."""


def begin(state: Path, now: datetime | None) -> Begun:
    """Begin the run that Prefect executes in this process; `now` simulates another start.

    As a run of a deployment it ends when the process that started it is gone, ends the runs before it that died, and
    makes up for those of its deployment that were missed. It was due when its schedule says, if that is less than
    a day ago.
    """
    start = start_now(now)
    if runtime.deployment.id is None:
        return Begun(start)
    clock = start.clock
    run_id = UUID(str(runtime.flow_run.id))
    _end_with_parent(run_id)
    _hold(state, str(run_id))
    try:
        is_missed = _tidy(state, run_id, datetime.now(UTC))
    except Exception as error:  # noqa: BLE001 - what the server still believes must not keep a run from its work
        log.warning("the runs before this one could not be looked at: %s", error)
        is_missed = False
    due_at = runtime.flow_run.scheduled_start_time or clock.started_at
    is_of_now = now is not None or clock.started_at - due_at > LATEST
    return Begun(Start(clock, clock.started_at if is_of_now else due_at, is_scheduled=True), is_missed)


def is_dead(state: Path, run: FlowRun) -> bool:
    """Whether the process that executes `run` is surely gone; of runs of other machines nothing is known."""
    if run.state_type == StateType.PENDING:  # its process may just be starting
        changed_at = run.state.timestamp if run.state else None
        return changed_at is not None and datetime.now(UTC) - changed_at > _PENDING_AT_MOST
    path = _lock_path(state, str(run.id))
    if path.exists():
        return str(run.id) not in _held and not _is_held(path)
    host, _, process = (run.infrastructure_pid or "").rpartition(":")
    if host == socket.gethostname() and process.isdigit():
        return not _is_running(int(process))
    return False


def forget_runs(state: Path) -> None:
    """Remove the locks of runs that have ended. Raises nothing."""
    for path in (state / "runs").glob("*.lock"):
        if not _is_held(path):
            path.unlink(missing_ok=True)


def _tidy(state: Path, run_id: UUID, now: datetime) -> bool:
    """Put right what the server believes; gives whether this run itself was missed."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(run_id)
        known = list(deployed(client, declared()))
        for dead in end_dead_runs(client, known, partial(is_dead, state)):
            log.warning("%s had been interrupted: its process is gone", dead.name)
            _lock_path(state, str(dead.id)).unlink(missing_ok=True)
        for one in known:
            if one.known.id == run.deployment_id:
                # One that a person asked for with parameters does not do the work of a morning.
                is_whole = run.parameters == one.known.parameters
                skipped = skip_missed_runs(client, one, now, but=run.id) if is_whole else []
                if skipped:
                    log.warning("this run makes up for %d that were missed", len(skipped))
        return bool(run.auto_scheduled) and is_late(run, now, MISSED)


def _hold(state: Path, run_id: str) -> None:
    if run_id not in _held:
        path = _lock_path(state, run_id)
        make_folder(path.parent)
        lock = FileLock(path)
        lock.acquire(timeout=_LAST_WORD_S)
        _held[run_id] = lock
        atexit.register(path.unlink, missing_ok=True)


def _lock_path(state: Path, run_id: str) -> Path:
    return state / "runs" / f"{run_id}.lock"


def _is_held(path: Path) -> bool:
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
    """A worker, or `papers serve`, that is killed cannot end its runs; they would go on beside the next ones."""
    parent, name = int(os.environ.get(PARENT_VARIABLE) or os.getppid()), f"parent-of-{run_id}"
    if parent > 1 and not any(thread.name == name for thread in threading.enumerate()):
        threading.Thread(target=_watch, args=(parent, run_id), name=name, daemon=True).start()


def _watch(parent: int, run_id: UUID) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_WATCH_S)
    telling = threading.Thread(target=_crashed, args=(run_id,), daemon=True)
    telling.start()
    telling.join(_LAST_WORD_S)
    os.kill(os.getpid(), signal.SIGKILL)


def _crashed(run_id: UUID) -> None:
    message = "The process that started this run is gone."
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_id, Crashed(message=message), force=True)
