"""Repair damaged files: from a backup, from their intact rows, or by rebuilding them."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from paperlake.build.publish import publish_months
from paperlake.build.results import Published
from paperlake.quality.validation_log import start_run
from paperlake.store import parquet
from paperlake.store.files import flush, make_folder, replace, sha256
from paperlake.store.lake import Lake
from paperlake.store.manifest import Entry, load
from paperlake.store.publish import Writer, open_writer
from paperlake.store.salvage import intact_rows
from paperlake.store.verify import IntegrityFault
from paperlake.text import plural
from schemas.captures import CAPTURES
from schemas.catalogue import TABLES
from schemas.hub_replies import HUB_REPLIES
from transforms.conform import empty_table
from transforms.graph import DERIVED

_NOT_DAMAGE = ("schema", "stray", "waiting")
_WRONG_CONTENT = ("rows", "order", "key", "evidence")
"""The file is as published, but its content is wrong."""
_CAPTURE = ["requested_on", "capture_started_at"]


@dataclass(frozen=True, slots=True)
class RestoredFile:
    """The result for a damaged file of evidence: `rows` of its `of` rows are restored.

    `lost_dates` are the dates that lost an answer, by the derived tables. `kept_at` is the path of the damaged file.
    `has_strange_backup`: the backup contains answers that the lake never had, so it was not used.
    """

    name: str
    is_from_backup: bool
    rows: int
    of: int
    lost_dates: tuple[str, ...] = ()
    kept_at: str = ""
    has_strange_backup: bool = False

    def __str__(self) -> str:
        """The result in one line."""
        if self.is_from_backup:
            return f"{self.name}: restored from the backup"
        dates = f"; answers were lost for {', '.join(self.lost_dates)}" if self.lost_dates else ""
        path = f"; the damaged file is in {self.kept_at}" if self.kept_at else ""
        backup = "; the backup is of another lake and was not used" if self.has_strange_backup else ""
        return f"{self.name}: {self.rows} of {plural(self.of, 'row')} restored{dates}{path}{backup}"


@dataclass(frozen=True, slots=True)
class RepairReport:
    """The result of a repair: restored evidence, files set aside, and published partitions."""

    saved: tuple[RestoredFile, ...]
    set_aside: tuple[str, ...]
    published: Published


def repair(lake: Lake, faults: Sequence[IntegrityFault], backup: Lake | None = None) -> RepairReport:
    """Repair `faults`: restore evidence, from `backup` as far as possible, then rebuild the derived tables.

    Nothing is deleted: damaged evidence and stray files of derived tables move to `quality/set-aside`. Stray files of
    evidence stay, because only a person can decide whether they are needed.
    """
    evidence = {table.name for table in TABLES.values() if table.is_evidence}
    damaged = {fault.name: fault for fault in faults if fault.table in evidence and fault.kind not in _NOT_DAMAGE}
    with open_writer(lake) as writer:
        # The faults were found some time ago: skip files that are intact or published by now.
        entries = {name: entry for name in damaged if (entry := writer.manifest.files.get(name))}
        saved = tuple(
            _restore(writer, damaged[name], entry, backup)
            for name, entry in entries.items()
            if damaged[name].kind in _WRONG_CONTENT or not writer.is_in_place(name, entry, thorough=True)
        )
        published_now = writer.manifest.files
        stray_names = [
            fault.name for fault in faults if _is_derived_stray(fault, evidence) and fault.name not in published_now
        ]
        strays = tuple(_move_aside(lake, name) for name in stray_names if (lake.root / name).is_file())
    months = sorted({fault.month for fault in faults if fault.month})
    published = (
        Published.of(publish_months(lake, months, force=True, only=DERIVED, run=start_run("repair")))
        if months
        else Published()
    )
    return RepairReport(saved, strays, published)


def _is_derived_stray(fault: IntegrityFault, evidence: Collection[str]) -> bool:
    return fault.kind == "stray" and Path(fault.name).parts[1] not in evidence


def _restore(writer: Writer, fault: IntegrityFault, entry: Entry, backup: Lake | None) -> RestoredFile:
    """Restore a file of evidence from the backup, or if that is incomplete, from its rows and the intact ones."""
    table, path = TABLES[fault.table], writer.lake.root / fault.name
    backup_rows = _backup_rows(backup, fault) if backup else None
    known = _known_captures(writer, fault.month) if table is HUB_REPLIES else None
    is_other_lake = backup_rows is not None and (
        backup_rows.height > entry.rows or not _has_known_captures(backup_rows, known)
    )
    if backup_rows is not None and backup_rows.height == entry.rows and not is_other_lake:
        writer.commit(writer.stage(fault.month, {table: backup_rows}), thorough=True)
        return RestoredFile(fault.name, is_from_backup=True, rows=entry.rows, of=entry.rows)
    damaged = path if path.is_file() else _last_set_aside(writer.lake, fault.name)
    rows = intact_rows(damaged, table, fault.month, entry.rows) if damaged else empty_table(table)
    if known is not None:
        # The dates of rows may be damaged too, and no hash covers them: accept only known captures.
        rows = rows.join(known, on=_CAPTURE, how="semi", maintain_order="left")
    if backup_rows is not None and not is_other_lake:
        both = (
            pl.concat([backup_rows, rows]).unique(subset=table.key, keep="first", maintain_order=True).sort(table.sort)
        )
        is_other_lake = both.height > entry.rows
        rows = rows if is_other_lake else both
    lost = known.join(rows, on=_CAPTURE, how="anti") if known is not None else empty_table(HUB_REPLIES)
    staged = writer.stage(fault.month, {table: rows})
    kept_at = _copy_aside(writer.lake, fault.name) if path.is_file() else ""
    writer.commit(staged, thorough=True)
    return RestoredFile(
        fault.name,
        is_from_backup=False,
        rows=rows.height,
        of=entry.rows,
        lost_dates=tuple(str(day) for day in lost["requested_on"].unique().sort()),
        kept_at=kept_at,
        has_strange_backup=is_other_lake,
    )


def _has_known_captures(rows: pl.DataFrame, known: pl.DataFrame | None) -> bool:
    """Whether the lake knows every capture in a backup's rows; True if its captures are unknown."""
    return known is None or rows.join(known, on=_CAPTURE, how="anti").is_empty()


