"""The inbox: rows of evidence tables, one flushed file each, until the next publish merges them into the table.

A file is one line of JSON (the row without its bytes, and the length of those bytes), followed by the bytes.
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
from paperlake.store.lake import Lake
from schemas.calendar import month_of
from schemas.table import Table

ARRIVING = "arriving-"
"""Prefix of files that are not yet in the inbox."""
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")

Value = str | int | bool | date | datetime | bytes | None


@dataclass(frozen=True, slots=True)
class WaitingRows:
    """Rows waiting in the inbox, the files that contain them, and the files that cannot be read."""

    rows: pl.DataFrame
    files: tuple[Path, ...]
    unreadable: tuple[Path, ...]


def keep(lake: Lake, table: Table, row: Mapping[str, Value]) -> Path:
    """Write one row to the inbox and flush it. Writing the same row twice has no further effect.

    Raises ValueError if the row does not have the table's columns, TypeError if it has no date.
    """
    content, day = _encode(table, row), row[table.dated_by]
    if not isinstance(day, date):
        raise TypeError(f"{table.name}.{table.dated_by} is {day!r}; a row is filed by a date")
    folder = lake.inbox / table.name / month_of(day)
    final = folder / f"{day.isoformat()}-{_checksum(content)}.row"
    if _has_content(final, content):
        flush(folder)
        return final
    make_folder(folder)
    make_folder(lake.staged)
    arriving = lake.staged / f"{ARRIVING}{uuid.uuid4().hex}"
    write_new(arriving, content)
    replace(arriving, final)
    return final


def waiting_months(lake: Lake, table: Table) -> list[str]:
    """The months for which rows of `table` are waiting, oldest first."""
    folder = lake.inbox / table.name
    months = [path for path in folder.iterdir() if _MONTH.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(month.name for month in months if any(month.glob("*.row")))


def waiting_bytes(lake: Lake, table: Table, month: str) -> int:
    """The size of the files of `table` that are waiting for `month`."""
    return sum(path.stat().st_size for path in (lake.inbox / table.name / month).glob("*.row"))


def waiting(lake: Lake, table: Table, month: str) -> WaitingRows:
    """Read the rows of `table` that are waiting for `month`."""
    rows: list[dict[str, Value]] = []
    files: list[Path] = []
    unreadable: list[Path] = []
    for path in sorted((lake.inbox / table.name / month).glob("*.row")):
        content = path.read_bytes()
        row = _decode(table, content) if path.stem.endswith(_checksum(content)) else None
        if row is None:
            unreadable.append(path)
        else:
            rows.append(row)
            files.append(path)
    frame = pl.DataFrame(rows, schema=pl.Schema(table.arrow()), orient="row")
    return WaitingRows(frame, tuple(files), tuple(unreadable))


def discard(files: Iterable[Path]) -> None:
    """Delete files from the inbox after their rows are published. Missing files are ignored."""
    folders = set()
    for path in files:
        path.unlink(missing_ok=True)
        folders.add(path.parent)
    for folder in folders:
        if folder.is_dir():
            flush(folder)


def _checksum(content: bytes) -> str:
    """The checksum in the file's name. It covers the whole content, so that any flipped bit is detected."""
    return sha256(content).hexdigest()[:24]


def _has_content(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except FileNotFoundError:
        return False


def _encode(table: Table, row: Mapping[str, Value]) -> bytes:
    """One line of JSON, and the row's bytes if it has any."""
    names = [column.name for column in table.columns]
    if set(row) != set(names):
        raise ValueError(f"{table.name}: a row has the columns {', '.join(names)}, not {', '.join(row)}")
    bodies = {name: value for name in sorted(names) if isinstance(value := row[name], bytes)}
    values = {name: _to_json(row[name]) for name in names if name not in bodies}
    header = {"row": values, "bytes": {name: len(value) for name, value in bodies.items()}}
    return json.dumps(header, ensure_ascii=False, sort_keys=True).encode() + b"\n" + b"".join(bodies.values())


def _to_json(value: Value) -> Value:
    return value.isoformat() if isinstance(value, date) else value


def _decode(table: Table, content: bytes) -> dict[str, Value] | None:
    """The row; None if `keep` did not write this file."""
    line, _, body = content.partition(b"\n")
    try:
        header = json.loads(line)
        row: dict[str, Value] = dict(header["row"])
        for name, length in header["bytes"].items():
            row[name], body = body[:length], body[length:]
        return {column.name: _from_json(str(column.type), row[column.name]) for column in table.columns}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _from_json(column_type: str, value: Value) -> Value:
    if isinstance(value, str) and column_type.startswith("timestamp"):
        return datetime.fromisoformat(value)
    if isinstance(value, str) and column_type.startswith("date"):
        return date.fromisoformat(value)
    return value
