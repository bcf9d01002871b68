"""Published rows as frames."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from paperlake.store.snapshot import Snapshot
from schemas.table import Table


def scan(seen: Snapshot, table: Table, months: Collection[str] | None = None) -> pl.LazyFrame:
    """Every published row of a table, or of some months, in no particular order; perhaps none."""
    published = seen.manifest.months(table.name)
    paths = [seen.path(table.name, month) for month in published if months is None or month in months]
    if not paths:
        return pl.LazyFrame(schema=pl.Schema(table.arrow()))
    return pl.scan_parquet(paths, hive_partitioning=False, glob=False)
