"""Months from kept answers to published tables: fold, read, judge, publish."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import polars as pl

from flows.recipes import DERIVED, EVIDENCE, NOTHING_REFUSED, RECIPES, Kept
from schemas.catalogue import TABLES
from schemas.table import Table
from store import inbox
from store.fingerprint import code
from store.journal import JournalDamaged
from store.lake import Lake, part_name
from store.manifest import ManifestUnreadable
from store.publish import FileDamaged, LakeBusy, Staged, Writer, writer
from transforms.conform import none

BATCH_MONTHS = 8
"""Judged together: what the judge costs hardly grows with the months, but they are published only after it."""
_BUILDERS = max(2, os.cpu_count() or 1)


class MonthRefused(Exception):
    """A built month breaks its own declaration: a fault of ours. Nothing of it was published or lost."""


MONTH_FAULTS = (MonthRefused, LakeBusy, FileDamaged, JournalDamaged, ManifestUnreadable)
"""What can keep a month from being published. What was captured of it stays kept."""


class Judge(Protocol):
    """Who stands between build and publish: `quality.judge`."""

    def facts(self, table: Table, month: str, rows: pl.DataFrame) -> pl.DataFrame:
        """What is to be judged of a month of a table."""

    def unmet(self, table: Table, told: Sequence[pl.DataFrame]) -> Sequence[Finding]:
        """What months of a table do not meet."""

    def refused(self, captures: pl.DataFrame) -> pl.DataFrame:
        """The captures to set aside."""


class Finding(Protocol):
    """Something that a month does not meet; its text says what."""

    @property
    def month(self) -> str:
        """The month that it was found in."""


def great_expectations() -> Judge:
    """The judge of every run; importing it takes seconds, which only who builds pays."""
    from quality import judge  # noqa: PLC0415

    return judge


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing a month did. With a `fault`, it was not published."""

    month: str
    changed: tuple[str, ...] = ()
    refused: tuple[tuple[date, datetime, str], ...] = ()
    unreadable: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    fault: Exception | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is kept of a month, by table; `fresh` are the tables that are not published just so.

    `folded` are the files of the inbox that it holds, `unreadable` those that could not be read.
    """

    kept: Kept
    fresh: Collection[Table]
    folded: tuple[Path, ...] = ()
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A month that is built and staged, and what is to be judged of it."""

    month: str
    evidence: Evidence
    staged: Staged
    refused: pl.DataFrame
    facts: Mapping[Table, pl.DataFrame]


def waiting_months(lake: Lake) -> list[str]:
    """The months that have evidence waiting to be folded in, oldest first."""
    return sorted({month for table in EVIDENCE for month in inbox.waiting_months(lake, table)})


def publish_month(lake: Lake, month: str, *, force: bool = False) -> Published:
    """Fold what waits for `month`, and build and publish what that changes. Raises what `MONTH_FAULTS` lists.

    `force` builds it even where inputs and code are those it was built from; what changes then should not have.
    """
    (done,) = publish_months(lake, [month], force=force)
    if done.fault is not None:
        raise done.fault
    return done


def publish_months(
    lake: Lake,
    months: Sequence[str],
    *,
    force: bool = False,
    only: Collection[Table] = DERIVED,
    judge: Callable[[], Judge] = great_expectations,
) -> Iterator[Published]:
    """Publish `months` as `publish_month` does, several at a time; of the derived tables only some.

    A month that cannot be published keeps none of the others from it: see its `fault`. Raises LakeBusy,
    JournalDamaged and ManifestUnreadable, which concern them all.
    """
    for start in range(0, len(months), BATCH_MONTHS):
        with writer(lake) as pen:
            yield from publish_evidence(
                pen,
                months[start : start + BATCH_MONTHS],
                partial(_gathered, pen, only=only, force=force),
                force=force,
                only=only,
                judge=judge,
            )


def publish_evidence(  # noqa: PLR0913 - what, from what, and how
    pen: Writer,
    months: Sequence[str],
    gather: Callable[[str], Evidence | None],
    *,
    force: bool = False,
    only: Collection[Table] = DERIVED,
    judge: Callable[[], Judge] = great_expectations,
) -> Iterator[Published]:
    """Publish the evidence that `gather` gives of each month, with what is derived; None leaves a month alone."""

    def prepared(month: str) -> _Prepared | Published:
        try:
            evidence = gather(month)
            if evidence is None:
                return Published(month, rows=_rows(pen, month))
            return _prepared(pen, month, evidence, judge, only, force=force)
        except MONTH_FAULTS as fault:
            return Published(month, fault=fault)

    with ThreadPoolExecutor(min(_BUILDERS, max(1, len(months)))) as builders:
        found = list(builders.map(prepared, months))
    faults = _judged(judge, [one for one in found if isinstance(one, _Prepared)])
    for one in found:
        if isinstance(one, Published):
            yield one
        elif one.month in faults:
            pen.drop(one.staged)
            yield Published(one.month, unreadable=one.evidence.unreadable, fault=faults[one.month])
        else:
            changed = pen.commit(one.staged, one.evidence.folded, thorough=force)
            yield Published(
                month=one.month,
                changed=tuple(changed),
                refused=tuple(one.refused.rows()),
                unreadable=one.evidence.unreadable,
                rows=_rows(pen, one.month),
            )


