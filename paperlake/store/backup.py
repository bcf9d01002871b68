"""Back up the evidence, which no rebuild can create again. A backup is a lake that contains only evidence."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from paperlake.errors import PaperlakeError
from paperlake.store import inbox, parquet
from paperlake.store.files import flush, make_folder, replace, replace_file, sha256
from paperlake.store.lake import Lake, part_name
from paperlake.store.manifest import Entry
from paperlake.store.publish import StagedFiles, Writer, open_writer
from paperlake.store.snapshot import LakeChanging, Snapshot, snapshot
from paperlake.text import plural
from schemas.table import Table

_TRIES = 5
_PAUSE_S = 0.2


class NotABackup(PaperlakeError):
    """The target is not a backup, or contains evidence that the lake lacks. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class BackupResult:
    """The content of the backup: number and bytes of table files, and number of rows in the inbox.

    `copied` are the files that were new or replaced. `damaged` are files of the lake that differ from its manifest:
    the backup keeps its copy of these, if it has one.
    """

    files: int
    bytes: int
    waiting: int
    copied: tuple[str, ...]
    damaged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The published evidence of one snapshot of a lake: table, month and manifest entry of each file, by its name."""

    state: Snapshot
    files: Mapping[str, tuple[Table, str, Entry]]

    def path(self, name: str) -> Path:
        """The file, wherever an incomplete publish has left it."""
        table, month, _ = self.files[name]
        return self.state.path(table.name, month)

    def is_intact(self, name: str) -> bool:
        """Whether the file has the bytes that its entry says."""
        path = self.path(name)
        return path.is_file() and sha256(path) == self.files[name][2].sha256


def back_up(
    lake: Lake, target: Lake, tables: Collection[Table], tick: Callable[[], None] = lambda: None
) -> BackupResult:
    """Copy new evidence of `lake` (all of `tables`) into `target`, and verify all evidence in `target`.

    The lake is only read, also while another process publishes into it. Every file in the target is read and compared
    with its SHA-256, whenever it was copied. The target changes atomically: if the process is killed, it is the
    previous backup or, after the next run has started, the new one. `tick` is called for each file. Raises NotABackup,
    LakeChanging, and LakeBusy if another process writes into the target.
    """
    if lake.root == target.root or lake.root in target.root.parents or target.root in lake.root.parents:
        raise NotABackup(f"one of {target.root} and the lake {lake.root} contains the other; choose a separate folder")
    with open_writer(target) as backup:
        # The inbox first: rows that a publish moves into the tables in the meantime are in both, and never in neither.
        inbox_files = _stage_inbox(lake, target, tables)
        try:
            copied, damaged = _copy_evidence(lake, backup, tables, tick)
            _replace_inbox(target, tables, inbox_files)
            _copy_own_files(lake, target)
        finally:
            for arriving in inbox_files.values():
                if arriving is not None:
                    arriving.unlink(missing_ok=True)
        entries = backup.manifest.files.values()
        size = sum(entry.bytes for entry in entries)
        return BackupResult(len(entries), size, len(inbox_files), copied, damaged)


def _copy_evidence(
    lake: Lake, backup: Writer, tables: Collection[Table], tick: Callable[[], None]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Copy the evidence that the backup lacks, and commit it. Returns the names of copied and of damaged files."""
    for tries_left in reversed(range(_TRIES)):
        evidence = _published_evidence(lake, tables)
        _check_target(evidence, backup, tables)
        staged, damaged = _stage_evidence(evidence, backup, tick)
        # A file may be replaced, or moved to its place, during its copy.
        is_changing = bool(evidence.state.pending) or not evidence.state.is_current()
        if not damaged or not is_changing or not tries_left:
            backup.commit(staged, thorough=True)
            return tuple(staged.entries), damaged
        backup.drop(staged)
        tick = _no_tick
        time.sleep(_PAUSE_S)
    raise LakeChanging(f"{lake.root} is being published into without a pause; try again")


def _published_evidence(lake: Lake, tables: Collection[Table]) -> _Evidence:
    state = snapshot(lake)
    files = {
        part_name(table.name, month): (table, month, entry)
        for table in tables
        for month in state.manifest.months(table.name)
        if (entry := state.manifest.entry(table.name, month))
    }
    return _Evidence(state, files)


