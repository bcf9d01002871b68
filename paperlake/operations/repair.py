"""Bringing back what is damaged: from a backup, from what can still be read of it, or by building it again."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from paperlake.build.publish import Published, publish_months
from paperlake.quality.validation_log import this_run
from paperlake.store import parquet
from paperlake.store.files import flush, make_folder, replace, sha256
from paperlake.store.lake import Lake
from paperlake.store.manifest import Entry, load
from paperlake.store.publish import Writer, open_writer
from paperlake.store.salvage import sound_rows
from paperlake.store.verify import Fault
from paperlake.text import many
from schemas.captures import CAPTURES
from schemas.catalogue import TABLES
from schemas.hub_replies import HUB_REPLIES
from transforms.conform import none
from transforms.graph import DERIVED

_NOT_DAMAGE = ("schema", "stray", "waiting")
_CONTENT = ("rows", "order", "key", "evidence")
"""Faults of what was published: the file is just that, and wrong."""
_CAPTURE = ["requested_on", "capture_started_at"]


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a damaged file of evidence: `rows` of the `of` that it held are there again.

    `lost_dates` are those that lost an answer, as far as the derived tables knew; the damaged file lies at `kept_at`.
    `has_strange_backup`: the backup holds answers that the lake never had, so nothing of it was taken.
    """

    name: str
    is_from_backup: bool
    rows: int
    of: int
    lost_dates: tuple[str, ...] = ()
    kept_at: str = ""
    has_strange_backup: bool = False

    def __str__(self) -> str:
        """The outcome in a line."""
        if self.is_from_backup:
            return f"{self.name}: brought back from the backup"
        dates = f"; answers were lost of {', '.join(self.lost_dates)}" if self.lost_dates else ""
        where = f"; the damaged file lies in {self.kept_at}" if self.kept_at else ""
        strange = (
            "; the backup is that of another lake, and nothing was taken from it" if self.has_strange_backup else ""
        )
        return f"{self.name}: {self.rows} of {many(self.of, 'row')} saved{dates}{where}{strange}"


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did: evidence saved, files set aside, and months published."""

    saved: tuple[Saved, ...]
    set_aside: tuple[str, ...]
    published: tuple[Published, ...]


def repair(lake: Lake, faults: Sequence[Fault], backup: Lake | None = None) -> Repaired:
    """Mend what `faults` tell of. Evidence first, from `backup` as far as that has it; then all that is built from it.

    Nothing is deleted: damaged evidence and stray files of derived tables go to `quality/set-aside`. Stray files of
    evidence stay: nobody but a person can tell whether they are wanted.
    """
    kept = {table.name for table in TABLES.values() if table.is_evidence}
    damaged = {fault.name: fault for fault in faults if fault.table in kept and fault.kind not in _NOT_DAMAGE}
    with open_writer(lake) as pen:
        # Time has passed since the faults were found: what is whole again, or published by now, is left alone.
        entries = {name: entry for name in damaged if (entry := pen.manifest.files.get(name))}
        saved = tuple(
            _saved(pen, damaged[name], entry, backup)
            for name, entry in entries.items()
            if damaged[name].kind in _CONTENT or not pen.is_in_place(name, entry, thorough=True)
        )
        published_now = pen.manifest.files
        loose = [fault.name for fault in faults if _is_derived_stray(fault, kept) and fault.name not in published_now]
        strays = tuple(_moved_aside(lake, name) for name in loose if (lake.root / name).is_file())
    months = sorted({fault.month for fault in faults if fault.month})
    published = tuple(publish_months(lake, months, force=True, only=DERIVED, run=this_run("repair"))) if months else ()
    return Repaired(saved, strays, published)


def _is_derived_stray(fault: Fault, kept: Collection[str]) -> bool:
    return fault.kind == "stray" and Path(fault.name).parts[1] not in kept


def _saved(pen: Writer, fault: Fault, entry: Entry, backup: Lake | None) -> Saved:
    """Bring a file of evidence back: from the backup, and with what is sound of it where that does not have it all."""
    table, path = TABLES[fault.table], pen.lake.root / fault.name
    spare = _backed_up(backup, fault) if backup else None
    known = _known_captures(pen, fault.month) if table is HUB_REPLIES else None
    is_strange = spare is not None and (spare.height > entry.rows or not _is_known(spare, known))
    if spare is not None and spare.height == entry.rows and not is_strange:
        pen.commit(pen.stage(fault.month, {table: spare}), thorough=True)
        return Saved(fault.name, is_from_backup=True, rows=entry.rows, of=entry.rows)
    left = path if path.is_file() else _set_aside_before(pen.lake, fault.name)
    rows = sound_rows(left, table, fault.month, entry.rows) if left else none(table)
    if known is not None:
        # A date may be damaged too, and has no hash of its own: only captures that were known are believed.
        rows = rows.join(known, on=_CAPTURE, how="semi", maintain_order="left")
    if spare is not None and not is_strange:
        both = pl.concat([spare, rows]).unique(subset=table.key, keep="first", maintain_order=True).sort(table.sort)
        is_strange = both.height > entry.rows
        rows = rows if is_strange else both
    gone = known.join(rows, on=_CAPTURE, how="anti") if known is not None else none(HUB_REPLIES)
    staged = pen.stage(fault.month, {table: rows})
    kept_at = _copied_aside(pen.lake, fault.name) if path.is_file() else ""
    pen.commit(staged, thorough=True)
    return Saved(
        fault.name,
        is_from_backup=False,
        rows=rows.height,
        of=entry.rows,
        lost_dates=tuple(str(day) for day in gone["requested_on"].unique().sort()),
        kept_at=kept_at,
        has_strange_backup=is_strange,
    )


def _is_known(spare: pl.DataFrame, known: pl.DataFrame | None) -> bool:
    """Whether the lake knows of every capture in a backup's rows, as far as that can be told."""
    return known is None or spare.join(known, on=_CAPTURE, how="anti").is_empty()