def _backup_rows(backup: Lake, fault: IntegrityFault) -> pl.DataFrame | None:
    """The backup's rows of a damaged file; None if its copy is missing or damaged."""
    path, entry = backup.root / fault.name, load(backup.manifest).files.get(fault.name)
    if entry is None or not path.is_file() or sha256(path) != entry.sha256:
        return None
    return parquet.read(path, TABLES[fault.table])


def _known_captures(writer: Writer, month: str) -> pl.DataFrame | None:
    """The captures in the derived table, with the column names of `hub_replies`; None if that table is damaged."""
    entry, path = writer.manifest.entry(CAPTURES.name, month), writer.lake.part(CAPTURES.name, month)
    if entry is None or not path.is_file() or sha256(path) != entry.sha256:
        return None
    known = parquet.read(path, CAPTURES, ["listed_on", "captured_at"])
    return known.select(requested_on="listed_on", capture_started_at="captured_at")


def _flat_name(name: str) -> str:
    return name.removeprefix("tables/").replace("/", "-")


def _unused_path(lake: Lake, name: str) -> Path:
    """An unused path in `quality/set-aside`."""
    make_folder(lake.quality)
    make_folder(lake.set_aside)
    return lake.set_aside / f"{uuid.uuid4().hex[:8]}-{_flat_name(name)}"


def _move_aside(lake: Lake, name: str) -> str:
    final = _unused_path(lake, name)
    replace(lake.root / name, final)
    return final.relative_to(lake.root).as_posix()


def _copy_aside(lake: Lake, name: str) -> str:
    """Copy a file to `quality/set-aside`. The file itself stays until a restored one replaces it."""
    final = _unused_path(lake, name)
    shutil.copyfile(lake.root / name, final)
    flush(final)
    flush(final.parent)
    return final.relative_to(lake.root).as_posix()


def _last_set_aside(lake: Lake, name: str) -> Path | None:
    """The newest copy of that file in `quality/set-aside`, from a repair that was interrupted."""
    paths = sorted(lake.set_aside.glob(f"*-{_flat_name(name)}"), key=lambda path: path.stat().st_mtime)
    return paths[-1] if paths else None