def _stage_evidence(
    evidence: _Evidence, backup: Writer, tick: Callable[[], None]
) -> tuple[StagedFiles, tuple[str, ...]]:
    """Copy the files that the backup lacks aside. Returns them, and the names of damaged files of the lake."""
    folder = backup.lake.staged / uuid.uuid4().hex
    make_folder(folder)
    copied: dict[str, Path] = {}
    damaged: list[str] = []
    for number, (name, (_, _, entry)) in enumerate(evidence.files.items()):
        if backup.manifest.files.get(name) != entry or not backup.is_in_place(name, entry, thorough=True):
            copy = folder / f"{number}.parquet"
            if _copy_intact(evidence.path(name), copy, entry):
                copied[name] = copy
            else:
                damaged.append(name)
        tick()
    flush(folder)
    return StagedFiles(folder, copied, {name: evidence.files[name][2] for name in copied}), tuple(damaged)


def _no_tick() -> None:
    """Counts nothing: the files were counted during the first attempt."""


def _check_target(evidence: _Evidence, backup: Writer, tables: Collection[Table]) -> None:
    """Raise NotABackup if the target is a complete lake, or would lose evidence."""
    root, backup_names = backup.lake.root, backup.manifest.files
    prefixes = tuple(f"tables/{table.name}/" for table in tables)
    if any(not name.startswith(prefixes) for name in backup_names):
        raise NotABackup(f"{root} is a complete lake, not a backup; choose another folder")
    lost = [name for name in backup_names if name not in evidence.files or _lacks_rows(evidence, backup, name)]
    if lost:
        raise NotABackup(
            f"{root} contains evidence that the lake lacks ({plural(len(lost), 'file')}, such as {lost[0]}), perhaps "
            "because it is the backup of another lake; nothing was changed. Restore the lake from it, or choose "
            "another folder"
        )


def _lacks_rows(evidence: _Evidence, backup: Writer, name: str) -> bool:
    """Whether the lake's file lacks rows of the backup's file. If either is damaged, only the counts are compared."""
    table, _, lake_entry = evidence.files[name]
    backup_entry = backup.manifest.files[name]
    if lake_entry.rows < backup_entry.rows:
        return True
    if lake_entry.sha256 == backup_entry.sha256:
        return False
    if not evidence.is_intact(name) or not backup.is_in_place(name, backup_entry, thorough=True):
        return False
    key = list(table.key)
    lake_keys, backup_keys = (parquet.read(path, table, key) for path in (evidence.path(name), backup.lake.root / name))
    return bool(backup_keys.join(lake_keys, on=key, how="anti", nulls_equal=True).height)


def _copy_intact(original: Path, copy: Path, entry: Entry) -> bool:
    """Copy a file and flush it. Returns whether the copy matches its entry."""
    try:
        shutil.copyfile(original, copy)
    except FileNotFoundError:
        return False
    flush(copy)
    return sha256(copy) == entry.sha256


def _copy_own_files(lake: Lake, target: Lake) -> None:
    """Copy the declarations of editions and the ids of feeds, which no rebuild can find out again."""
    for source, copy in ((lake.editions, target.editions), (lake.feeds, target.feeds)):
        if source.is_file():
            replace_file(copy, source.read_bytes())


def _stage_inbox(lake: Lake, target: Lake, tables: Collection[Table]) -> dict[Path, Path | None]:
    """Copy what the inbox of the target lacks aside.

    Returns the files of the lake's inbox by their name in it, with the copy of each; None where the target has it.
    """
    files: dict[Path, Path | None] = {}
    for path in _inbox_files(lake, tables):
        name = path.relative_to(lake.inbox)
        arriving = target.staged / f"{inbox.ARRIVING}{uuid.uuid4().hex}"
        try:
            if (target.inbox / name).exists() and (target.inbox / name).read_bytes() == path.read_bytes():
                files[name] = None
                continue
            shutil.copyfile(path, arriving)
        except FileNotFoundError:
            continue  # a publish has moved it into the tables
        flush(arriving)
        files[name] = arriving
    return files


def _replace_inbox(target: Lake, tables: Collection[Table], files: Mapping[Path, Path | None]) -> None:
    """Make the inbox of the target consist of these files."""
    for name, arriving in files.items():
        if arriving is not None:
            make_folder((target.inbox / name).parent)
            replace(arriving, target.inbox / name)
    inbox.discard(path for path in _inbox_files(target, tables) if path.relative_to(target.inbox) not in files)


def _inbox_files(lake: Lake, tables: Collection[Table]) -> list[Path]:
    return [path for table in tables for path in sorted((lake.inbox / table.name).glob("*/*.row"))]
