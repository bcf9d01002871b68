"""One partition: whether it is stale, and how it is built, staged and profiled.

Worker processes get everything here by name, so arguments and results are small.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from paperlake.quality.column_profile import profile_columns
from paperlake.store.fingerprint import code_fingerprint
from paperlake.store.lake import part_name
from paperlake.store.publish import FileDamaged, StagedFiles, Writer
from schemas.table import Table
from transforms.graph import NOTHING_REFUSED, MonthlyTransform, RoutedTransform, TransformResult, WindowedTransform
from transforms.routes import route_digests

Transform = MonthlyTransform | WindowedTransform | RoutedTransform
InputHashes = Mapping[str, str]
"""What a partition is built from: a hash for each upstream file, or for the rows that it routes."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Which derived tables to build. `force` also builds current ones; `is_validated` profiles what is new."""

    only: Collection[Table]
    force: bool = False
    is_validated: bool = True


@dataclass(frozen=True, slots=True)
class StagedMonth:
    """Partitions of one month that are built and staged, and what validation needs of them.

    `revised` are the tables whose values differ from the published ones in more than their provenance.
    `captures` are the rows of the table `captures` before any is refused; `refused` are those that were set aside.
    `folded` are the files of the inbox that it holds; `unreadable` are files by table that could not be read.
    """

    month: str
    files: StagedFiles
    profiles: Mapping[Table, pl.DataFrame]
    revised: frozenset[Table] = frozenset()
    captures: pl.DataFrame = field(default_factory=NOTHING_REFUSED.select("listed_on", "captured_at").clone)
    refused: pl.DataFrame = field(default_factory=NOTHING_REFUSED.clone)
    folded: tuple[Path, ...] = ()
    unreadable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def is_current(writer: Writer, month: str, tables: Sequence[Table], inputs: InputHashes) -> bool:
    """Whether all of `tables` are published and were built from these inputs by this code."""
    published = writer.manifest.files
    names = [part_name(table.name, month) for table in tables]
    return all(
        (entry := published.get(name)) is not None
        and dict(entry.inputs) == dict(inputs)
        and entry.code == code_fingerprint()
        and writer.is_in_place(name, entry)
        for name in names
    )


def touches(options: BuildOptions, transform: Transform) -> bool:
    """Whether the options build a table of the transform, or one that it reads: then its tables would fall behind."""
    return not {*transform.downstream, *transform.upstream}.isdisjoint(options.only)


def is_forced(options: BuildOptions, transform: Transform) -> bool:
    """Whether the transform builds its tables even where they are current."""
    return options.force and not {*transform.downstream}.isdisjoint(options.only)


def stage(  # noqa: PLR0913, PLR0917 - a partition's place, its rows, and where they come from
    writer: Writer,
    options: BuildOptions,
    month: str,
    result: TransformResult,
    inputs: InputHashes,
    into: StagedFiles | None = None,
) -> tuple[StagedFiles, dict[Table, pl.DataFrame], frozenset[Table]]:
    """Write the tables of `result` aside, and profile those whose rows are new.

    Gives the staged files, by table the column profile that validation needs, and the tables whose values changed.
    """
    staged = writer.stage(
        month,
        result.tables,
        code=code_fingerprint(),
        inputs=inputs,
        missing_dates=result.missing_dates,
        route_digests={
            table: route_digests(rows, table, result.answers) for table, rows in result.tables.items() if table.route
        },
        into=into,
    )
    if not options.is_validated:
        return staged, {}, frozenset()
    changes = {table: _change(writer, staged, table, month, rows) for table, rows in result.tables.items()}
    return (
        staged,
        {table: profile_columns(table, month, rows) for table, rows in result.tables.items() if changes[table]},
        frozenset(table for table, change in changes.items() if change == "values"),
    )


def _change(
    writer: Writer, staged: StagedFiles, table: Table, month: str, rows: pl.DataFrame
) -> Literal["values", "provenance"] | None:
    """In what the staged rows differ from the published ones, which were validated when they were new."""
    name = part_name(table.name, month)
    published, coming = writer.manifest.files.get(name), staged.entries[name]
    if published is None or published.rows != coming.rows:
        return "values"
    if published.sha256 == coming.sha256:
        return None
    # A footer names the inputs of its file, so other inputs give other bytes even for the same rows.
    try:
        before = writer.read(table, month)
    except (FileDamaged, pl.exceptions.PolarsError):
        return "values"
    if before is None or not before.drop(table.provenance).equals(rows.drop(table.provenance)):
        return "values"
    return "provenance" if table.provenance and not before.equals(rows) else None
