"""Looking at all that is published: whether it is what was published, holds together, and is all there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256 as hash_of
from pathlib import Path
from typing import Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from paperlake.store import inbox, parquet
from paperlake.store.files import sha256
from paperlake.store.lake import MONTH_FORM, Lake, part_name
from paperlake.store.manifest import Entry, published_inputs
from paperlake.store.publish import is_being_written
from paperlake.store.routes import FooterUnreadable, digests_of_file, routed_inputs
from paperlake.store.snapshot import Snapshot, snapshot
from schemas.catalogue import TABLES
from schemas.table import References, RoutedInputs, Table

Kind = Literal[
    "missing", "damaged", "rows", "schema", "order", "key", "evidence", "outdated", "stray", "unreadable", "waiting"
]
_BEHIND = ("outdated", "missing")
_TRIES = 100
_PAUSE_S = 0.05
_BODY, _BODY_HASH = "body", "body_sha256"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with one file, named relative to the root. `table` and `month` are empty for a stray."""

    name: str
    kind: Kind
    message: str
    table: str = ""
    month: str = ""

    def __str__(self) -> str:
        """The fault in a line."""
        return f"{self.name}: {self.message}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what is wrong."""

    files: int
    rows: int
    bytes: int
    faults: tuple[Fault, ...]


def verify(lake: Lake, tick: Callable[[], None] = lambda: None) -> Verified:
    """Look at every published file, at what its rows rest on, at strays, and at what waits. Changes nothing.

    A publish at the same time is no fault: what it changes is looked at again. `tick` is called for each month.
    Raises ManifestUnreadable.
    """
    months = published_months(snapshot(lake))
    files = rows = size = 0
    faults: list[Fault] = []
    for month in months:
        seen = snapshot(lake)
        found = list(_month_faults(seen, month))
        for _ in range(_TRIES):
            # Files of a publish under way move while one looks: from aside to their place, even within one state.
            is_settled = seen.still_holds() and not seen.staged and not snapshot(lake).staged
            # Between two publishes of one run, what is built from other tables is behind them.
            is_behind = all(fault.kind in _BEHIND for fault in found) and is_being_written(lake)
            if not found or (is_settled and not is_behind):
                break
            time.sleep(_PAUSE_S)
            seen = snapshot(lake)
            found = list(_month_faults(seen, month))
        for entry in _entries(seen, month).values():
            files, rows, size = files + 1, rows + entry.rows, size + entry.bytes
        faults += found
        tick()
    return Verified(files, rows, size, (*faults, *_strays(lake), *_waiting(lake)))


def published_months(seen: Snapshot) -> list[str]:
    """Every month that anything is published of, oldest first."""
    return sorted({month for table in TABLES for month in seen.manifest.months(table)})


def _entries(seen: Snapshot, month: str) -> Mapping[Table, Entry]:
    published = {table: seen.manifest.entry(table.name, month) for table in TABLES.values()}
    return {table: entry for table, entry in published.items() if entry}


def _month_faults(seen: Snapshot, month: str) -> Iterator[Fault]:
    """What is wrong with the files of a month, each by itself and then among each other."""
    entries = _entries(seen, month)
    sound: dict[Table, pl.DataFrame] = {}
    for table, entry in entries.items():
        path = seen.path(table.name, month)
        try:
            wrong = _file_fault(path, entry) or _content_fault(path, table, entry)
            if wrong is None:
                sound[table] = parquet.read(path, table, _names_looked_at(table))
                wrong = _rows_fault(sound[table], month, table) or _outdated(seen, table, month, entry)
        except OSError as error:
            sound.pop(table, None)
            wrong = "unreadable", f"cannot be read ({error})"
        if wrong:
            yield _fault(table, month, wrong)
    for table in TABLES.values():
        reads = (
            table.windowed_inputs.tables[:1]
            if table.windowed_inputs
            else table.routed_inputs.same_month
            if table.routed_inputs
            else ()
        )
        if table not in entries and (there := [name for name in reads if seen.manifest.entry(name, month)]):
            yield _fault(table, month, ("missing", f"was never built, though {there[0]} was"))
    yield from _unfounded_rows(seen, sound, month)


def _unfounded_rows(seen: Snapshot, sound: Mapping[Table, pl.DataFrame], month: str) -> Iterator[Fault]:
    """What does not rest on what its table declares, of the rows of files that are `sound` in themselves."""
    for table, rows in sound.items():
        for rests in table.references:
            others = _rested_on(seen, sound, table, rests, month)
            if others is None:
                continue  # what it rests on is a fault of its own already
            lost = _unfounded(rows, others, rests)
            if lost:
                what = f"{lost} rows have nothing in {rests.table} that they rest on ({', '.join(rests.columns)})"
                yield _fault(table, month, ("evidence", what))


def _fault(table: Table, month: str, wrong: tuple[Kind, str]) -> Fault:
    return Fault(part_name(table.name, month), *wrong, table.name, month)


def _file_fault(path: Path, entry: Entry) -> tuple[Kind, str] | None:
    """Whether the file is there, byte for byte."""
    if not path.is_file():
        return "missing", "the file is missing"
    size = path.stat().st_size
    if size != entry.bytes:
        return "damaged", f"holds {size} bytes, the manifest says {entry.bytes}"
    if sha256(path) != entry.sha256:
        return "damaged", "its SHA-256 is not the manifest's: at least one bit is wrong"
    return None


def _content_fault(path: Path, table: Table, entry: Entry) -> tuple[Kind, str] | None:
    """Whether what was published is what the table declares."""
    try:
        footer = pq.read_metadata(path)
        schema = footer.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as error:
        return "unreadable", f"is not Parquet ({error})"
    if not schema.equals(table.arrow()):
        return "schema", f"was written as version {entry.schema_version} of the table, this is {table.version}"
    if footer.num_rows != entry.rows:
        return "rows", f"holds {footer.num_rows} rows, the manifest says {entry.rows}"
    return None


