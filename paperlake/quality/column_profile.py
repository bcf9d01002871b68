"""What the judge needs to see of a month: each column's distinct values, and how many rows hold each.

A fact about a column holds of its rows when it holds of its distinct values. Those are few, whatever the number of
rows, so that many months can be judged in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from schemas.table import Between, Column, Table

MISSING = "missing_value_count"
"""How many values are null in a row that may not be."""
COPIES = "key_copy_count"
"""How many rows of the month share the key of a row."""
MONTHS_OFF = "months_off_count"
"""How many months lie between a row's date and the month that it is filed under."""
MONTH = ":month"
ROWS = ":rows"
"""Behind the name of a column: how many rows hold the value beside it."""

_MOST_OF_A_RANGE = 1000


def profile_columns(table: Table, month: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The distinct values of each judged column of a month (`2025-11`) of `table`, side by side, padded with null.

    Of a column that is only held to a range, the lowest and the highest values are enough.
    """
    missing = pl.sum_horizontal(
        pl.lit(0), *(pl.col(column.name).is_null() for column in table.columns if column.null is None)
    )
    first = date.fromisoformat(f"{month}-01")
    at = pl.col(table.dated_by)
    months_off = (at.dt.year().cast(pl.Int32) - first.year) * 12 + at.dt.month() - first.month
    told = [
        _told(rows.select(missing.alias(MISSING))),
        _told(_copies(rows, table)),
        _told(rows.select(months_off.abs().alias(MONTHS_OFF))),
        *(_column_told(rows, column) for column in judged(table)),
    ]
    height = max(one.height for one in told)
    padded = [series.extend_constant(None, height - series.len()) for one in told for series in one.get_columns()]
    return pl.DataFrame(padded).select(pl.lit(month).alias(MONTH), pl.all())


def judged(table: Table) -> list[Column]:
    """The columns that some check may refuse a row for."""
    return [column for column in table.columns if any(check.refuses == "row" for check in column.checks)]


def plain(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """A value as it goes over to pandas: instants without their zone, which is always UTC, and dates as instants."""
    if isinstance(kind, pl.Datetime):
        return value.dt.replace_time_zone(None)
    return value.cast(pl.Datetime("us")) if kind == pl.Date else value


def _column_told(rows: pl.DataFrame, column: Column) -> pl.DataFrame:
    name = column.name
    told = _told(rows.select(plain(pl.col(name), rows.schema[name])))
    if told.height > _MOST_OF_A_RANGE and all(isinstance(check, Between) for check in column.checks):
        ordered = told.sort(name)
        return pl.concat([ordered.head(_MOST_OF_A_RANGE // 2), ordered.tail(_MOST_OF_A_RANGE // 2)])
    return told


def _copies(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """One row for each key that is there more than once, with the rows that share it; none of the others'."""
    # Rows that rise by their key hold no copy, and seeing that costs a tenth of telling all keys apart.
    first = table.sort[: len(table.key)]
    rises = set(first) == set(table.key) and _rises(rows, first)
    repeated = rows.clear() if rises else rows.filter(pl.struct(table.key).is_duplicated())
    return repeated.select(pl.len().over(table.key).alias(COPIES))


def _rises(rows: pl.DataFrame, names: Sequence[str]) -> bool:
    """Whether each row comes after the one before it, by the columns `names` together."""
    rises = pl.lit(value=False)
    for name in reversed(names):
        last = pl.col(name).shift()
        rises = (pl.col(name) > last) | ((pl.col(name) == last) & rises)
    return bool(rows.select(rises.slice(1).fill_null(value=False).all()).item())


def _told(values: pl.DataFrame) -> pl.DataFrame:
    """The distinct values of a one-column frame that are not null, and the number of rows that hold each."""
    (name,) = values.columns
    return values.drop_nulls().group_by(name, maintain_order=True).agg(pl.len().alias(f"{name}{ROWS}"))
