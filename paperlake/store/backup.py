"""A copy of what no rebuild can make again. A backup is a lake that holds evidence alone."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from paperlake.errors import PaperlakeError
from paperlake.store import inbox, parquet
from paperlake.store.files import flush, make_folder, replace, sha256
from paperlake.store.lake import Lake, part_name
from paperlake.store.manifest import Entry
from paperlake.store.publish import Staged, Writer, open_writer
from schemas.table import Table


class NotABackup(PaperlakeError):
    """The target holds something that a backup must not, or must not lose. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds now: files and bytes of tables, and rows waiting.

    `copied` are the files that it did not hold before, `damaged` those of the lake that are not what was published:
    of these it keeps the copy it has, if any.
    """

    files: int
    bytes: int
    waiting: int
    copied: tuple[str, ...]
    damaged: tuple[str, ...]


def back_up(lake: Lake, target: Lake, tables: Collection[Table], tick: Callable[[], None] = lambda: None) -> BackedUp:
    """Copy the evidence of `lake` (all of `tables`) into `target`, as far as it is not there, and look at all of it.

    Every file in the target is read and compared with its SHA-256, whenever it was copied. The target is changed as
    a whole: one that is killed leaves the backup before or, once the next has begun, the one after. `tick` is
    called for each file. Raises NotABackup, LakeBusy.
    """
    if lake.root == target.root or lake.root in target.root.parents or target.root in lake.root.parents:
        raise NotABackup(f"{target.root} and the lake {lake.root} lie in each other; choose a folder apart")
    with open_writer(lake) as source, open_writer(target) as pen:
        kept = {
            name: entry
            for table in tables
            for month in source.manifest.months(table.name)
            if (entry := source.manifest.files.get(name := part_name(table.name, month)))
        }
        _check(source, pen, kept, tables)
        folder = target.staged / uuid.uuid4().hex
        make_folder(folder)
        copied: dict[str, Path] = {}
        damaged: list[str] = []
        for number, (name, entry) in enumerate(kept.items()):
            if pen.manifest.files.get(name) != entry or not pen.is_in_place(name, entry, thorough=True):
                copy = folder / f"{number}.parquet"
                if _copied(lake.root / name, copy, entry):
                    copied[name] = copy
                else:
                    damaged.append(name)
            tick()
        flush(folder)
        pen.commit(Staged(folder, copied, {name: kept[name] for name in copied}), thorough=True)
        waiting = [name for table in tables for name in _copy_inbox(lake, target, table)]
        held = pen.manifest.files.values()
        return BackedUp(len(held), sum(one.bytes for one in held), len(waiting), tuple(copied), tuple(damaged))


def _check(source: Writer, pen: Writer, kept: dict[str, Entry], tables: Collection[Table]) -> None:
    """Refuse to make a lake of others a backup, or a backup poorer."""
    root, there = pen.lake.root, pen.manifest.files
    evidence = {f"tables/{table.name}/": table for table in tables}
    if any(not name.startswith(tuple(evidence)) for name in there):
        raise NotABackup(f"{root} holds a whole lake, not a backup; choose another folder")
    poorer = [
        name
        for prefix, table in evidence.items()
        for name in there
        if name.startswith(prefix) and (name not in kept or _lacks(source, pen, table, name))
    ]
    if poorer:
        raise NotABackup(
            f"{root} holds what the lake does not ({len(poorer)} files, such as {poorer[0]}), perhaps because it is "
            "the backup of another lake; nothing was copied over it. Restore the lake from it, or choose another folder"
        )


def _lacks(source: Writer, pen: Writer, table: Table, name: str) -> bool:
    """Whether the lake's file lacks rows that the backup's has. Of a damaged one nothing but the count is known."""
    ours, theirs = source.manifest.files[name], pen.manifest.files[name]
    if ours.rows < theirs.rows:
        return True
    if ours.sha256 == theirs.sha256:
        return False
    if not (source.is_in_place(name, ours, thorough=True) and pen.is_in_place(name, theirs, thorough=True)):
        return False
    key = list(table.key)
    here, there = (parquet.read(one.lake.root / name, table, key) for one in (source, pen))
    return bool(there.join(here, on=key, how="anti", nulls_equal=True).height)


def _copied(original: Path, copy: Path, entry: Entry) -> bool:
    """Copy a file and flush it; whether the copy is what was published."""
    try:
        shutil.copyfile(original, copy)
    except FileNotFoundError:
        return False
    flush(copy)
    return sha256(copy) == entry.sha256


def _copy_inbox(lake: Lake, target: Lake, table: Table) -> list[str]:
    """Let the same rows wait in the target as in the lake."""
    waiting = {path.relative_to(lake.inbox): path for path in (lake.inbox / table.name).glob("*/*.row")}
    there = {path.relative_to(target.inbox): path for path in (target.inbox / table.name).glob("*/*.row")}
    for name, path in waiting.items():
        final = target.inbox / name
        if name not in there or final.read_bytes() != path.read_bytes():
            make_folder(final.parent)
            arriving = target.staged / f"{inbox.ARRIVING}{uuid.uuid4().hex}"
            shutil.copyfile(path, arriving)
            flush(arriving)
            replace(arriving, final)
    inbox.discard(path for name, path in there.items() if name not in waiting)
    return [name.as_posix() for name in waiting]
