"""Published rows as data frames."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from paperlake.store.snapshot import Snapshot
from schemas.table import Table


def scan(snapshot: Snapshot, table: Table, months: Collection[str] | None = None) -> pl.LazyFrame:
    """The published rows of a table, of all months or the given ones, in no particular order."""
    published = snapshot.manifest.months(table.name)
    paths = [snapshot.path(table.name, month) for month in published if months is None or month in months]
    if not paths:
        return pl.LazyFrame(schema=pl.Schema(table.arrow()))
    return pl.scan_parquet(paths, hive_partitioning=False, glob=False)
