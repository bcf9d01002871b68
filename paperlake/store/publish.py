"""How files become published: staged, journalled, renamed, and the manifest last.

A reader that globs the tables sees of each file the old one or the new one. A writer that dies before its
journal is written has published nothing; one that dies later is finished by the next writer.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from filelock import FileLock, Timeout

from paperlake.errors import PaperlakeError
from paperlake.store import inbox, journal, manifest, parquet
from paperlake.store.files import flush, make_folder, replace, sha256, write_new
from paperlake.store.journal import Plan
from paperlake.store.lake import Lake, part_name
from paperlake.store.manifest import Entry, Manifest, inputs_hash
from paperlake.store.routes import FooterUnreadable, RouteDigests, published_digests
from paperlake.store.spill import SPILLED
from schemas.table import RoutedInputs, Table

LOCK_WAIT_S = 600.0
_ARRIVING_S = 86_400.0


class LakeBusy(PaperlakeError):
    """Another process publishes into this lake, and did not finish in time."""


class FileDamaged(PaperlakeError):
    """A published file does not hold what was published."""


@dataclass(frozen=True, slots=True)
class Staged:
    """Files of one publish, written and flushed, in nobody's sight yet.

    `beside` are folders that lie beside its own, of what was staged apart and is published with it.
    """

    folder: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    beside: tuple[Path, ...] = ()

    def path(self, table: str, month: str) -> Path:
        """Where the staged file of a table's month lies."""
        return self.files[part_name(table, month)]

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that files lie in."""
        return (self.folder, *self.beside)


def merge_staged(staged: Sequence[Staged]) -> Staged:
    """What was staged apart, in one publish. Raises ValueError where nothing was."""
    if not staged:
        raise ValueError("nothing was staged")
    first, *others = staged
    return Staged(
        first.folder,
        {name: path for one in staged for name, path in one.files.items()},
        {name: entry for one in staged for name, entry in one.entries.items()},
        (*first.beside, *(folder for one in others for folder in one.folders)),
    )


@dataclass(frozen=True, slots=True)
class Writer:
    """The one writer of a lake; only `open_writer` makes one, and only while it holds the lock."""

    lake: Lake
    _sound: set[tuple[Path, str]] = field(default_factory=set)
    """What was found to be whole: a file of which many months want a part is not hashed for each of them."""

    @property
    def manifest(self) -> Manifest:
        """What is published now."""
        return manifest.load(self.lake.manifest)

    def read(
        self, table: Table, month: str, columns: Sequence[str] = (), only: pl.Expr | None = None
    ) -> pl.DataFrame | None:
        """The published rows of a month, or some of their columns, or those where `only` holds; None without a file.

        Raises FileDamaged.

        What is folded or built from them gets a hash of its own: a flipped bit must be found before that.
        """
        published = self.manifest.entry(table.name, month)
        path = self.lake.part(table.name, month)
        if published is None:
            if table.is_evidence and path.exists():
                raise FileDamaged(
                    f"{path} is there, but {self.lake.manifest} does not list it, so it is neither read nor replaced; "
                    "bring the manifest back from a backup, or move the file out of the lake"
                )
            return None
        if not self._is_sound(path, published.sha256):
            raise FileDamaged(
                f"{path} is not what was published (missing, or its SHA-256 differs from the manifest's); nothing "
                "was built from it. Bring it back from a backup; what waits in the inbox stays there"
            )
        return parquet.read(path, table, list(columns), only)

    def _is_sound(self, path: Path, digest: str) -> bool:
        if not path.exists():
            return False
        if (path, digest) not in self._sound and sha256(path) == digest:
            self._sound.add((path, digest))
        return (path, digest) in self._sound

    def shared(self, gathers: RoutedInputs) -> RouteDigests:
        """What the published files of tables that are shared hold for which months. Raises FileDamaged."""
        try:
            return published_digests(self.manifest, gathers, self.lake.part)
        except FooterUnreadable as error:
            raise FileDamaged(str(error)) from error

    def stage(  # noqa: PLR0913 - what the manifest is to say of a file
        self,
        month: str,
        frames: Mapping[Table, pl.DataFrame],
        *,
        code: str = "",
        inputs: Mapping[str, str] | None = None,
        wanting: Mapping[Table, Sequence[str]] | None = None,
        shares: Mapping[Table, Mapping[str, str]] | None = None,
        into: Staged | None = None,
    ) -> Staged:
        """Write a month of some tables aside. `into` adds to a publish that is being staged.

        `code`, `inputs` and `wanting` are what the manifest is to say of each file, `shares` what its footer is to say.

        Raises `pyarrow.ArrowInvalid` for a null where a table allows none.
        """
        staged = into or Staged(self.lake.staged / uuid.uuid4().hex)
        make_folder(staged.folder)
        files, entries = dict(staged.files), dict(staged.entries)
        for table, rows in frames.items():
            name = part_name(table.name, month)
            path = staged.folder / f"{table.name}-{month}.parquet"
            parquet.write(rows, table, path, inputs_hash(inputs or {}), (shares or {}).get(table))
            flush(path)
            files[name] = path
            entries[name] = Entry(
                rows=rows.height,
                bytes=path.stat().st_size,
                sha256=sha256(path),
                schema_version=table.version,
                code=code,
                inputs=inputs or {},
                wanting=tuple((wanting or {}).get(table, ())),
            )
        flush(staged.folder)
        return Staged(staged.folder, files, entries, staged.beside)

    def is_in_place(self, name: str, entry: Entry, *, thorough: bool = False) -> bool:
        """Whether the file of `name` lies where it should, whole by its size; `thorough`, by its SHA-256."""
        path = self.lake.root / name
        is_whole = path.is_file() and path.stat().st_size == entry.bytes
        return is_whole and (not thorough or sha256(path) == entry.sha256)

    def commit(self, staged: Staged, folded: tuple[Path, ...] = (), *, thorough: bool = False) -> list[str]:
        """Publish what was staged, then take `folded` out of the inbox. Gives the names of changed files.

        A file whose bytes are published already is left alone; where nothing changes, nothing is written.
        `thorough` looks at the bytes on the disk too, so that a damaged file is replaced.
        """
        now = self.manifest
        fresh = {name: entry for name, entry in staged.entries.items() if now.files.get(name) != entry}
        moved = [
            name
            for name, entry in staged.entries.items()
            if not _is_same_file(now.files.get(name), entry) or not self.is_in_place(name, entry, thorough=thorough)
        ]
        if fresh or moved:
            self._journalled(staged, now.with_files(fresh), moved, folded)
        else:
            inbox.discard(folded)
        self.drop(staged)
        return moved

    def drop(self, staged: Staged) -> None:
        """Forget what was staged."""
        for folder in staged.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _journalled(self, staged: Staged, after: Manifest, moved: list[str], folded: tuple[Path, ...]) -> None:
        coming = staged.folder / "manifest.json"
        write_new(coming, after.encode())
        flush(staged.folder)
        root = self.lake.root
        plan = Plan(
            moves={_name(staged.files[name], root): name for name in moved},
            manifest=_name(coming, root),
            folded=[_name(path, root) for path in folded],
        )
        for name in moved:
            make_folder((root / name).parent)
        drafted = staged.folder / "journal.json"
        write_new(drafted, plan.encode())
        replace(drafted, self.lake.journal)
        roll_forward(self.lake)


@contextmanager
def open_writer(lake: Lake, wait_s: float = LOCK_WAIT_S) -> Iterator[Writer]:
    """The lake's one writer, after what a dead one left is finished. Raises LakeBusy after `wait_s`."""
    make_folder(lake.staged)
    lock = FileLock(lake.lock)
    try:
        lock.acquire(timeout=wait_s)
    except Timeout:
        raise LakeBusy(
            f"another process has been publishing into {lake.root} for {wait_s:.0f} s; try again when it is done"
        ) from None
    try:
        roll_forward(lake)
        _sweep(lake)
        yield Writer(lake)
    finally:
        lock.release()


