"""Reading the lake as one: what the manifest lists, or what a publish under way is about to list."""

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


class LakeAbsent(PaperlakeError):
    """There is no lake where one was looked for, or one without the manifest that says what of it is published."""


class LakeMoving(PaperlakeError):
    """What was to be read changed during every attempt to read it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the lake. Its files hold for as long as `still_holds`, which is for the reader to ask."""

    lake: Lake
    manifest: Manifest
    listed: bytes | None
    staged: dict[str, Path]
    opened: set[str] = field(default_factory=set)

    def paths(self, table: str) -> list[Path]:
        """The files of a table, oldest month first."""
        return [self.path(table, month) for month in self.manifest.months(table)]

    def path(self, table: str, month: str) -> Path:
        """Where the published file of a month lies: for a publish under way, perhaps still aside."""
        name = part_name(table, month)
        self.opened.add(name)
        aside = self.staged.get(name)
        return aside if aside is not None and aside.exists() else self.lake.root / name

    def still_holds(self) -> bool:
        """Whether the lake still lists just these versions of the files that were asked for."""
        listed, _ = _effective(self.lake)
        if listed == self.listed:
            return True
        now = manifest.decode(listed, self.lake.manifest)
        return all(now.files.get(name) == self.manifest.files.get(name) for name in self.opened)


def snapshot(lake: Lake) -> Snapshot:
    """The lake as it is now. With a journal there, that is the lake as it will be: it only rolls forward."""
    listed, staged = _effective(lake)
    return Snapshot(lake, manifest.decode(listed, lake.manifest), listed, staged)


def must_be_there(lake: Lake) -> None:
    """Raise LakeAbsent where nothing was published and nothing waits: most often it was looked for in a wrong place."""
    if lake.manifest.exists() or lake.journal.exists():
        return
    if any(lake.tables.glob("*/month=*/*.parquet")):
        raise LakeAbsent(
            f"{lake.root} has tables, but no {lake.manifest.name} that says which of them are published; bring that "
            "back from a backup. Until then nothing of the lake is read or mended"
        )
    if not any(lake.inbox.glob("*/*/*.row")):
        raise LakeAbsent(f"there is no lake at {lake.root}; PAPERLAKE_ROOT says where it is")


def read_whole(lake: Lake, read: Callable[[Snapshot], T]) -> T:
    """What `read` makes of one state of the lake; read again if a publish changed what it read.

    Raises LakeMoving if that never succeeds.
    """
    for left in reversed(range(_TRIES)):
        seen = snapshot(lake)
        try:
            result = read(seen)
        except Exception:
            # A file may have moved away under the reader's feet, from aside to its place even within one state.
            # Otherwise the fault is real.
            if seen.still_holds() and not (seen.staged and left):
                raise
        else:
            if seen.still_holds():
                return result
        time.sleep(_PAUSE_S)
    raise LakeMoving(f"{lake.root} is being published into without a pause; try again")


def _effective(lake: Lake) -> tuple[bytes | None, dict[str, Path]]:
    """The text of the manifest that holds, and where the files lie that a publish has not moved yet.

    The journal is read first: were it read last, a publish that ends in between would not be noticed.
    """
    for _ in range(_TRIES):
        text = _bytes(lake.journal)
        if text is None:
            return _bytes(lake.manifest), {}
        plan = journal.decode(text, lake.journal)
        coming = _bytes(lake.root / plan.manifest)
        if coming is not None:
            return coming, plan.aside(lake)
        # The manifest is in its place already, unless the publish has ended meanwhile.
        listed = _bytes(lake.manifest)
        if _bytes(lake.journal) == text:
            return listed, plan.aside(lake)
    raise LakeMoving(f"{lake.root} is being published into without a pause; try again")


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
