"""One month from what is kept of it to staged tables: gathered, read and built, in nobody's sight yet.

Everything here is given to builders by name, and some of those are other processes: what goes in and out is small.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from paperlake.quality.column_profile import profile_columns
from paperlake.store import inbox
from paperlake.store.fingerprint import code
from paperlake.store.lake import part_name
from paperlake.store.publish import FileDamaged, Staged, Writer
from schemas.table import Table
from transforms.conform import none
from transforms.graph import EVIDENCE, MONTHLY, NOTHING_REFUSED, Inputs, MonthlyTransform
from transforms.routes import route_digests


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How months are to be built: of the derived tables only some; `force`, also what is current.

    `is_judged` asks for the facts that the judge wants to see.
    """

    only: Collection[Table]
    force: bool = False
    is_judged: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is kept of a month, by table; `fresh` are the tables that are not published just so.

    `folded` are the files of the inbox that it holds, `unreadable` those that could not be read.
    """

    kept: Inputs
    fresh: Collection[Table]
    folded: tuple[Path, ...] = ()
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A month that is built and staged, and what is to be judged of it.

    `captures` are the rows of the table `captures` before any was refused; `refused` those that were set aside.
    """

    month: str
    staged: Staged
    captures: pl.DataFrame
    refused: pl.DataFrame
    facts: Mapping[Table, pl.DataFrame]
    folded: tuple[Path, ...] = ()
    unreadable: tuple[str, ...] = ()


def gathered(pen: Writer, work: BuildOptions, month: str) -> Evidence | None:
    """All that is kept of a month, published or waiting; None where nothing waits and every table is current."""
    waiting = {table: inbox.waiting(pen.lake, table, month) for table in EVIDENCE}
    unreadable = tuple(str(path) for kept in waiting.values() for path in kept.unreadable)
    waits = {table for table, kept in waiting.items() if kept.files}
    due = [recipe for recipe in MONTHLY if waits & {*recipe.evidence} or not _is_done(pen, work, month, recipe)]
    if not due and not waits and not unreadable:
        return None
    # Of a source that has nothing new nothing is read: a month of its answers may be large.
    wanted = waits | {table for recipe in due for table in recipe.evidence}
    kept = {table: _all_kept(pen, table, month, waiting[table].rows) for table in EVIDENCE if table in wanted}
    return Evidence(
        kept={table: rows for table, rows in kept.items() if rows.height},
        fresh=[table for table, waits in waiting.items() if waits.rows.height],
        folded=tuple(path for waits in waiting.values() for path in waits.files),
        unreadable=unreadable,
    )


def prepared(
    pen: Writer, work: BuildOptions, month: str, evidence: Evidence, broken: pl.DataFrame = NOTHING_REFUSED
) -> Prepared:
    """The tables of a month, built where inputs or code changed, and staged.

    `broken` (listed_on, captured_at, message) are the captures that the judge refuses.
    """
    kept = evidence.kept
    staged = pen.stage(month, {table: rows for table, rows in kept.items() if table in evidence.fresh})
    captures, refused = [NOTHING_REFUSED.select("listed_on", "captured_at")], [NOTHING_REFUSED]
    told: dict[Table, pl.DataFrame] = {}
    for recipe in MONTHLY:
        inputs = _inputs(pen, month, recipe.evidence, staged)
        wanted = [table for table in recipe.derived if table in work.only]
        if not inputs or not wanted or (not work.force and is_current(pen, month, wanted, inputs)):
            continue
        built = recipe.build(month, kept, broken, wanted)
        frames = {table: built.tables[table] for table in wanted}
        wanted_of = {table: route_digests(rows, table, built.answers) for table, rows in frames.items() if table.route}
        staged = pen.stage(
            month, frames, code=code(), inputs=inputs, wanting=built.wanting, shares=wanted_of, into=staged
        )
        captures.append(built.captures)
        refused.append(built.refused)
        new = [table for table in wanted if is_new(pen, staged, table, month, frames[table])] if work.is_judged else []
        told |= {table: profile_columns(table, month, frames[table]) for table in new}
    return Prepared(
        month=month,
        staged=staged,
        captures=pl.concat(captures, how="diagonal"),
        refused=pl.concat(refused),
        facts=told,
        folded=evidence.folded,
        unreadable=evidence.unreadable,
    )


def _is_done(pen: Writer, work: BuildOptions, month: str, recipe: MonthlyTransform) -> bool:
    """Whether what a recipe makes of what is published of a month needs no building."""
    wanted, inputs = [table for table in recipe.derived if table in work.only], _inputs(pen, month, recipe.evidence)
    return not inputs or not wanted or (not work.force and is_current(pen, month, wanted, inputs))


def _all_kept(pen: Writer, table: Table, month: str, waiting: pl.DataFrame) -> pl.DataFrame:
    """All that is kept of a month, each answer once, in order.

    The same instant and body is one answer, however often it came; one that knows its address is preferred.
    """
    published = pen.read(table, month)
    rows = none(table) if published is None else published
    if waiting.is_empty():
        return rows
    telling = [name for name in ("url",) if name in rows.columns]
    every = pl.concat([rows, waiting]).sort(*table.sort, *telling, nulls_last=True)
    return every.unique(subset=table.key, keep="first", maintain_order=True)


def _inputs(pen: Writer, month: str, evidence: Sequence[Table], staged: Staged | None = None) -> dict[str, str]:
    """The hashes of a month's evidence by file name, as it stands or as `staged`; empty where there is none."""
    published = pen.manifest.files
    names = [part_name(table.name, month) for table in evidence]
    entries = {name: (staged.entries if staged else {}).get(name) or published.get(name) for name in names}
    return {name: entry.sha256 for name, entry in entries.items() if entry}


def is_current(pen: Writer, month: str, tables: Sequence[Table], inputs: Mapping[str, str]) -> bool:
    """Whether all of `tables` were built of the month from just these inputs by just this code."""
    published = pen.manifest.files
    names = [part_name(table.name, month) for table in tables]
    return all(
        (entry := published.get(name)) is not None
        and dict(entry.inputs) == dict(inputs)
        and entry.code == code()
        and pen.is_in_place(name, entry)
        for name in names
    )


def is_new(pen: Writer, staged: Staged, table: Table, month: str, rows: pl.DataFrame) -> bool:
    """Whether the staged rows differ from the published ones, which were judged when they came."""
    name = part_name(table.name, month)
    published, coming = pen.manifest.files.get(name), staged.entries[name]
    if published is None or published.rows != coming.rows:
        return True
    if published.sha256 == coming.sha256:
        return False
    # A footer tells what the file was built from: that alone makes other bytes of the same rows.
    try:
        before = pen.read(table, month)
    except (FileDamaged, pl.exceptions.PolarsError):
        return True
    return before is None or not before.equals(rows)
