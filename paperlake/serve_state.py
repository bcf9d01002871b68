"""Where `papers serve` keeps its Prefect, apart from a person's own, and how others find it.

Nothing here imports Prefect, which reads its settings when it is imported.
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
"""`papers doctor` holds the lock for a moment, to see whether it is free."""


class AlreadyServing(PaperlakeError):
    """Another `papers serve` runs with the same state folder."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A `papers serve` that ended without having been stopped, or that runs."""

    pid: int
    api: str
    is_running: bool


def home(state: Path) -> Path:
    """The Prefect home of `papers serve`: the database of its server, its log, and its leases."""
    return state / "prefect"


def enter(settings: Settings) -> None:
    """Give this process and its children the Prefect home in the state folder. To be called before Prefect is imported.

    A person's Prefect profile is left out: only the environment says which server is meant.
    """
    own = home(settings.state)
    make_folder(own)
    os.environ |= {
        "PREFECT_HOME": str(own),
        "PREFECT_PROFILES_PATH": str(own / "profiles.toml"),
        # Prefect's default keeps leases in memory: a server that is killed would never give a slot back.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    }
    os.environ.pop("PREFECT_PROFILE", None)
    if settings.prefect_api is None:
        os.environ.pop("PREFECT_API_KEY", None)  # is for a server elsewhere


@contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold the right to serve with this state folder. Raises AlreadyServing."""
    make_folder(state)
    lock = FileLock(_lock(state))
    try:
        lock.acquire(timeout=_LOCK_S)
    except Timeout:
        other = _note(state)
        raise AlreadyServing(
            f"another `papers serve`{f' (process {other.pid})' if other else ''} runs with the state folder {state}; "
            "stop it first, or give this one a folder of its own (PAPERLAKE_STATE)"
        ) from None
    try:
        yield
    finally:
        lock.release()


def note(state: Path, api: str) -> None:
    """Leave word of where the server is that this process serves with."""
    _place(state).write_text(json.dumps({"pid": os.getpid(), "api": api}))


def forget(state: Path) -> None:
    """Take that word back: this process was asked to stop."""
    _place(state).unlink(missing_ok=True)


def serving(state: Path) -> Serving | None:
    """The `papers serve` of this state folder that runs, or died; None where none did, or the last one was stopped."""
    noted = _note(state)
    if noted is None:
        return None
    lock = FileLock(_lock(state))
    with suppress(Timeout, OSError):
        lock.acquire(timeout=0)
        lock.release()
        return noted
    return Serving(noted.pid, noted.api, is_running=True)


def _note(state: Path) -> Serving | None:
    try:
        noted = json.loads(_place(state).read_bytes())
        return Serving(int(noted["pid"]), str(noted["api"]), is_running=False)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lock(state: Path) -> Path:
    return state / "serve.lock"


def _place(state: Path) -> Path:
    return state / "serve.json"
