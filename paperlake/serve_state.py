"""The Prefect home of `papers serve`, separate from the user's own, and the record of a running `papers serve`.

Nothing here imports Prefect, because Prefect reads its settings when it is imported.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from paperlake.config import Settings
from paperlake.errors import PaperlakeError
from paperlake.store.files import make_folder

_LOCK_S = 2.0
"""How long to wait for the lock: `papers doctor` holds it for a moment to test whether it is free."""


class ServeAlreadyRunning(PaperlakeError):
    """Another `papers serve` is running with the same state folder."""


@dataclass(frozen=True, slots=True)
class ServeProcess:
    """A `papers serve` that is running, or that died."""

    pid: int
    api: str
    is_running: bool


def prefect_home(state: Path) -> Path:
    """The Prefect home of `papers serve`: the database of its server, its log, and its leases."""
    return state / "prefect"


def use_own_prefect_home(settings: Settings) -> None:
    """Set the Prefect home of this process and its children to the state folder. Call it before importing Prefect.

    The user's own Prefect profile is ignored: only the environment selects a server.
    """
    home = prefect_home(settings.state)
    make_folder(home)
    os.environ |= {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        # Prefect's default keeps leases in memory: after a server is killed, its slots would stay taken.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    }
    os.environ.pop("PREFECT_PROFILE", None)
    if settings.prefect_api is None:
        os.environ.pop("PREFECT_API_KEY", None)  # belongs to a remote server


@contextmanager
def serve_lock(state: Path) -> Iterator[None]:
    """Hold the lock that lets one `papers serve` use this state folder. Raises ServeAlreadyRunning."""
    make_folder(state)
    lock = FileLock(_lock_path(state))
    try:
        lock.acquire(timeout=_LOCK_S)
    except Timeout:
        other = _read_record(state)
        raise ServeAlreadyRunning(
            f"another `papers serve`{f' (process {other.pid})' if other else ''} uses the state folder {state}; "
            "stop it first, or give this one a folder of its own (PAPERLAKE_STATE)"
        ) from None
    try:
        yield
    finally:
        lock.release()


def record_server(state: Path, api: str) -> None:
    """Record this process and the API of its Prefect server."""
    _record_path(state).write_text(json.dumps({"pid": os.getpid(), "api": api}))


def clear_server(state: Path) -> None:
    """Remove the record, because this process was asked to stop."""
    _record_path(state).unlink(missing_ok=True)


def serve_process(state: Path) -> ServeProcess | None:
    """The `papers serve` of this state folder that is running or died; None if there was none, or it was stopped."""
    record = _read_record(state)
    if record is None:
        return None
    lock = FileLock(_lock_path(state))
    with suppress(Timeout, OSError):
        lock.acquire(timeout=0)
        lock.release()
        return record
    return ServeProcess(record.pid, record.api, is_running=True)


def _read_record(state: Path) -> ServeProcess | None:
    try:
        record = json.loads(_record_path(state).read_bytes())
        return ServeProcess(int(record["pid"]), str(record["api"]), is_running=False)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lock_path(state: Path) -> Path:
    return state / "serve.lock"


def _record_path(state: Path) -> Path:
    return state / "serve.json"
