"""Tables that are built from a lookback window over other tables: which months are stale, and some, staged.

They are built after the months that they read are published.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from paperlake.build.partition import BuildOptions, InputHashes, StagedMonths, is_current, is_forced, stage, touches
from paperlake.store.manifest import Manifest, windowed_inputs
from paperlake.store.publish import Writer
from schemas.table import Table
from transforms.graph import WINDOWED, Inputs, WindowedTransform


def transforms_to_run(options: BuildOptions) -> list[WindowedTransform]:
    """The transforms whose tables are asked for, or read a table that is."""
    return [transform for transform in WINDOWED if touches(options, transform)]


def stale_months(
    writer: Writer,
    options: BuildOptions,
    transform: WindowedTransform,
    touched: Collection[str],
    to_come: Collection[str],
) -> dict[str, InputHashes]:
    """The months to build now that the months `touched` are published, oldest first, with their inputs.

    They are the months that read one of `touched`, and those whose inputs are not what the manifest records, as a run
    that died leaves them. A month that reads one of `to_come` waits for it.
    """
    published, forced = writer.manifest, is_forced(options, transform)
    stale: dict[str, InputHashes] = {}
    for month in published.months(transform.window.tables[0]):
        window, inputs = set(transform.window.months(month)), windowed_inputs(published, transform.window, month)
        if not window.isdisjoint(to_come):
            continue
        is_touched = not window.isdisjoint(touched)
        if (is_touched and (forced or not is_current(writer, month, transform.downstream, inputs))) or (
            _inputs_differ(published, transform, month, inputs)
        ):
            stale[month] = inputs
    return stale


def row_counts(writer: Writer, transform: WindowedTransform, months: Collection[str]) -> dict[str, int]:
    """About how many rows each month reads."""
    published = writer.manifest
    windows = {month: transform.window.months(month) for month in months}
    partitions = {
        month: [(table, each) for each in window for table in transform.window.tables]
        for month, window in windows.items()
    }
    return {
        month: sum(entry.rows for each in read if (entry := published.entry(*each)))
        for month, read in partitions.items()
    }


def build_months(
    writer: Writer, options: BuildOptions, transform: WindowedTransform, inputs: Mapping[str, InputHashes]
) -> StagedMonths:
    """The months of `inputs` of the transform's table, built and staged. Raises FileDamaged."""
    months = [*inputs]
    return stage(writer, options, transform.build(months, _read_windows(writer, transform, months)), inputs)


def _inputs_differ(published: Manifest, transform: WindowedTransform, month: str, inputs: InputHashes) -> bool:
    entry = published.entry(transform.table.name, month)
    return entry is None or dict(entry.inputs) != inputs


def _read_windows(writer: Writer, transform: WindowedTransform, months: Sequence[str]) -> Inputs:
    """The published rows of the months' windows, by table. Raises FileDamaged."""
    inputs: dict[Table, pl.DataFrame] = {}
    read = sorted({each for month in months for each in transform.window.months(month)})
    for table in transform.upstream:
        columns = transform.columns.get(table, ())
        frames = [writer.read(table, each, columns) for each in read]
        published = [frame for frame in frames if frame is not None]
        if published:
            inputs[table] = pl.concat(published)
    return inputs
