"""Recover the readable rows of a damaged evidence file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from paperlake.store.verify import body_hashes_match
from schemas.calendar import MONTH_FORMAT
from schemas.table import Table

_READ_ERRORS = (Exception, pl.exceptions.PanicException)
_IS_INTACT = "is_intact"


def intact_rows(path: Path, table: Table, month: str, max_rows: int) -> pl.DataFrame:
    """The rows of a damaged file of `table` that are unchanged, as far as can be checked.

    A row is returned only if it is completely readable, belongs to `month`, has all required values, and its body
    matches its own SHA-256. `max_rows` is the number of rows that the file originally had.
    """
    schema = pl.Schema(table.arrow())
    frames = [rows for rows in _readable_rows(path, list(schema), max_rows) if rows.schema == schema]
    rows = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
    required = [column.name for column in table.columns if column.null is None]
    is_intact = body_hashes_match(rows) or [True] * rows.height
    return (
        rows.with_columns(pl.Series(_IS_INTACT, is_intact, dtype=pl.Boolean))
        .filter(pl.col(_IS_INTACT), pl.col(table.dated_by).dt.strftime(MONTH_FORMAT) == month)
        .drop(_IS_INTACT)
        .drop_nulls(required)
        .unique(subset=table.key, keep="first", maintain_order=True)
        .sort(table.sort)
    )


def _readable_rows(path: Path, names: list[str], max_rows: int) -> Iterator[pl.DataFrame]:
    """The complete file if it is readable; otherwise its rows one at a time, because damage is limited to a page."""
    try:
        yield _slice(path, names, 0, max_rows)
    except _READ_ERRORS:
        for row in range(max_rows):
            try:
                yield _slice(path, names, row, 1)
            except _READ_ERRORS:
                continue


def _slice(path: Path, names: list[str], start: int, length: int) -> pl.DataFrame:
    rows = pl.scan_parquet(path, hive_partitioning=False, glob=False)
    return rows.select(names).slice(start, length).collect()
