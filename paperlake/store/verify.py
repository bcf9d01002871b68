"""Verify all published files: checksums, schema, order, keys, references between tables, and unlisted files."""

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
from paperlake.store.lake import Lake, part_name
from paperlake.store.manifest import Entry, windowed_inputs
from paperlake.store.publish import is_being_written
from paperlake.store.routes import FooterUnreadable, digests_of_file, routed_inputs
from paperlake.store.snapshot import Snapshot, snapshot
from paperlake.text import plural
from schemas.calendar import MONTH_FORMAT
from schemas.catalogue import TABLES
from schemas.table import References, RoutedInputs, Table

FaultKind = Literal[
    "missing", "damaged", "rows", "schema", "order", "key", "evidence", "outdated", "stray", "unreadable", "waiting"
]
_Finding = tuple[FaultKind, str]
"""The kind and the message of a fault."""
_NOT_REBUILT = ("outdated", "missing")
_TRIES = 100
_PAUSE_S = 0.05
_BODY, _BODY_HASH = "body", "body_sha256"


@dataclass(frozen=True, slots=True)
class IntegrityFault:
    """A fault of one file. `name` is relative to the root. `table` and `month` are empty for an unlisted file."""

    name: str
    kind: FaultKind
    message: str
    table: str = ""
    month: str = ""

    def __str__(self) -> str:
        """The fault on one line."""
        return f"{self.name}: {self.message}"


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """The totals of all verified files, and their faults."""

    files: int
    rows: int
    bytes: int
    faults: tuple[IntegrityFault, ...]


def verify(lake: Lake, tick: Callable[[], None] = lambda: None) -> VerifyResult:
    """Verify every published file, the references between tables, unlisted files and the inbox. Changes nothing.

    A concurrent publish does not cause faults: months that it changes are verified again. `tick` is called for each
    month. Raises ManifestUnreadable.
    """
    months = published_months(snapshot(lake))
    files = rows = size = 0
    faults: list[IntegrityFault] = []
    for month in months:
        state, month_faults = _verify_month(lake, month)
        for entry in _entries(state, month).values():
            files, rows, size = files + 1, rows + entry.rows, size + entry.bytes
        faults += month_faults
        tick()
    return VerifyResult(files, rows, size, (*faults, *_unlisted_files(lake), *_unreadable_inbox_files(lake)))


def published_months(state: Snapshot) -> list[str]:
    """The months of all tables, oldest first."""
    return sorted({month for table in TABLES for month in state.manifest.months(table)})


def body_hashes_match(rows: pl.DataFrame) -> list[bool]:
    """For each row, whether its body matches its own SHA-256; empty if the rows have no bodies."""
    if _BODY not in rows.columns:
        return []
    bodies = rows.select(_BODY, _BODY_HASH).iter_rows()
    return [body is not None and hash_of(body).hexdigest() == expected for body, expected in bodies]


def _verify_month(lake: Lake, month: str) -> tuple[Snapshot, list[IntegrityFault]]:
    """The faults of a month in a snapshot that no publish changed during the verification."""
    state = snapshot(lake)
    faults = list(_month_faults(state, month))
    for _ in range(_TRIES):
        # An incomplete publish moves files from the staging folder to their place, even within one state.
        is_stable = state.is_current() and not state.pending and not snapshot(lake).pending
        # Between two publishes of one run, tables built from other tables are not yet rebuilt.
        is_being_rebuilt = all(fault.kind in _NOT_REBUILT for fault in faults) and is_being_written(lake)
        if not faults or (is_stable and not is_being_rebuilt):
            break
        time.sleep(_PAUSE_S)
        state = snapshot(lake)
        faults = list(_month_faults(state, month))
    return state, faults


def _entries(state: Snapshot, month: str) -> Mapping[Table, Entry]:
    entries = {table: state.manifest.entry(table.name, month) for table in TABLES.values()}
    return {table: entry for table, entry in entries.items() if entry}