def is_being_written(lake: Lake) -> bool:
    """Whether some writer is at work now."""
    if not lake.lock.exists():
        return False
    try:
        with FileLock(lake.lock).acquire(timeout=0):
            return False
    except Timeout:
        return True


def roll_forward(lake: Lake) -> None:
    """Finish the publish that the journal tells of, if there is one. Safe to repeat; needs the lock."""
    try:
        plan = journal.decode(lake.journal.read_bytes(), lake.journal)
    except FileNotFoundError:
        return
    for staged, name in plan.moves.items():
        if (lake.root / staged).exists():
            replace(lake.root / staged, lake.root / name)
    if (lake.root / plan.manifest).exists():
        replace(lake.root / plan.manifest, lake.manifest)
    inbox.discard(lake.root / name for name in plan.folded)
    lake.journal.unlink()
    flush(lake.staged)


def _sweep(lake: Lake) -> None:
    """Remove what the dead left behind: stages without a journal, and what has been arriving for a day."""
    for left in lake.staged.iterdir():
        is_arriving = left.name.startswith((inbox.ARRIVING, SPILLED))
        if is_arriving and time.time() - left.stat().st_mtime < _ARRIVING_S:
            continue  # it is no publish of the writer's: whoever makes it may be alive
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        elif is_arriving:
            left.unlink(missing_ok=True)


def _is_same_file(published: Entry | None, staged: Entry) -> bool:
    return published is not None and published.sha256 == staged.sha256


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
