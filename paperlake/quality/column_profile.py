"""Value counts that expectations run on: the distinct values of each column in each month, with their row counts.

An expectation on a column is met by its rows if it is met by its distinct values. Those are few, whatever the number
of rows, so that many months can be validated at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from schemas.calendar import MONTH_FORMAT, first_day
from schemas.table import Between, Column, Table

MISSING_VALUES = "missing_value_count"
"""How many non-nullable columns of a row are null."""
DUPLICATE_KEYS = "key_copy_count"
"""How many rows of the month have the key of a row."""
MONTHS_OFF = "months_off_count"
"""How many months a row's date is away from the month of its partition."""
MONTH = ":month"
"""The column with the month of a value, such as `2025-11`."""
ROWS = ":rows"
"""The column with the number of rows that have the value in that month."""

ColumnProfile = Mapping[str, pl.DataFrame]
"""By column the distinct values of each month: the column itself, `MONTH` and `ROWS`."""

_MAX_RANGE_VALUES = 1000
_FIRST = ":first"


def profile_columns(table: Table, rows_of_months: Mapping[str, pl.DataFrame]) -> ColumnProfile:
    """The distinct values of each validated column in each of some months (`2025-11`) of `table`.

    A column with only range checks keeps just its lowest and highest values of each month.
    """
    rows = pl.concat(
        part.with_columns(pl.lit(first_day(month)).alias(_FIRST)) for month, part in rows_of_months.items()
    )
    missing = pl.sum_horizontal(
        pl.lit(0), *(pl.col(column.name).is_null() for column in table.columns if column.null is None)
    )
    at, first = pl.col(table.dated_by), pl.col(_FIRST)
    months_off = (at.dt.year().cast(pl.Int32) - first.dt.year()) * 12 + at.dt.month() - first.dt.month()
    values = {
        MISSING_VALUES: rows.lazy().select(missing.alias(MISSING_VALUES), _FIRST),
        DUPLICATE_KEYS: _duplicate_keys(rows, table).lazy(),
        MONTHS_OFF: rows.lazy().select(months_off.abs().alias(MONTHS_OFF), _FIRST),
        **{
            column.name: rows.lazy().select(to_pandas_value(pl.col(column.name), rows.schema[column.name]), _FIRST)
            for column in row_checked_columns(table)
        },
    }
    counts = dict(
        zip(values, pl.collect_all(_value_counts(frame, name) for name, frame in values.items()), strict=True)
    )
    for column in row_checked_columns(table):
        if all(isinstance(check, Between) for check in column.checks):
            counts[column.name] = _extremes(counts[column.name], column.name)
    return counts


def without_months(profile: ColumnProfile, months: Collection[str]) -> ColumnProfile:
    """The profile without some months."""
    return {name: values.filter(~pl.col(MONTH).is_in(list(months))) for name, values in profile.items()}


def merge_profiles(profiles: Iterable[Mapping[Table, ColumnProfile]]) -> dict[Table, ColumnProfile]:
    """The profiles of several groups of months, as one profile of each table."""
    parts: dict[Table, list[ColumnProfile]] = {}
    for each in profiles:
        for table, profile in each.items():
            parts.setdefault(table, []).append(profile)
    return {
        table: {name: pl.concat(profile[name] for profile in of_table) for name in of_table[0]}
        for table, of_table in parts.items()
    }


def side_by_side(profile: ColumnProfile) -> pl.DataFrame:
    """All values of each column in a frame, padded with null."""
    height = max(values.height for values in profile.values())
    return pl.DataFrame(
        [values[name].extend_constant(None, height - values.height) for name, values in profile.items()]
    )


def row_checked_columns(table: Table) -> list[Column]:
    """The columns with a check that can refuse a row."""
    return [column for column in table.columns if any(check.refuses == "row" for check in column.checks)]


def to_pandas_value(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A value as pandas gets it: timestamps without time zone (it is always UTC), and dates as timestamps."""
    if isinstance(dtype, pl.Datetime):
        return value.dt.replace_time_zone(None)
    return value.cast(pl.Datetime("us")) if dtype == pl.Date else value


def _extremes(values: pl.DataFrame, name: str) -> pl.DataFrame:
    """The lowest and highest values of each month."""
    if values.height <= _MAX_RANGE_VALUES:
        return values
    place, count = pl.int_range(pl.len()).over(MONTH), pl.len().over(MONTH)
    half = _MAX_RANGE_VALUES // 2
    return values.sort(MONTH, name).filter((place < half) | (place >= count - half))


def _duplicate_keys(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """For each row whose key occurs more than once in its month, how many rows have that key."""
    # Rows in strictly ascending key order have no duplicates; checking that costs a tenth of comparing all keys.
    sort_columns = (_FIRST, *table.sort[: len(table.key)])
    key = [_FIRST, *table.key]
    is_ascending = set(sort_columns) == set(key) and _is_strictly_ascending(rows, sort_columns)
    duplicates = rows.clear() if is_ascending else rows.filter(pl.struct(key).is_duplicated())
    return duplicates.select(pl.len().over(key).alias(DUPLICATE_KEYS), _FIRST)


def _is_strictly_ascending(rows: pl.DataFrame, names: Sequence[str]) -> bool:
    """Whether each row is greater than the row before it, by the columns `names` together."""
    is_greater = pl.lit(value=False)
    for name in reversed(names):
        previous = pl.col(name).shift()
        is_greater = (pl.col(name) > previous) | ((pl.col(name) == previous) & is_greater)
    return bool(rows.select(is_greater.slice(1).fill_null(value=False).all()).item())


def _value_counts(values: pl.LazyFrame, name: str) -> pl.LazyFrame:
    """The distinct non-null values of the column `name` in each month, with their row counts."""
    counts = values.drop_nulls(name).group_by(_FIRST, name, maintain_order=True).agg(pl.len().alias(ROWS))
    return counts.select(name, pl.col(_FIRST).dt.strftime(MONTH_FORMAT).alias(MONTH), ROWS)
