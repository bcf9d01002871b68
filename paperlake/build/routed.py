"""Tables that are built from rows which other tables route to their month: which months are stale, and one, staged.

The manifest and the files' footers alone decide which months are stale, so the next run finishes what a dead run left.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from paperlake.build.partition import BuildOptions, InputHashes, StagedMonth, is_current, is_forced, stage, touches
from paperlake.store.publish import Writer
from paperlake.store.routes import routed_inputs, routed_months
from schemas.calendar import first_day
from schemas.catalogue import TABLES
from schemas.table import Table
from transforms.graph import ROUTED, Inputs, RoutedTransform, TransformResult
from transforms.routes import is_routed_to


def transforms_to_run(options: BuildOptions) -> list[RoutedTransform]:
    """The transforms whose tables are asked for, or read a table that is; each after those that it reads."""
    return [transform for transform in ROUTED if touches(options, transform)]


def stale_months(
    writer: Writer, options: BuildOptions, transform: RoutedTransform, asked: Collection[str]
) -> dict[str, InputHashes]:
    """The months to build, oldest first, with their inputs; if forced, also those `asked` for. Raises FileDamaged."""
    published, forced = writer.manifest, is_forced(options, transform)
    digests = writer.route_digests(transform.inputs)
    built = (month for table in transform.downstream for month in published.months(table.name))
    months = sorted({*routed_months(published, transform.inputs, digests), *built})
    inputs = {month: routed_inputs(published, transform.inputs, digests, month) for month in months}
    return {
        month: hashes
        for month, hashes in inputs.items()
        if (forced and month in asked) or not is_current(writer, month, transform.downstream, hashes)
    }


def build_month(
    writer: Writer, options: BuildOptions, transform: RoutedTransform, month: str, inputs: InputHashes
) -> StagedMonth:
    """A month of the transform's tables, built and staged. Raises FileDamaged."""
    tables = transform.build(month, _read_routed(writer, transform, month, inputs))
    return StagedMonth(month, *stage(writer, options, month, TransformResult(tables), inputs))


def _read_routed(writer: Writer, transform: RoutedTransform, month: str, inputs: InputHashes) -> Inputs:
    """The rows of the month's own files, and the rows that the months in `inputs` route to it, by table."""
    declared = transform.inputs
    frames: dict[Table, list[pl.DataFrame]] = {}
    for table in (TABLES[name] for name in declared.same_month):
        if (rows := writer.read(table, month)) is not None:
            frames.setdefault(table, []).append(rows)
    for table in (TABLES[name] for name in (*declared.routed, *declared.read_with)):
        is_ours = is_routed_to(table, first_day(month))
        for source in _source_months(declared.routed if table.name in declared.read_with else (table.name,), inputs):
            if (rows := writer.read(table, source, transform.columns.get(table, ()), is_ours)) is not None:
                frames.setdefault(table, []).append(rows)
    return {table: pl.concat(parts) for table, parts in frames.items()}


def _source_months(tables: Collection[str], inputs: InputHashes) -> list[str]:
    """The months of `tables` that route rows here, from keys like `tables/x/month=2025-11/part-0.parquet#2025-10`."""
    files = [name.partition("#")[0].split("/") for name in inputs if "#" in name]
    return sorted({month.removeprefix("month=") for _, table, month, _ in files if table in tables})
