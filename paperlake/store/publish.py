"""Publish files atomically: stage them, write a journal, rename them into place, and replace the manifest last.

A reader that globs the tables sees the old or the new version of each file. A writer that dies before its journal
is written has published nothing. If it dies later, the next writer completes the publish.
"""

from __future__ import annotations

import fcntl
import os
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
from paperlake.store.files import flush, flush_all, make_folder, make_folders, replace, sha256, write_new
from paperlake.store.journal import Plan
from paperlake.store.lake import Lake, part_name
from paperlake.store.manifest import Entry, Manifest, inputs_hash
from paperlake.store.routes import FooterUnreadable, RouteDigests, published_digests
from paperlake.store.spill import SPILLED
from schemas.table import RoutedInputs, Table

LOCK_WAIT_S = 600.0
_ABANDONED_AFTER_S = 86_400.0


class LakeBusy(PaperlakeError):
    """Another process is publishing into this lake, and did not finish in time."""


class FileDamaged(PaperlakeError):
    """A published file is missing or differs from the manifest."""


@dataclass(frozen=True, slots=True)
class StagedFiles:
    """Files of one publish that are written, but not flushed, and not visible to readers.

    `other_folders` contain the files of merged stages that are published together with this one.
    """

    folder: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    other_folders: tuple[Path, ...] = ()

    def path(self, table: str, month: str) -> Path:
        """The path of the staged file of a month of a table."""
        return self.files[part_name(table, month)]

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that contains staged files."""
        return (self.folder, *self.other_folders)


def merge_staged(staged: Sequence[StagedFiles]) -> StagedFiles:
    """Combine several stages into one publish. Raises ValueError if there are none."""
    if not staged:
        raise ValueError("nothing was staged")
    first, *others = staged
    return StagedFiles(
        first.folder,
        {name: path for stage in staged for name, path in stage.files.items()},
        {name: entry for stage in staged for name, entry in stage.entries.items()},
        (*first.other_folders, *(folder for stage in others for folder in stage.folders)),
    )


@dataclass(frozen=True, slots=True)
class Writer:
    """The single writer of a lake. Only `open_writer` creates one, and only while it holds the lock."""

    lake: Lake
    _verified: set[tuple[Path, str]] = field(default_factory=set)
    """Path and SHA-256 of files already checked: a file with rows for many months is hashed only once."""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the lake as published now."""
        return manifest.load(self.lake.manifest)

    def read(
        self, table: Table, month: str, columns: Sequence[str] = (), where: pl.Expr | None = None
    ) -> pl.DataFrame | None:
        """The published rows of a month; `columns` and `where` select some of them. None if there is no file.

        Raises FileDamaged if the SHA-256 differs: a flipped bit must not get into files built from these rows.
        """
        published = self.manifest.entry(table.name, month)
        path = self.lake.part(table.name, month)
        if published is None:
            if table.is_evidence and path.exists():
                raise FileDamaged(
                    f"{path} exists, but {self.lake.manifest} does not list it, so it is neither read nor replaced; "
                    "restore the manifest from a backup, or move the file out of the lake"
                )
            return None
        if not self._is_intact(path, published.sha256):
            raise FileDamaged(
                f"{path} is not what was published (missing, or its SHA-256 differs from the manifest's); nothing "
                "was built from it. Restore it from a backup; rows in the inbox stay there"
            )
        return parquet.read(path, table, list(columns), where)

    def _is_intact(self, path: Path, digest: str) -> bool:
        if not path.exists():
            return False
        if (path, digest) not in self._verified and sha256(path) == digest:
            self._verified.add((path, digest))
        return (path, digest) in self._verified

    def route_digests(self, inputs: RoutedInputs) -> RouteDigests:
        """The digests, by month, of the rows that published files route to other months. Raises FileDamaged."""
        try:
            return published_digests(self.manifest, inputs, self.lake.part)
        except FooterUnreadable as error:
            raise FileDamaged(str(error)) from error

    def stage(  # noqa: PLR0913 - the fields of a manifest entry
        self,
        month: str,
        frames: Mapping[Table, pl.DataFrame],
        *,
        code: str = "",
        inputs: Mapping[str, str] | None = None,
        missing_dates: Mapping[Table, Sequence[str]] | None = None,
        route_digests: Mapping[Table, Mapping[str, str]] | None = None,
        into: StagedFiles | None = None,
    ) -> StagedFiles:
        """Write the files of a month to a staging folder, or add them to the stage `into`.

        `code`, `inputs` and `missing_dates` go into the manifest entry of each file, `route_digests` into its footer.

        Raises `pyarrow.ArrowInvalid` for a null in a required column.
        """
        staged = into or StagedFiles(self.lake.staged / uuid.uuid4().hex)
        staged.folder.mkdir(exist_ok=True)
        files, entries = dict(staged.files), dict(staged.entries)
        for table, rows in frames.items():
            name = part_name(table.name, month)
            path = staged.folder / f"{table.name}-{month}.parquet"
            parquet.write(rows, table, path, inputs_hash(inputs or {}), (route_digests or {}).get(table))
            files[name] = path
            entries[name] = Entry(
                rows=rows.height,
                bytes=path.stat().st_size,
                sha256=sha256(path),
                schema_version=table.version,
                code=code,
                inputs=inputs or {},
                missing_dates=tuple((missing_dates or {}).get(table, ())),
            )
        return StagedFiles(staged.folder, files, entries, staged.other_folders)

    def is_in_place(self, name: str, entry: Entry, *, thorough: bool = False) -> bool:
        """Whether the file exists with the size of its entry; if `thorough`, also with its SHA-256."""
        path = self.lake.root / name
        has_size = path.is_file() and path.stat().st_size == entry.bytes
        return has_size and (not thorough or sha256(path) == entry.sha256)

    def commit(self, staged: StagedFiles, folded: tuple[Path, ...] = (), *, thorough: bool = False) -> list[str]:
        """Publish the staged files, then delete `folded` from the inbox. Returns the names of changed files.

        A file that is published already is not written again. If nothing changes, nothing is written. `thorough`
        also checks the SHA-256 of the files on the disk, so that damaged files are replaced.
        """
        published = self.manifest
        new_entries = {name: entry for name, entry in staged.entries.items() if published.files.get(name) != entry}
        moved = [
            name
            for name, entry in staged.entries.items()
            if not _is_same_file(published.files.get(name), entry)
            or not self.is_in_place(name, entry, thorough=thorough)
        ]
        if new_entries or moved:
            self._commit_with_journal(staged, published.with_files(new_entries), moved, folded)
        else:
            inbox.discard(folded)
        self.drop(staged)
        return moved

    def drop(self, staged: StagedFiles) -> None:
        """Delete the staged files."""
        for folder in staged.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _commit_with_journal(
        self, staged: StagedFiles, new_manifest: Manifest, moved: list[str], folded: tuple[Path, ...]
    ) -> None:
        staged_manifest = staged.folder / "manifest.json"
        write_new(staged_manifest, new_manifest.encode())
        root, files = self.lake.root, [staged.files[name] for name in moved]
        # All that the journal names must be on the disk before it is.
        flush_all([*files, *(path.parent for path in files), staged.folder, self.lake.staged])
        plan = Plan(
            moves={_relative(staged.files[name], root): name for name in moved},
            manifest=_relative(staged_manifest, root),
            folded=[_relative(path, root) for path in folded],
        )
        make_folders((root / name).parent for name in moved)
        staged_journal = staged.folder / "journal.json"
        write_new(staged_journal, plan.encode())
        replace(staged_journal, self.lake.journal)
        roll_forward(self.lake)


