"""Which months want rows of a table that are filed under another one, and whether they still want the same."""

from __future__ import annotations

from datetime import date
from hashlib import sha256

import polars as pl

from schemas.kinds import DATE
from schemas.table import Table
from transforms.paper_ids import filed_on, is_filed_on

_DIGITS = 32


def shares(rows: pl.DataFrame, table: Table) -> dict[str, str]:
    """A hash of the rows that each month (`2025-11`) wants of those published as `table`, by that month."""
    if table.shares is None or not table.shares.told_by or rows.is_empty():
        return {}
    # As numbers, since instants take longer to write out than all the rest.
    values = pl.col(table.shares.told_by).to_physical().cast(pl.String).fill_null("\0")
    said = pl.concat_str(values, separator="\t")
    names = list(dict.fromkeys([table.shares.by, *table.shares.told_by, *table.sort]))
    told = rows.select(names).sort(table.sort).select(month=wanted_on(table), said=said)
    by_month = told.group_by("month").agg(pl.col("said").str.join("\n")).sort("month")
    return {f"{month:%Y-%m}": sha256(text.encode()).hexdigest()[:_DIGITS] for month, text in by_month.iter_rows()}


def is_wanted_on(table: Table, month: date) -> pl.Expr:
    """Whether a row of `table` is wanted by the month that begins so. Raises ValueError where it declares no shares."""
    by = _wanted_by(table)
    return wanted_on(table) == month if table[by].type == DATE else is_filed_on(pl.col(by), month)


def wanted_on(table: Table) -> pl.Expr:
    """The first day of the month that wants a row of `table`. Raises ValueError where it declares no shares."""
    by = _wanted_by(table)
    return pl.col(by).dt.truncate("1mo") if table[by].type == DATE else filed_on(pl.col(by))


def _wanted_by(table: Table) -> str:
    if table.shares is None:
        raise ValueError(f"{table.name} declares no shares")
    return table.shares.by
