"""Value counts that expectations run on: the distinct values of each column of a month, with their row counts.

An expectation on a column is met by its rows if it is met by its distinct values. Those are few, whatever the number
of rows, so that many months can be validated at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from schemas.calendar import first_day
from schemas.table import Between, Column, Table

MISSING_VALUES = "missing_value_count"
"""How many non-nullable columns of a row are null."""
DUPLICATE_KEYS = "key_copy_count"
"""How many rows of the month have the key of a row."""
MONTHS_OFF = "months_off_count"
"""How many months a row's date is away from the month of its partition."""
MONTH = ":month"
ROWS = ":rows"
"""The suffix of the column with row counts: `NAME:rows` counts the rows with the value in `NAME`."""

_MAX_RANGE_VALUES = 1000


def profile_columns(table: Table, month: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The distinct values of each validated column of a month (`2025-11`) of `table`, side by side, padded with null.

    A column with only range checks keeps just its lowest and highest values.
    """
    missing = pl.sum_horizontal(
        pl.lit(0), *(pl.col(column.name).is_null() for column in table.columns if column.null is None)
    )
    first = first_day(month)
    at = pl.col(table.dated_by)
    months_off = (at.dt.year().cast(pl.Int32) - first.year) * 12 + at.dt.month() - first.month
    profiles = [
        _value_counts(rows.select(missing.alias(MISSING_VALUES))),
        _value_counts(_duplicate_keys(rows, table)),
        _value_counts(rows.select(months_off.abs().alias(MONTHS_OFF))),
        *(_column_values(rows, column) for column in row_checked_columns(table)),
    ]
    height = max(profile.height for profile in profiles)
    padded = [
        series.extend_constant(None, height - series.len()) for profile in profiles for series in profile.get_columns()
    ]
    return pl.DataFrame(padded).select(pl.lit(month).alias(MONTH), pl.all())


def row_checked_columns(table: Table) -> list[Column]:
    """The columns with a check that can refuse a row."""
    return [column for column in table.columns if any(check.refuses == "row" for check in column.checks)]


def to_pandas_value(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A value as pandas gets it: timestamps without time zone (it is always UTC), and dates as timestamps."""
    if isinstance(dtype, pl.Datetime):
        return value.dt.replace_time_zone(None)
    return value.cast(pl.Datetime("us")) if dtype == pl.Date else value


def _column_values(rows: pl.DataFrame, column: Column) -> pl.DataFrame:
    name = column.name
    values = _value_counts(rows.select(to_pandas_value(pl.col(name), rows.schema[name])))
    if values.height > _MAX_RANGE_VALUES and all(isinstance(check, Between) for check in column.checks):
        ordered = values.sort(name)
        return pl.concat([ordered.head(_MAX_RANGE_VALUES // 2), ordered.tail(_MAX_RANGE_VALUES // 2)])
    return values


def _duplicate_keys(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """For each row whose key occurs more than once, how many rows have that key."""
    # Rows in strictly ascending key order have no duplicates; checking that costs a tenth of comparing all keys.
    sort_columns = table.sort[: len(table.key)]
    is_ascending = set(sort_columns) == set(table.key) and _is_strictly_ascending(rows, sort_columns)
    duplicates = rows.clear() if is_ascending else rows.filter(pl.struct(table.key).is_duplicated())
    return duplicates.select(pl.len().over(table.key).alias(DUPLICATE_KEYS))


def _is_strictly_ascending(rows: pl.DataFrame, names: Sequence[str]) -> bool:
    """Whether each row is greater than the row before it, by the columns `names` together."""
    is_greater = pl.lit(value=False)
    for name in reversed(names):
        previous = pl.col(name).shift()
        is_greater = (pl.col(name) > previous) | ((pl.col(name) == previous) & is_greater)
    return bool(rows.select(is_greater.slice(1).fill_null(value=False).all()).item())


def _value_counts(values: pl.DataFrame) -> pl.DataFrame:
    """The distinct non-null values of a one-column frame, with their row counts."""
    (name,) = values.columns
    return values.drop_nulls().group_by(name, maintain_order=True).agg(pl.len().alias(f"{name}{ROWS}"))