@contextmanager
def open_writer(lake: Lake, wait_s: float = LOCK_WAIT_S) -> Iterator[Writer]:
    """Lock the lake, complete the publish of a dead writer, and yield the writer. Raises LakeBusy after `wait_s`."""
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
    """Whether a writer holds the lock now. Needs no permission to write; without one to read the lock, False."""
    try:
        handle = os.open(lake.lock, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        return False
    try:
        # A shared lock: readers do not exclude each other.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def roll_forward(lake: Lake) -> None:
    """Complete the publish of the journal, if there is one. Idempotent. The caller must hold the lock."""
    try:
        plan = journal.decode(lake.journal.read_bytes(), lake.journal)
    except FileNotFoundError:
        return
    for staged, name in plan.moves.items():
        if (lake.root / staged).exists():
            (lake.root / staged).replace(lake.root / name)
    # Also the folders of files that a writer who was killed has moved already.
    flush_all((lake.root / name).parent for name in plan.moves)
    if (lake.root / plan.manifest).exists():
        replace(lake.root / plan.manifest, lake.manifest)
    inbox.discard(lake.root / name for name in plan.folded)
    lake.journal.unlink()
    flush(lake.staged)


def _sweep(lake: Lake) -> None:
    """Delete files of dead processes: stages without a journal, and files of other processes older than a day."""
    for path in lake.staged.iterdir():
        is_of_other_process = path.name.startswith((inbox.ARRIVING, SPILLED))
        if is_of_other_process and time.time() - path.stat().st_mtime < _ABANDONED_AFTER_S:
            continue  # not written under the writer's lock: the process that writes it may be running
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif is_of_other_process:
            path.unlink(missing_ok=True)


def _is_same_file(published: Entry | None, staged: Entry) -> bool:
    return published is not None and published.sha256 == staged.sha256


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
