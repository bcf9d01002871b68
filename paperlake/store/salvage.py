"""What can still be read of a damaged file of evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from paperlake.store.lake import MONTH_FORM
from paperlake.store.verify import hashes_hold
from schemas.table import Table

_UNREADABLE = (Exception, pl.exceptions.PanicException)


def sound_rows(path: Path, table: Table, month: str, most: int) -> pl.DataFrame:
    """The rows of a damaged file of `table` that are still what was kept, as far as anyone can tell.

    A row is taken only if all of it can be read, it belongs to `month`, it lacks nothing that is required, and its
    body is what its own SHA-256 says. `most` is how many rows the file is known to have held.
    """
    schema = pl.Schema(table.arrow())
    read = [rows for rows in _readable(path, list(schema), most) if rows.schema == schema]
    rows = pl.concat(read) if read else pl.DataFrame(schema=schema)
    required = [column.name for column in table.columns if column.null is None]
    told = rows.with_columns(pl.Series("holds", hashes_hold(rows) or [True] * rows.height, dtype=pl.Boolean))
    return (
        told.filter(pl.col("holds"), pl.col(table.dated_by).dt.strftime(MONTH_FORM) == month)
        .drop("holds")
        .drop_nulls(required)
        .unique(subset=table.key, keep="first", maintain_order=True)
        .sort(table.sort)
    )


def _readable(path: Path, names: list[str], most: int) -> Iterator[pl.DataFrame]:
    """The file as a whole if that can be read; otherwise row by row, since a damaged page hides only its own."""
    try:
        yield _slice(path, names, 0, most)
    except _UNREADABLE:
        for row in range(most):
            try:
                yield _slice(path, names, row, 1)
            except _UNREADABLE:
                continue


def _slice(path: Path, names: list[str], start: int, length: int) -> pl.DataFrame:
    scanned = pl.scan_parquet(path, hive_partitioning=False, glob=False)
    return scanned.select(names).slice(start, length).collect()
