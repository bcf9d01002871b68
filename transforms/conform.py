"""The last step of every transform: select the declared columns, check their types, and sort."""

from __future__ import annotations

from functools import cache

import polars as pl

from schemas.table import Table


def conform(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """`rows` with the columns and order that `table` declares. Raises `polars.exceptions.SchemaError`; never casts."""
    declared = declared_schema(table)
    return rows.match_to_schema(declared, extra_columns="ignore").select(*declared).sort(table.sort)


def empty_table(table: Table) -> pl.DataFrame:
    """A frame with the columns of `table` and no rows."""
    return pl.DataFrame(schema=declared_schema(table))


@cache
def declared_schema(table: Table) -> pl.Schema:
    """The columns that `table` declares, with their types. Never change it."""
    return pl.Schema(table.arrow())