def _backed_up(backup: Lake, fault: Fault) -> pl.DataFrame | None:
    """The rows that a backup has of a damaged file, if its copy is what it copied."""
    path, entry = backup.root / fault.name, load(backup.manifest).files.get(fault.name)
    if entry is None or not path.is_file() or sha256(path) != entry.sha256:
        return None
    return parquet.read(path, TABLES[fault.table])


def _known_captures(pen: Writer, month: str) -> pl.DataFrame | None:
    """The captures of the Hub that the derived table tells of, as `hub_replies` names them, if that table is sound."""
    entry, path = pen.manifest.entry(CAPTURES.name, month), pen.lake.part(CAPTURES.name, month)
    if entry is None or not path.is_file() or sha256(path) != entry.sha256:
        return None
    known = parquet.read(path, CAPTURES, ["listed_on", "captured_at"])
    return known.select(requested_on="listed_on", capture_started_at="captured_at")


def _flat(name: str) -> str:
    return name.removeprefix("tables/").replace("/", "-")


def _aside(lake: Lake, name: str) -> Path:
    """A name in `quality/set-aside` that nothing has."""
    make_folder(lake.quality)
    make_folder(lake.set_aside)
    return lake.set_aside / f"{uuid.uuid4().hex[:8]}-{_flat(name)}"


def _moved_aside(lake: Lake, name: str) -> str:
    final = _aside(lake, name)
    replace(lake.root / name, final)
    return final.relative_to(lake.root).as_posix()


def _copied_aside(lake: Lake, name: str) -> str:
    """Copied, for the file itself stays until its successor takes its place."""
    final = _aside(lake, name)
    shutil.copyfile(lake.root / name, final)
    flush(final)
    flush(final.parent)
    return final.relative_to(lake.root).as_posix()


def _set_aside_before(lake: Lake, name: str) -> Path | None:
    """The newest file of that name that was set aside, by a repair that did not come to its end."""
    found = sorted(lake.set_aside.glob(f"*-{_flat(name)}"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None