def _gathered(pen: Writer, month: str, *, only: Collection[Table], force: bool) -> Evidence | None:
    """All that is kept of a month, published or waiting; None where nothing waits and every table is current."""
    waiting = {table: inbox.waiting(pen.lake, table, month) for table in EVIDENCE}
    unreadable = tuple(str(path) for kept in waiting.values() for path in kept.unreadable)
    is_quiet = not force and not unreadable and not any(kept.files for kept in waiting.values())
    if is_quiet and all(
        _is_current(pen, month, [table for table in recipe.derived if table in only], inputs)
        for recipe in RECIPES
        if (inputs := _inputs(pen, month, recipe.evidence))
    ):
        return None
    kept = {table: _all_kept(pen, table, month, waits.rows) for table, waits in waiting.items()}
    return Evidence(
        kept={table: rows for table, rows in kept.items() if rows.height},
        fresh=[table for table, waits in waiting.items() if waits.rows.height],
        folded=tuple(path for waits in waiting.values() for path in waits.files),
        unreadable=unreadable,
    )


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


def _prepared(  # noqa: PLR0913 - what, from what, and how
    pen: Writer, month: str, evidence: Evidence, judge: Callable[[], Judge], only: Collection[Table], *, force: bool
) -> _Prepared:
    """The month's tables, built where their inputs or code changed, and staged."""
    kept = evidence.kept
    staged = pen.stage(month, {table: rows for table, rows in kept.items() if table in evidence.fresh})
    refused: list[pl.DataFrame] = [NOTHING_REFUSED]
    facts: dict[Table, pl.DataFrame] = {}
    for recipe in RECIPES:
        inputs = _inputs(pen, month, recipe.evidence, staged)
        wanted = [table for table in recipe.derived if table in only]
        if not inputs or (not force and _is_current(pen, month, wanted, inputs)):
            continue
        built = recipe.build(month, kept, lambda captures: judge().refused(captures))
        frames = {table: built.tables[table] for table in wanted}
        staged = pen.stage(month, frames, code=code(), inputs=inputs, wanting=built.wanting, into=staged)
        refused.append(built.refused)
        new = [table for table in wanted if _is_new(pen, staged, table, month)]
        facts |= {table: judge().facts(table, month, frames[table]) for table in new}
    return _Prepared(month, evidence, staged, pl.concat(refused), facts)


def _judged(judge: Callable[[], Judge], prepared: Sequence[_Prepared]) -> dict[str, MonthRefused]:
    """The months that break a declaration. Bytes that are published already were judged when they came."""
    findings: dict[str, list[Finding]] = {}
    for table in DERIVED:
        if facts := [one.facts[table] for one in prepared if table in one.facts]:
            for finding in judge().unmet(table, facts):
                findings.setdefault(finding.month, []).append(finding)
    return {
        month: MonthRefused(
            f"{month} was built but not published, for it breaks its own declaration (the answers are kept, nothing "
            "is lost; please report this): " + "; ".join(map(str, found[:5]))
        )
        for month, found in findings.items()
    }


def _rows(pen: Writer, month: str) -> dict[str, int]:
    published = pen.manifest
    return {name: entry.rows for name in TABLES if (entry := published.entry(name, month))}


def _inputs(pen: Writer, month: str, evidence: Sequence[Table], staged: Staged | None = None) -> dict[str, str]:
    """The hashes of a month's evidence by file name, as it stands or as `staged`; empty where there is none."""
    published = pen.manifest.files
    names = [part_name(table.name, month) for table in evidence]
    entries = {name: (staged.entries if staged else {}).get(name) or published.get(name) for name in names}
    return {name: entry.sha256 for name, entry in entries.items() if entry}


def _is_current(pen: Writer, month: str, tables: Sequence[Table], inputs: Mapping[str, str]) -> bool:
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


def _is_new(pen: Writer, staged: Staged, table: Table, month: str) -> bool:
    """Whether the staged bytes differ from the published ones, which were judged when they came."""
    name = part_name(table.name, month)
    published = pen.manifest.files.get(name)
    return published is None or published.sha256 != staged.entries[name].sha256
