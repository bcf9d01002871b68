"""Tables that are built from a lookback window over other tables: which months are stale, and one of them, staged.

They are built after the months that they read are published.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from paperlake.build.partition import BuildOptions, InputHashes, StagedMonth, is_current, is_forced, stage, touches
from paperlake.store.manifest import Manifest, windowed_inputs
from paperlake.store.publish import Writer
from schemas.table import Table
from transforms.graph import WINDOWED, Inputs, TransformResult, WindowedTransform


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


def build_month(
    writer: Writer, options: BuildOptions, transform: WindowedTransform, month: str, inputs: InputHashes
) -> StagedMonth:
    """A month of the transform's table, built and staged. Raises FileDamaged."""
    rows = transform.build(month, _read_window(writer, transform, month))
    return StagedMonth(month, *stage(writer, options, month, TransformResult({transform.table: rows}), inputs))


def _inputs_differ(published: Manifest, transform: WindowedTransform, month: str, inputs: InputHashes) -> bool:
    entry = published.entry(transform.table.name, month)
    return entry is None or dict(entry.inputs) != inputs


def _read_window(writer: Writer, transform: WindowedTransform, month: str) -> Inputs:
    """The published rows of the window's months, by table. Raises FileDamaged."""
    inputs: dict[Table, pl.DataFrame] = {}
    for table in transform.upstream:
        columns = transform.columns.get(table, ())
        frames = [writer.read(table, each, columns) for each in transform.window.months(month)]
        published = [frame for frame in frames if frame is not None]
        if published:
            inputs[table] = pl.concat(published)
    return inputs