def _month_faults(state: Snapshot, month: str) -> Iterator[IntegrityFault]:
    """The faults of each file of a month, then of tables that are missing, then of references between tables."""
    entries = _entries(state, month)
    valid_rows: dict[Table, pl.DataFrame] = {}
    for table, entry in entries.items():
        path = state.path(table.name, month)
        try:
            finding = _file_fault(path, entry) or _content_fault(path, table, entry)
            if finding is None:
                valid_rows[table] = parquet.read(path, table, _checked_columns(table))
                finding = _rows_fault(valid_rows[table], month, table) or _outdated(state, table, month, entry)
        except OSError as error:
            valid_rows.pop(table, None)
            finding = "unreadable", f"cannot be read ({error})"
        if finding:
            yield _fault(table, month, finding)
    for table in TABLES.values():
        published = [name for name in _required_inputs(table) if state.manifest.entry(name, month)]
        if table not in entries and published:
            yield _fault(table, month, ("missing", f"was never built, though {published[0]} was"))
    yield from _reference_faults(state, valid_rows, month)


def _required_inputs(table: Table) -> tuple[str, ...]:
    """The tables of which any makes a build of `table` necessary in the same month."""
    if table.windowed_inputs:
        return table.windowed_inputs.tables[:1]
    return table.routed_inputs.same_month if table.routed_inputs else ()


def _reference_faults(
    state: Snapshot, valid_rows: Mapping[Table, pl.DataFrame], month: str
) -> Iterator[IntegrityFault]:
    """Rows that lack a row they reference. Only files without a fault of their own are compared."""
    for table, rows in valid_rows.items():
        for references in table.references:
            referenced = _referenced_rows(state, valid_rows, table, references, month)
            if referenced is None:
                continue  # the referenced file has a fault of its own already
            count = _dangling_count(rows, referenced, references)
            if count:
                columns = ", ".join(references.columns)
                message = f"{plural(count, 'row')} without the referenced row in {references.table} ({columns})"
                yield _fault(table, month, ("evidence", message))


def _fault(table: Table, month: str, finding: _Finding) -> IntegrityFault:
    return IntegrityFault(part_name(table.name, month), *finding, table.name, month)


def _file_fault(path: Path, entry: Entry) -> _Finding | None:
    """Check that the file exists with the size and the SHA-256 of its entry."""
    if not path.is_file():
        return "missing", "the file is missing"
    size = path.stat().st_size
    if size != entry.bytes:
        return "damaged", f"has {plural(size, 'byte')}, the manifest says {entry.bytes}"
    if sha256(path) != entry.sha256:
        return "damaged", "its SHA-256 differs from the manifest's: at least one bit is wrong"
    return None


def _content_fault(path: Path, table: Table, entry: Entry) -> _Finding | None:
    """Check the schema and the number of rows."""
    try:
        footer = pq.read_metadata(path)
        schema = footer.schema.to_arrow_schema()
    except (pa.ArrowException, OSError) as error:
        return "unreadable", f"is not Parquet ({error})"
    if not schema.equals(table.arrow()):
        return "schema", f"was written as version {entry.schema_version} of the table, this is {table.version}"
    if footer.num_rows != entry.rows:
        return "rows", f"has {plural(footer.num_rows, 'row')}, the manifest says {entry.rows}"
    return None


def _checked_columns(table: Table) -> list[str]:
    """The columns needed to check dates, order, keys, body hashes and references in both directions."""
    outgoing = [name for references in table.references for name in (*references.columns, *(references.only or ())[:1])]
    incoming = [
        name
        for other in TABLES.values()
        for references in other.references
        if references.table == table.name
        for name in references.on
    ]
    bodies = [name for name in (_BODY, _BODY_HASH) if name in table.arrow().names]
    return list(dict.fromkeys([table.dated_by, *table.sort, *outgoing, *incoming, *bodies]))


def _rows_fault(rows: pl.DataFrame, month: str, table: Table) -> _Finding | None:
    """Check the rows of one file by themselves."""
    is_other_month = rows.select(pl.col(table.dated_by).dt.strftime(MONTH_FORMAT) != month).to_series()
    if is_other_month.any():
        return "rows", f"{plural(int(is_other_month.sum()), 'row')} of another month"
    if not rows.select(table.sort).equals(rows.select(table.sort).sort(table.sort)):
        return "order", f"is not sorted by {', '.join(table.sort)}"
    duplicates = rows.height - rows.select(table.key).n_unique()
    if duplicates:
        return "key", f"has {plural(duplicates, 'row')} with a duplicate key ({', '.join(table.key)})"
    if wrong := body_hashes_match(rows).count(False):
        return "evidence", f"{plural(wrong, 'answer')} with another SHA-256 than their row says"
    return None


