"""Tables that are built from a month of evidence: which are stale, and some months, built and staged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from paperlake.build.partition import BuildOptions, StagedMonth, StagedMonths, is_current, stage
from paperlake.quality.column_profile import ColumnProfile
from paperlake.store import inbox
from paperlake.store.lake import part_name
from paperlake.store.publish import StagedFiles, Writer
from schemas.table import Table
from transforms.conform import empty_table
from transforms.graph import EVIDENCE, MONTHLY, NOTHING_REFUSED, Inputs, MonthlyTransform


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one month, by table. `fresh` are the tables that hold rows which are not published yet.

    `folded` are the files of the inbox that it holds; `unreadable` are files by table that could not be read.
    """

    inputs: Inputs
    fresh: Collection[Table]
    folded: tuple[Path, ...] = ()
    unreadable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def collect_evidence(writer: Writer, options: BuildOptions, month: str) -> Evidence | None:
    """The evidence of a month, published and waiting; None where nothing waits and every table is current."""
    waiting = {table: inbox.waiting(writer.lake, table, month) for table in EVIDENCE}
    unreadable = {table.name: tuple(map(str, files.unreadable)) for table, files in waiting.items() if files.unreadable}
    waits = {table for table, files in waiting.items() if files.files}
    stale = [
        transform
        for transform in MONTHLY
        if waits & {*transform.upstream} or _is_stale(writer, options, month, transform)
    ]
    if not stale and not waits and not unreadable:
        return None
    # Evidence of a source without news is not read: a month of it may be large.
    needed = waits | {table for transform in stale for table in transform.upstream}
    rows = {
        table: merge_rows(table, writer.read(table, month), waiting[table].rows)
        for table in EVIDENCE
        if table in needed
    }
    return Evidence(
        inputs={table: frame for table, frame in rows.items() if frame.height},
        fresh=[table for table, files in waiting.items() if files.rows.height],
        folded=tuple(path for files in waiting.values() for path in files.files),
        unreadable=unreadable,
    )


def build_months(
    writer: Writer, options: BuildOptions, evidence: Mapping[str, Evidence], refused: pl.DataFrame = NOTHING_REFUSED
) -> StagedMonths:
    """Stage the evidence of some months, and build and stage the tables that are stale.

    `refused` (listed_on, captured_at, message) are the captures that validation sets aside.
    """
    staged = {month: _stage_evidence(writer, month, rows) for month, rows in evidence.items()}
    profiles: dict[Table, ColumnProfile] = {}
    for transform in MONTHLY:
        wanted = _wanted(options, transform)
        inputs = {
            month: _input_hashes(writer, month, transform.upstream, staged_month.files)
            for month, staged_month in staged.items()
        }
        stale = [
            month
            for month, hashes in inputs.items()
            if hashes and wanted and (options.force or not is_current(writer, month, wanted, hashes))
        ]
        if not stale:
            continue
        results = transform.build(stale, _together(evidence, stale, transform.upstream), refused, wanted)
        tables = {
            month: replace(result, tables={table: result.tables[table] for table in wanted})
            for month, result in results.items()
        }
        built = stage(writer, options, tables, inputs, staged)
        profiles |= built.profiles
        for staged_month in built.months:
            result = results[staged_month.month]
            staged[staged_month.month] = replace(
                staged_month,
                captures=pl.concat([staged_month.captures, result.captures], how="diagonal"),
                refused=pl.concat([staged_month.refused, result.refused]),
            )
    return StagedMonths([*staged.values()], profiles)


def _stage_evidence(writer: Writer, month: str, evidence: Evidence) -> StagedMonth:
    fresh = {table: rows for table, rows in evidence.inputs.items() if table in evidence.fresh}
    files = writer.stage(month, fresh)
    return StagedMonth(month, files, folded=evidence.folded, unreadable=evidence.unreadable)


def _together(evidence: Mapping[str, Evidence], months: Sequence[str], tables: Sequence[Table]) -> Inputs:
    """The rows of some months of the evidence tables that a transform reads."""
    parts = {table: [evidence[month].inputs.get(table) for month in months] for table in tables}
    known = {table: [part for part in frames if part is not None] for table, frames in parts.items()}
    return {table: pl.concat(frames) for table, frames in known.items() if frames}


def _is_stale(writer: Writer, options: BuildOptions, month: str, transform: MonthlyTransform) -> bool:
    wanted, inputs = _wanted(options, transform), _input_hashes(writer, month, transform.upstream)
    return bool(inputs and wanted) and (options.force or not is_current(writer, month, wanted, inputs))


def _wanted(options: BuildOptions, transform: MonthlyTransform) -> list[Table]:
    return [table for table in transform.downstream if table in options.only]


def merge_rows(table: Table, published: pl.DataFrame | None, waiting: pl.DataFrame) -> pl.DataFrame:
    """The evidence of a month, published and waiting, each answer once, in order.

    The same timestamp and body is one answer, however often it was stored; a row that has its URL is preferred.
    """
    rows = empty_table(table) if published is None else published
    if waiting.is_empty():
        return rows
    url = [name for name in ("url",) if name in rows.columns]
    merged = pl.concat([rows, waiting]).sort(*table.sort, *url, nulls_last=True)
    return merged.unique(subset=table.key, keep="first", maintain_order=True)


def _input_hashes(
    writer: Writer, month: str, evidence: Sequence[Table], staged: StagedFiles | None = None
) -> dict[str, str]:
    """The hashes of a month's evidence by file name, as published or as `staged`; empty where there is none."""
    published = writer.manifest.files
    names = [part_name(table.name, month) for table in evidence]
    entries = {name: (staged.entries if staged else {}).get(name) or published.get(name) for name in names}
    return {name: entry.sha256 for name, entry in entries.items() if entry}
