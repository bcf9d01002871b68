"""The last step of every transform: exactly the declared columns, types and order."""

from __future__ import annotations

import polars as pl

from schemas.table import Table


def conform(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """`rows` as `table` declares them, sorted. Raises `polars.exceptions.SchemaError` rather than cast."""
    declared = pl.Schema(table.arrow())
    return rows.match_to_schema(declared, extra_columns="ignore").select(*declared).sort(table.sort)


def none(table: Table) -> pl.DataFrame:
    """No rows of `table`."""
    return pl.DataFrame(schema=pl.Schema(table.arrow()))