def _outdated(state: Snapshot, table: Table, month: str, entry: Entry) -> _Finding | None:
    """Check that the file was built from the inputs that are published now, and from all of them."""
    published = state.manifest.files
    inputs = {name: published[name].sha256 for name in entry.inputs if name in published}
    if table.windowed_inputs:
        inputs |= windowed_inputs(state.manifest, table.windowed_inputs, month)
    if table.routed_inputs:
        inputs |= _expected_routed_inputs(state, table.routed_inputs, month, entry)
    differing = [name for name in {**entry.inputs, **inputs} if inputs.get(name) != entry.inputs.get(name)]
    if not differing:
        return None
    return "outdated", f"was built from another version of {differing[0]} than the published one"


def _expected_routed_inputs(state: Snapshot, routed: RoutedInputs, month: str, entry: Entry) -> dict[str, str]:
    """The inputs that a month of a routed table should have been built from.

    A damaged input file is a fault of its own. Its digest for the month is then assumed to be unchanged.
    """
    digests: dict[str, Mapping[str, str]] = {}
    names = [part_name(table, of_month) for table in routed.routed for of_month in state.manifest.months(table)]
    for name in names:
        path, published, input_name = state.lake.root / name, state.manifest.files[name], f"{name}#{month}"
        try:
            digests[name] = digests_of_file(path, published.sha256)
        except FooterUnreadable:
            digests[name] = {}
        is_unchanged = digests[name].get(month) == entry.inputs.get(input_name)
        if not is_unchanged and _file_fault(path, published):
            digests[name] = {month: entry.inputs[input_name]} if input_name in entry.inputs else {}
    return routed_inputs(state.manifest, routed, digests, month)


def _referenced_rows(
    state: Snapshot, valid_rows: Mapping[Table, pl.DataFrame], table: Table, references: References, month: str
) -> pl.DataFrame | None:
    """The rows that rows of `table` may reference; None if one of their files has a fault."""
    other = TABLES[references.table]
    frames = [pl.DataFrame(schema=pl.Schema(other.arrow())).select(references.on)]
    for other_month in table.windowed_inputs.months(month) if table.windowed_inputs else (month,):
        entry = state.manifest.entry(other.name, other_month)
        if entry is None:
            continue
        path = state.path(other.name, other_month)
        if other_month == month and other in valid_rows:
            frames.append(valid_rows[other].select(references.on))
        elif other_month == month or _file_fault(path, entry) or _content_fault(path, other, entry):
            return None
        else:
            frames.append(parquet.read(path, other, list(references.on)))
    return pl.concat(frames)


def _dangling_count(rows: pl.DataFrame, referenced: pl.DataFrame, references: References) -> int:
    """The number of rows without a referenced row."""
    if references.only:
        rows = rows.filter(pl.col(references.only[0]) == references.only[1])
    return rows.join(referenced, left_on=references.columns, right_on=references.on, how="anti").height


def _unlisted_files(lake: Lake) -> Iterator[IntegrityFault]:
    """Files in the table folders that the manifest does not list. Readers that glob these folders read them."""
    paths = [path for path in sorted(lake.tables.rglob("*")) if path.is_file()]
    state = snapshot(lake)
    for path in paths:
        name = _relative(path, lake)
        if name not in state.manifest.files and path.exists():
            yield IntegrityFault(name, "stray", "the manifest does not list it; readers that glob see its rows")


def _unreadable_inbox_files(lake: Lake) -> Iterator[IntegrityFault]:
    for table in TABLES.values():
        for month in inbox.waiting_months(lake, table):
            for path in inbox.waiting(lake, table, month).unreadable:
                message = "is in the inbox and cannot be read"
                yield IntegrityFault(_relative(path, lake), "waiting", message, table.name, month)


def _relative(path: Path, lake: Lake) -> str:
    return path.relative_to(lake.root).as_posix()