def _names_looked_at(table: Table) -> list[str]:
    """The columns that order, key, hashes and references are about."""
    resting = [name for rests in table.references for name in (*rests.columns, *(rests.only or ())[:1])]
    others = [rests for one in TABLES.values() for rests in one.references if rests.table == table.name]
    rested_on = [name for rests in others for name in rests.on]
    bodies = [name for name in (_BODY, _BODY_HASH) if name in table.arrow().names]
    return list(dict.fromkeys([table.dated_by, *table.sort, *resting, *rested_on, *bodies]))


def _rows_fault(rows: pl.DataFrame, month: str, table: Table) -> tuple[Kind, str] | None:
    at = rows.select(pl.col(table.dated_by).dt.strftime(MONTH_FORM) != month).to_series()
    if at.any():
        return "rows", f"{at.sum()} rows belong to another month"
    if not rows.select(table.sort).equals(rows.select(table.sort).sort(table.sort)):
        return "order", f"is not sorted by {', '.join(table.sort)}"
    copies = rows.height - rows.select(table.key).n_unique()
    if copies:
        return "key", f"holds {copies} rows whose key ({', '.join(table.key)}) another has, too"
    if wrong := _wrong_bodies(rows):
        return "evidence", f"{wrong} answers are not what their own SHA-256 says"
    return None


def _wrong_bodies(rows: pl.DataFrame) -> int:
    return sum(not is_right for is_right in hashes_hold(rows))


def hashes_hold(rows: pl.DataFrame) -> list[bool]:
    """Of each row that keeps a body, whether that is what its own SHA-256 says; empty where rows keep none."""
    if _BODY not in rows.columns:
        return []
    kept = rows.select(_BODY, _BODY_HASH).iter_rows()
    return [body is not None and hash_of(body).hexdigest() == told for body, told in kept]


def _outdated(seen: Snapshot, table: Table, month: str, entry: Entry) -> tuple[Kind, str] | None:
    """Whether the file was built from what is published of its inputs, and from all of them."""
    published = seen.manifest.files
    now = {name: published[name].sha256 for name in entry.inputs if name in published}
    now |= published_inputs(seen.manifest, table.windowed_inputs, month) if table.windowed_inputs else {}
    now |= _gathered(seen, table.routed_inputs, month, entry) if table.routed_inputs else {}
    differing = [name for name in {**entry.inputs, **now} if now.get(name) != entry.inputs.get(name)]
    if not differing:
        return None
    return "outdated", f"was built from another {differing[0]} than the one that is published"


def _gathered(seen: Snapshot, gathers: RoutedInputs, month: str, entry: Entry) -> dict[str, str]:
    """What a month of a table that is gathered should have been built from.

    A damaged file is a fault of its own: what it holds for the month is believed to be what it was.
    """
    held: dict[str, Mapping[str, str]] = {}
    for name in (part_name(table, one) for table in gathers.routed for one in seen.manifest.months(table)):
        told = f"{name}#{month}"
        try:
            held[name] = digests_of_file(seen.lake.root / name, seen.manifest.files[name].sha256)
        except FooterUnreadable:
            held[name] = {}
        is_told = held[name].get(month) == entry.inputs.get(told)
        if not is_told and _file_fault(seen.lake.root / name, seen.manifest.files[name]):
            held[name] = {month: entry.inputs[told]} if told in entry.inputs else {}
    return routed_inputs(seen.manifest, gathers, held, month)


def _rested_on(
    seen: Snapshot, sound: Mapping[Table, pl.DataFrame], table: Table, rests: References, month: str
) -> pl.DataFrame | None:
    """The rows that those of a table may rest on; None where a file of them is damaged."""
    other = TABLES[rests.table]
    found = [pl.DataFrame(schema=pl.Schema(other.arrow())).select(rests.on)]
    for one in table.windowed_inputs.months(month) if table.windowed_inputs else (month,):
        entry = seen.manifest.entry(other.name, one)
        if entry is None:
            continue
        path = seen.path(other.name, one)
        if one == month and other in sound:
            found.append(sound[other].select(rests.on))
        elif one == month or _file_fault(path, entry) or _content_fault(path, other, entry):
            return None
        else:
            found.append(parquet.read(path, other, list(rests.on)))
    return pl.concat(found)


def _unfounded(rows: pl.DataFrame, others: pl.DataFrame, rests: References) -> int:
    """How many rows have no row among `others` that they rest on."""
    resting = rows.filter(pl.col(rests.only[0]) == rests.only[1]) if rests.only else rows
    return resting.join(others, left_on=rests.columns, right_on=rests.on, how="anti").height


def _strays(lake: Lake) -> Iterator[Fault]:
    """Files among the tables that nothing published; whoever globs the folders reads them."""
    there = [path for path in sorted(lake.tables.rglob("*")) if path.is_file()]
    seen = snapshot(lake)
    for path in there:
        name = _relative(path, lake)
        if name not in seen.manifest.files and path.exists():
            yield Fault(name, "stray", "the manifest does not know it; readers that glob see its rows")


def _waiting(lake: Lake) -> Iterator[Fault]:
    """Files of the inbox that are not what was kept."""
    for table in TABLES.values():
        for month in inbox.waiting_months(lake, table):
            for path in inbox.waiting(lake, table, month).unreadable:
                name, what = _relative(path, lake), "waits in the inbox and cannot be read"
                yield Fault(name, "waiting", what, table.name, month)


def _relative(path: Path, lake: Lake) -> str:
    return path.relative_to(lake.root).as_posix()
