"""Which months want rows of a table that are filed under another one, and whether they still want the same."""

from __future__ import annotations

from hashlib import sha256

import polars as pl

from schemas.kinds import DATE
from schemas.table import Table
from transforms.paper_ids import filed_on

_MONTH = "%Y-%m"
_DIGITS = 32


def shares(rows: pl.DataFrame, table: Table) -> dict[str, str]:
    """A hash of the rows that each month (`2025-11`) wants of those published as `table`, by that month."""
    if table.shares is None or not table.shares.told_by or rows.is_empty():
        return {}
    said = pl.concat_str(pl.col(table.shares.told_by).cast(pl.String).fill_null("\0"), separator="\t")
    told = rows.sort(table.sort).select(month=wanted_on(table).dt.strftime(_MONTH), said=said)
    by_month = told.group_by("month").agg(pl.col("said").str.join("\n")).sort("month")
    return {month: sha256(text.encode()).hexdigest()[:_DIGITS] for month, text in by_month.iter_rows()}


def wanted_on(table: Table) -> pl.Expr:
    """The first day of the month that wants a row of `table`. Raises ValueError where it declares no shares."""
    if table.shares is None:
        raise ValueError(f"{table.name} declares no shares")
    by = pl.col(table.shares.by)
    is_dated = table[table.shares.by].type == DATE
    return by.dt.truncate("1mo") if is_dated else filed_on(by)
