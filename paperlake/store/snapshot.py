"""Read a consistent snapshot of the lake: what the manifest lists, or what an incomplete publish is about to list."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from paperlake.errors import PaperlakeError
from paperlake.store import journal, manifest
from paperlake.store.lake import Lake, part_name
from paperlake.store.manifest import Manifest

T = TypeVar("T")
_TRIES = 100
_PAUSE_S = 0.02


class LakeNotFound(PaperlakeError):
    """There is no lake at this path, or its manifest is missing."""


class LakeChanging(PaperlakeError):
    """The files changed during every attempt to read them."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the lake. After reading, the reader must check `is_current`: files may have been replaced."""

    lake: Lake
    manifest: Manifest
    manifest_bytes: bytes | None
    pending: dict[str, Path]
    """By published name, the staged files that an incomplete publish has not moved yet."""
    read_names: set[str] = field(default_factory=set)

    def paths(self, table: str) -> list[Path]:
        """The files of a table, oldest month first."""
        return [self.path(table, month) for month in self.manifest.months(table)]

    def path(self, table: str, month: str) -> Path:
        """The path of the file of a month; a staged path if an incomplete publish has not moved it yet."""
        name = part_name(table, month)
        self.read_names.add(name)
        staged = self.pending.get(name)
        return staged if staged is not None and staged.exists() else self.lake.root / name

    def is_current(self) -> bool:
        """Whether the lake still lists the same versions of all files requested from this snapshot."""
        manifest_bytes, _ = _current_state(self.lake)
        if manifest_bytes == self.manifest_bytes:
            return True
        current = manifest.decode(manifest_bytes, self.lake.manifest)
        return all(current.files.get(name) == self.manifest.files.get(name) for name in self.read_names)


def snapshot(lake: Lake) -> Snapshot:
    """The lake as it is now. If there is a journal, this is the lake after its publish, which can only complete."""
    manifest_bytes, pending = _current_state(lake)
    return Snapshot(lake, manifest.decode(manifest_bytes, lake.manifest), manifest_bytes, pending)


def require_lake(lake: Lake) -> None:
    """Raise LakeNotFound if nothing is published and nothing is in the inbox: usually the path is wrong."""
    if lake.manifest.exists() or lake.journal.exists():
        return
    if any(lake.tables.glob("*/month=*/*.parquet")):
        raise LakeNotFound(
            f"{lake.root} has tables, but no {lake.manifest.name} that lists the published files; restore it from a "
            "backup. Until then nothing in the lake is read or repaired"
        )
    if not any(lake.inbox.glob("*/*/*.row")):
        raise LakeNotFound(f"there is no lake at {lake.root}; PAPERLAKE_ROOT sets its path")


def read_consistent(lake: Lake, read: Callable[[Snapshot], T]) -> T:
    """The result of `read` on one snapshot. If a publish replaced files that `read` used, it is called again.

    Raises LakeChanging if no attempt succeeds.
    """
    for tries_left in reversed(range(_TRIES)):
        state = snapshot(lake)
        try:
            result = read(state)
        except Exception:
            # A publish may have moved a staged file to its place during the read, even within one state.
            # Otherwise the error is real.
            if state.is_current() and not (state.pending and tries_left):
                raise
        else:
            if state.is_current():
                return result
        time.sleep(_PAUSE_S)
    raise LakeChanging(f"{lake.root} is being published into without a pause; try again")


def _current_state(lake: Lake) -> tuple[bytes | None, dict[str, Path]]:
    """The bytes of the current manifest, and the paths of files that a publish has not moved yet.

    The journal is read first. If it were read last, a publish that completes in between would go unnoticed.
    """
    for _ in range(_TRIES):
        text = _read_if_exists(lake.journal)
        if text is None:
            return _read_if_exists(lake.manifest), {}
        plan = journal.decode(text, lake.journal)
        staged_manifest = _read_if_exists(lake.root / plan.manifest)
        if staged_manifest is not None:
            return staged_manifest, plan.pending_paths(lake)
        # The manifest has been moved already, unless the publish has completed in the meantime.
        published_manifest = _read_if_exists(lake.manifest)
        if _read_if_exists(lake.journal) == text:
            return published_manifest, plan.pending_paths(lake)
    raise LakeChanging(f"{lake.root} is being published into without a pause; try again")


def _read_if_exists(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
