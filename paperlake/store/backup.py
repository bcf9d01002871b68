"""Back up the evidence, which no rebuild can create again. A backup is a lake that contains only evidence."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from paperlake.errors import PaperlakeError
from paperlake.store import inbox, parquet
from paperlake.store.files import flush, make_folder, replace, sha256
from paperlake.store.lake import Lake, part_name
from paperlake.store.manifest import Entry
from paperlake.store.publish import StagedFiles, Writer, open_writer
from schemas.table import Table


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


def back_up(
    lake: Lake, target: Lake, tables: Collection[Table], tick: Callable[[], None] = lambda: None
) -> BackupResult:
    """Copy new evidence of `lake` (all of `tables`) into `target`, and verify all evidence in `target`.

    Every file in the target is read and compared with its SHA-256, whenever it was copied. The target changes
    atomically: if the process is killed, it is the previous backup or, after the next run has started, the new one.
    `tick` is called for each file. Raises NotABackup, LakeBusy.
    """
    if lake.root == target.root or lake.root in target.root.parents or target.root in lake.root.parents:
        raise NotABackup(f"one of {target.root} and the lake {lake.root} contains the other; choose a separate folder")
    with open_writer(lake) as source, open_writer(target) as backup:
        evidence = {
            name: entry
            for table in tables
            for month in source.manifest.months(table.name)
            if (entry := source.manifest.files.get(name := part_name(table.name, month)))
        }
        _check_target(source, backup, evidence, tables)
        folder = target.staged / uuid.uuid4().hex
        make_folder(folder)
        copied: dict[str, Path] = {}
        damaged: list[str] = []
        for number, (name, entry) in enumerate(evidence.items()):
            if backup.manifest.files.get(name) != entry or not backup.is_in_place(name, entry, thorough=True):
                copy = folder / f"{number}.parquet"
                if _copy_intact(lake.root / name, copy, entry):
                    copied[name] = copy
                else:
                    damaged.append(name)
            tick()
        flush(folder)
        backup.commit(StagedFiles(folder, copied, {name: evidence[name] for name in copied}), thorough=True)
        waiting = [name for table in tables for name in _copy_inbox(lake, target, table)]
        entries = backup.manifest.files.values()
        size = sum(entry.bytes for entry in entries)
        return BackupResult(len(entries), size, len(waiting), tuple(copied), tuple(damaged))


def _check_target(source: Writer, backup: Writer, evidence: Mapping[str, Entry], tables: Collection[Table]) -> None:
    """Raise NotABackup if the target is a complete lake, or would lose evidence."""
    root, backup_names = backup.lake.root, backup.manifest.files
    by_prefix = {f"tables/{table.name}/": table for table in tables}
    if any(not name.startswith(tuple(by_prefix)) for name in backup_names):
        raise NotABackup(f"{root} is a complete lake, not a backup; choose another folder")
    lost = [
        name
        for prefix, table in by_prefix.items()
        for name in backup_names
        if name.startswith(prefix) and (name not in evidence or _lacks_rows(source, backup, table, name))
    ]
    if lost:
        raise NotABackup(
            f"{root} contains evidence that the lake lacks ({len(lost)} files, such as {lost[0]}), perhaps because it "
            "is the backup of another lake; nothing was changed. Restore the lake from it, or choose another folder"
        )


def _lacks_rows(source: Writer, backup: Writer, table: Table, name: str) -> bool:
    """Whether the lake's file lacks rows of the backup's file. If either is damaged, only the counts are compared."""
    lake_entry, backup_entry = source.manifest.files[name], backup.manifest.files[name]
    if lake_entry.rows < backup_entry.rows:
        return True
    if lake_entry.sha256 == backup_entry.sha256:
        return False
    are_intact = source.is_in_place(name, lake_entry, thorough=True) and backup.is_in_place(
        name, backup_entry, thorough=True
    )
    if not are_intact:
        return False
    key = list(table.key)
    lake_keys, backup_keys = (parquet.read(writer.lake.root / name, table, key) for writer in (source, backup))
    return bool(backup_keys.join(lake_keys, on=key, how="anti", nulls_equal=True).height)


def _copy_intact(original: Path, copy: Path, entry: Entry) -> bool:
    """Copy a file and flush it. Returns whether the copy matches its entry."""
    try:
        shutil.copyfile(original, copy)
    except FileNotFoundError:
        return False
    flush(copy)
    return sha256(copy) == entry.sha256


def _copy_inbox(lake: Lake, target: Lake, table: Table) -> list[str]:
    """Make the inbox of the target equal to the lake's. Returns the names of its files."""
    source_files = {path.relative_to(lake.inbox): path for path in (lake.inbox / table.name).glob("*/*.row")}
    target_files = {path.relative_to(target.inbox): path for path in (target.inbox / table.name).glob("*/*.row")}
    for name, path in source_files.items():
        final = target.inbox / name
        if name not in target_files or final.read_bytes() != path.read_bytes():
            make_folder(final.parent)
            arriving = target.staged / f"{inbox.ARRIVING}{uuid.uuid4().hex}"
            shutil.copyfile(path, arriving)
            flush(arriving)
            replace(arriving, final)
    inbox.discard(path for name, path in target_files.items() if name not in source_files)
    return [name.as_posix() for name in source_files]
