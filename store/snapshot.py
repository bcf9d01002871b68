"""Reading the lake as one: what the manifest lists, or what a publish under way is about to list."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from store import manifest
from store.lake import Lake
from store.manifest import Manifest

T = TypeVar("T")
_TRIES = 50
_PAUSE_S = 0.02


class LakeMoving(Exception):
    """The lake changed during every attempt to read it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the lake. A path holds for as long as `stamp` stays the lake's."""

    lake: Lake
    manifest: Manifest
    stamp: tuple[bytes, bytes]
    staged: dict[str, Path]

    def paths(self, table: str) -> list[Path]:
        """The files of a table, oldest month first."""
        return [self.path(table, month) for month in self.manifest.months(table)]

    def path(self, table: str, month: str) -> Path:
        """Where the published file of a month lies: for a publish under way, perhaps still aside."""
        final = self.lake.part(table, month)
        aside = self.staged.get(final.relative_to(self.lake.root).as_posix())
        return aside if aside is not None and aside.exists() else final


def snapshot(lake: Lake) -> Snapshot:
    """The lake as it is now. With a journal there, that is the lake as it will be: it only rolls forward."""
    for _ in range(_TRIES):
        stamp = _stamp(lake)
        _, journal = stamp
        if not journal:
            return Snapshot(lake, manifest.load(lake.manifest), stamp, {})
        plan = json.loads(journal)
        aside = {target: lake.root / source for source, target in plan["moves"]}
        coming = lake.root / plan["manifest"]
        if coming.exists():
            listed = manifest.load(coming)
            if listed.files:
                return Snapshot(lake, listed, stamp, aside)
        elif stamp == _stamp(lake):
            return Snapshot(lake, manifest.load(lake.manifest), stamp, aside)
        time.sleep(_PAUSE_S)
    raise LakeMoving(f"{lake.root} is being published into without a pause; try again")


def read_whole(lake: Lake, read: Callable[[Snapshot], T]) -> T:
    """What `read` makes of one state of the lake; read again if a publish came between.

    Raises LakeMoving if that never succeeds.
    """
    for _ in range(_TRIES):
        seen = snapshot(lake)
        try:
            result = read(seen)
        except Exception:
            # A file may have moved away under the reader's feet. If nothing moved, the fault is real.
            if _stamp(lake) == seen.stamp:
                raise
        else:
            if _stamp(lake) == seen.stamp:
                return result
        time.sleep(_PAUSE_S)
    raise LakeMoving(f"{lake.root} is being published into without a pause; try again")


def _stamp(lake: Lake) -> tuple[bytes, bytes]:
    """What changes whenever the lake does."""
    return _bytes(lake.manifest), _bytes(lake.journal)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
