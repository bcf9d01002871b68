"""Partitions: whether one is stale, and how those of some months are staged and profiled.

Worker processes get everything here by name, so arguments and results are small.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from paperlake.quality.column_profile import ColumnProfile, profile_columns
from paperlake.store.fingerprint import code_fingerprint
from paperlake.store.lake import part_name
from paperlake.store.publish import FileDamaged, StagedFiles, Writer
from schemas.table import Table
from transforms.graph import NOTHING_REFUSED, MonthlyTransform, Results, RoutedTransform, WindowedTransform
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
    """Partitions of one month that are built and staged.

    `revised` are the tables whose values differ from the published ones in more than their provenance.
    `captures` are the rows of the table `captures` before any is refused; `refused` are those that were set aside.
    `folded` are the files of the inbox that it holds; `unreadable` are files by table that could not be read.
    """

    month: str
    files: StagedFiles
    revised: frozenset[Table] = frozenset()
    captures: pl.DataFrame = field(default_factory=NOTHING_REFUSED.select("listed_on", "captured_at").clone)
    refused: pl.DataFrame = field(default_factory=NOTHING_REFUSED.clone)
    folded: tuple[Path, ...] = ()
    unreadable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StagedMonths:
    """Months that were built together, and the column profiles, by table, of those of their rows that are new."""

    months: Sequence[StagedMonth]
    profiles: Mapping[Table, ColumnProfile] = field(default_factory=dict)


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


def stage(
    writer: Writer,
    options: BuildOptions,
    results: Results,
    inputs: Mapping[str, InputHashes],
    into: Mapping[str, StagedMonth] | None = None,
) -> StagedMonths:
    """Write the tables of each month aside, or add them to the stages `into`, and profile those whose rows are new."""
    staged: list[StagedMonth] = []
    changed: dict[Table, dict[str, pl.DataFrame]] = {}
    for month, result in results.items():
        before = (into or {}).get(month)
        files = writer.stage(
            month,
            result.tables,
            code=code_fingerprint(),
            inputs=inputs[month],
            missing_dates=result.missing_dates,
            route_digests={
                table: route_digests(rows, table, result.answers)
                for table, rows in result.tables.items()
                if table.route
            },
            into=before.files if before else None,
        )
        staged_month = replace(before, files=files) if before else StagedMonth(month, files)
        if options.is_validated:
            changes = {table: _change(writer, files, table, month, rows) for table, rows in result.tables.items()}
            revised = frozenset(table for table, change in changes.items() if change == "values")
            staged_month = replace(staged_month, revised=staged_month.revised | revised)
            for table, change in changes.items():
                if change:
                    changed.setdefault(table, {})[month] = result.tables[table]
        staged.append(staged_month)
    return StagedMonths(staged, {table: profile_columns(table, months) for table, months in changed.items()})


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
