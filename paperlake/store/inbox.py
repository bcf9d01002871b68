"""The inbox: rows of kept tables, each one flushed file, until the next publish folds them in.

A file is one line of JSON (the row without its bytes, and the bytes' length) and then the bytes, verbatim.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import polars as pl

from paperlake.store.files import flush, make_folder, replace, write_new
from paperlake.store.lake import MONTH_FORM, Lake
from schemas.table import Table

ARRIVING = "arriving-"
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")

Value = str | int | bool | date | datetime | bytes | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows waiting in the inbox, the files that hold them, and the files that cannot be read."""

    rows: pl.DataFrame
    files: tuple[Path, ...]
    unreadable: tuple[Path, ...]


def keep(lake: Lake, table: Table, row: Mapping[str, Value]) -> Path:
    """Keep one row on disk, flushed, before anything interprets it. Keeping it twice keeps it once."""
    lasting, day = _encode(table, row), row[table.dated_by]
    if not isinstance(day, date):
        raise TypeError(f"{table.name}.{table.dated_by} is {day!r}; a row is filed by a date")
    folder = lake.inbox / table.name / day.strftime(MONTH_FORM)
    final = folder / f"{day.isoformat()}-{_mark(lasting)}.row"
    if _holds(final, lasting):
        flush(folder)
        return final
    make_folder(folder)
    make_folder(lake.staged)
    arriving = lake.staged / f"{ARRIVING}{uuid.uuid4().hex}"
    write_new(arriving, lasting)
    replace(arriving, final)
    return final


def waiting_months(lake: Lake, table: Table) -> list[str]:
    """The months that have rows of `table` waiting, oldest first."""
    folder = lake.inbox / table.name
    months = [path for path in folder.iterdir() if _MONTH.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(month.name for month in months if any(month.glob("*.row")))


def waiting(lake: Lake, table: Table, month: str) -> Kept:
    """The rows of `table` that wait for `month`."""
    rows: list[dict[str, Value]] = []
    files: list[Path] = []
    unreadable: list[Path] = []
    for path in sorted((lake.inbox / table.name / month).glob("*.row")):
        data = path.read_bytes()
        row = _decode(table, data) if path.stem.endswith(_mark(data)) else None
        if row is None:
            unreadable.append(path)
        else:
            rows.append(row)
            files.append(path)
    return Kept(pl.DataFrame(rows, schema=pl.Schema(table.arrow()), orient="row"), tuple(files), tuple(unreadable))


def discard(files: Iterable[Path]) -> None:
    """Take files out of the inbox whose rows are published. One that is gone already is no fault."""
    folders = set()
    for path in files:
        path.unlink(missing_ok=True)
        folders.add(path.parent)
    for folder in folders:
        if folder.is_dir():
            flush(folder)


def _mark(data: bytes) -> str:
    """What the name of a file says of its content, all of it: a flipped bit is found."""
    return sha256(data).hexdigest()[:24]


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except FileNotFoundError:
        return False


def _encode(table: Table, row: Mapping[str, Value]) -> bytes:
    """One line of JSON, and the row's bytes if it has any."""
    names = [column.name for column in table.columns]
    if set(row) != set(names):
        raise ValueError(f"{table.name}: a row has the columns {', '.join(names)}, not {', '.join(row)}")
    bodies = {name: value for name in sorted(names) if isinstance(value := row[name], bytes)}
    said = {name: _said(row[name]) for name in names if name not in bodies}
    body = b"".join(bodies.values())
    head = {"row": said, "bytes": {name: len(value) for name, value in bodies.items()}}
    return json.dumps(head, ensure_ascii=False, sort_keys=True).encode() + b"\n" + body


def _said(value: Value) -> Value:
    return value.isoformat() if isinstance(value, date) else value


def _decode(table: Table, data: bytes) -> dict[str, Value] | None:
    """The row, or None where the file is not what `keep` wrote."""
    line, _, body = data.partition(b"\n")
    try:
        head = json.loads(line)
        row: dict[str, Value] = dict(head["row"])
        for name, length in head["bytes"].items():
            row[name], body = body[:length], body[length:]
        return {column.name: _meant(str(column.type), row[column.name]) for column in table.columns}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _meant(kind: str, value: Value) -> Value:
    if isinstance(value, str) and kind.startswith("timestamp"):
        return datetime.fromisoformat(value)
    if isinstance(value, str) and kind.startswith("date"):
        return date.fromisoformat(value)
    return value
