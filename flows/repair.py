"""Bringing back what is damaged: from a backup, from what can still be read of it, or by building it again."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows.build import Published, publish_months
from flows.recipes import DERIVED
from schemas.captures import CAPTURES
from schemas.catalogue import TABLES
from schemas.hub_replies import HUB_REPLIES
from store import parquet
from store.files import flush, make_folder, replace, sha256
from store.lake import Lake
from store.publish import Staged, Writer, writer
from store.salvage import sound_rows
from store.verify import Fault
from transforms.conform import none

_NOT_DAMAGE = ("schema", "stray", "waiting")


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a damaged file of evidence: `rows` of the `of` that it held are there again.

    `lost_dates` are those that lost an answer, as far as the derived tables knew; the damaged file lies at `kept_at`.
    """

    name: str
    is_from_backup: bool
    rows: int
    of: int
    lost_dates: tuple[str, ...] = ()
    kept_at: str = ""

    def __str__(self) -> str:
        """The outcome in a line."""
        if self.is_from_backup:
            return f"{self.name}: brought back from the backup"
        dates = f"; answers were lost of {', '.join(self.lost_dates)}" if self.lost_dates else ""
        where = f"; the damaged file lies in {self.kept_at}" if self.kept_at else ""
        return f"{self.name}: {self.rows} of {self.of} rows saved{dates}{where}"


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did: evidence saved, files set aside, and months published."""

    saved: tuple[Saved, ...]
    set_aside: tuple[str, ...]
    published: tuple[Published, ...]


def repair(lake: Lake, faults: Sequence[Fault], backup: Lake | None = None) -> Repaired:
    """Mend what `faults` tell of. Evidence first, from `backup` where that has it; then all that is built from it.

    Nothing is deleted: damaged evidence and stray files of derived tables move into `quality/set-aside`. Stray files
    of evidence stay: nobody but a person can tell whether they are wanted.
    """
    kept = {table.name for table in TABLES.values() if table.is_kept}
    damaged = {fault.name: fault for fault in faults if fault.table in kept and fault.kind not in _NOT_DAMAGE}
    with writer(lake) as pen:
        saved = tuple(_saved(pen, fault, backup) for fault in damaged.values())
        strays = tuple(_set_aside(lake, fault.name) for fault in faults if _is_derived_stray(fault, kept))
    months = sorted({fault.month for fault in faults if fault.month})
    published = tuple(publish_months(lake, months, force=True, only=DERIVED)) if months else ()
    return Repaired(saved, strays, published)


def _is_derived_stray(fault: Fault, kept: Collection[str]) -> bool:
    return fault.kind == "stray" and Path(fault.name).parts[1] not in kept


def _saved(pen: Writer, fault: Fault, backup: Lake | None) -> Saved:
    """Bring a file of evidence back, whole from the backup, or as much of it as is sound."""
    table, entry = TABLES[fault.table], pen.manifest.files[fault.name]
    copy = backup.root / fault.name if backup else None
    if copy is not None and copy.is_file() and sha256(copy) == entry.sha256:
        folder = pen.lake.staged / uuid.uuid4().hex
        make_folder(folder)
        coming = folder / copy.name
        shutil.copyfile(copy, coming)
        flush(coming)
        pen.commit(Staged(folder, {fault.name: coming}, {fault.name: entry}), thorough=True)
        return Saved(fault.name, is_from_backup=True, rows=entry.rows, of=entry.rows)
    path = pen.lake.root / fault.name
    rows = sound_rows(path, table, fault.month, entry.rows) if path.is_file() else none(table)
    known = _known_captures(pen, fault.month) if table is HUB_REPLIES else None
    lost: tuple[str, ...] = ()
    if known is not None:
        capture = {"listed_on": "requested_on", "captured_at": "capture_started_at"}
        # A date may be damaged too, and has no hash of its own: only captures that were known are believed.
        rows = rows.join(known.rename(capture), on=list(capture.values()), how="semi", maintain_order="left")
        gone = known.rename(capture).join(rows, on=list(capture.values()), how="anti")
        lost = tuple(str(day) for day in gone["requested_on"].unique().sort())
    kept_at = _set_aside(pen.lake, fault.name) if path.is_file() else ""
    pen.commit(pen.stage(fault.month, {table: rows}), thorough=True)
    return Saved(fault.name, is_from_backup=False, rows=rows.height, of=entry.rows, lost_dates=lost, kept_at=kept_at)


def _known_captures(pen: Writer, month: str) -> pl.DataFrame | None:
    """The captures (listed_on, captured_at) of the Hub that the derived table tells of, if that is sound."""
    entry, path = pen.manifest.entry(CAPTURES.name, month), pen.lake.part(CAPTURES.name, month)
    if entry is None or not path.is_file() or sha256(path) != entry.sha256:
        return None
    return parquet.read(path, CAPTURES, ["listed_on", "captured_at"])


def _set_aside(lake: Lake, name: str) -> str:
    """Move a file out of the tables, under a name that nothing has; gives that name."""
    flat = name.removeprefix("tables/").replace("/", "-")
    final = lake.set_aside / f"{uuid.uuid4().hex[:8]}-{flat}"
    make_folder(final.parent)
    replace(lake.root / name, final)
    return final.relative_to(lake.root).as_posix()
