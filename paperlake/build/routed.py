"""Tables that are built from rows which other tables route to their month: which months are stale, and some, staged.

The manifest and the files' footers alone decide which months are stale, so the next run finishes what a dead run left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from paperlake.build.partition import BuildOptions, InputHashes, StagedMonths, is_current, is_forced, stage, touches
from paperlake.store.publish import Writer
from paperlake.store.routes import routed_inputs, routed_months
from schemas.calendar import first_day
from schemas.catalogue import TABLES
from schemas.table import Table
from transforms.graph import ROUTED, Inputs, RoutedTransform
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


def row_counts(writer: Writer, transform: RoutedTransform, months: Collection[str]) -> dict[str, int]:
    """About how many rows each month reads: its share of the routed rows, and those of its own files."""
    published, declared = writer.manifest, transform.inputs
    routed = sum(
        entry.rows
        for table in (*declared.routed, *declared.read_with)
        for month in published.months(table)
        if (entry := published.entry(table, month))
    )
    built = {month for table in transform.downstream for month in published.months(table.name)}
    of_each = routed // max(len(built | {*months}), 1)
    own = {month: [published.entry(table, month) for table in declared.same_month] for month in months}
    return {month: of_each + sum(entry.rows for entry in entries if entry) for month, entries in own.items()}


def build_months(
    writer: Writer, options: BuildOptions, transform: RoutedTransform, inputs: Mapping[str, InputHashes]
) -> StagedMonths:
    """The months of `inputs` of the transform's tables, built and staged. Raises FileDamaged."""
    return stage(writer, options, transform.build([*inputs], _read_routed(writer, transform, inputs)), inputs)


def _read_routed(writer: Writer, transform: RoutedTransform, inputs: Mapping[str, InputHashes]) -> Inputs:
    """The rows of the months' own files, and the rows that the months in `inputs` route to them, by table."""
    declared = transform.inputs
    frames: dict[Table, list[pl.DataFrame]] = {}
    for table in (TABLES[name] for name in declared.same_month):
        for month in inputs:
            if (rows := writer.read(table, month)) is not None:
                frames.setdefault(table, []).append(rows)
    hashes = {name: digest for of_month in inputs.values() for name, digest in of_month.items()}
    for table in (TABLES[name] for name in (*declared.routed, *declared.read_with)):
        is_ours = pl.any_horizontal(is_routed_to(table, first_day(month)) for month in inputs)
        for source in _source_months(declared.routed if table.name in declared.read_with else (table.name,), hashes):
            if (rows := writer.read(table, source, transform.columns.get(table, ()), is_ours)) is not None:
                frames.setdefault(table, []).append(rows)
    return {table: pl.concat(parts) for table, parts in frames.items()}


def _source_months(tables: Collection[str], inputs: InputHashes) -> list[str]:
    """The months of `tables` that route rows here, from keys like `tables/x/month=2025-11/part-0.parquet#2025-10`."""
    files = [name.partition("#")[0].split("/") for name in inputs if "#" in name]
    return sorted({month.removeprefix("month=") for _, table, month, _ in files if table in tables})
