"""One month from kept answers to published tables: fold, read, judge, publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

import polars as pl

from schemas.catalogue import TABLES
from schemas.decisions import DECISIONS
from schemas.hub_replies import HUB_REPLIES
from schemas.source_days import SOURCE_DAYS
from schemas.table import Table
from store import inbox
from store.fingerprint import code
from store.inbox import Kept
from store.journal import JournalDamaged
from store.lake import Lake, part_name
from store.manifest import ManifestUnreadable
from store.publish import FileDamaged, LakeBusy, Staged, Writer, writer
from transforms import hub
from transforms.conform import none
from transforms.verdicts import wanting

EVIDENCE = (HUB_REPLIES, DECISIONS)
DERIVED = tuple(table for table in TABLES.values() if not table.is_kept)
NOTHING_REFUSED = pl.DataFrame(
    schema={"listed_on": pl.Date, "captured_at": pl.Datetime("us", "UTC"), "message": pl.String}
)


class MonthRefused(Exception):
    """A built month breaks its own declaration: a fault of ours. Nothing of it was published or lost."""


MONTH_FAULTS = (MonthRefused, LakeBusy, FileDamaged, JournalDamaged, ManifestUnreadable)
"""What can keep a month from being published. What was captured of it stays kept."""


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing a month did."""

    month: str
    changed: tuple[str, ...] = ()
    refused: tuple[tuple[date, datetime, str], ...] = ()
    unreadable: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)


def waiting_months(lake: Lake) -> list[str]:
    """The months that have evidence waiting to be folded in, oldest first."""
    return sorted({month for table in EVIDENCE for month in inbox.waiting_months(lake, table)})


def publish_month(lake: Lake, month: str, *, force: bool = False) -> Published:
    """Fold what waits for `month`, and build and publish what that changes.

    `force` builds it even where inputs and code are those it was built from; what changes then should not have.
    Raises what `MONTH_FAULTS` lists.
    """
    with writer(lake) as pen:
        waiting = {table: inbox.waiting(lake, table, month) for table in EVIDENCE}
        unreadable = tuple(str(path) for kept in waiting.values() for path in kept.unreadable)
        is_quiet = not force and not any(kept.files for kept in waiting.values())
        if is_quiet and _is_current(pen, month, _inputs(pen, month)):
            return Published(month, unreadable=unreadable, rows=_rows(pen, month))
        evidence = {table: _evidence(pen, table, month, kept) for table, kept in waiting.items()}
        folded = tuple(path for kept in waiting.values() for path in kept.files)
        return replace(publish_evidence(pen, month, evidence, folded, force=force), unreadable=unreadable)


def publish_evidence(
    pen: Writer,
    month: str,
    evidence: Mapping[Table, pl.DataFrame],
    folded: tuple[Path, ...] = (),
    *,
    force: bool = False,
) -> Published:
    """Publish a month's kept tables, and the tables derived from them. Raises what `MONTH_FAULTS` lists."""
    held = {table: rows for table, rows in evidence.items() if rows.height}
    if not held:
        return Published(month)
    staged = pen.stage(month, held)
    inputs = {name: entry.sha256 for name, entry in staged.entries.items()}
    refused = NOTHING_REFUSED
    if force or not _is_current(pen, month, inputs):
        staged, refused = _built(pen, staged, month, evidence, inputs)
    changed = pen.commit(staged, folded, thorough=force)
    return Published(month, tuple(changed), tuple(refused.rows()), rows=_rows(pen, month))


def _rows(pen: Writer, month: str) -> dict[str, int]:
    return {name: entry.rows for name in TABLES if (entry := pen.manifest.entry(name, month))}


def _inputs(pen: Writer, month: str) -> dict[str, str]:
    """The hashes of the published evidence of a month, by file name."""
    entries = {table.name: pen.manifest.entry(table.name, month) for table in EVIDENCE}
    return {part_name(name, month): entry.sha256 for name, entry in entries.items() if entry}


def _evidence(pen: Writer, table: Table, month: str, waiting: Kept) -> pl.DataFrame:
    """All that is kept of a month, published or waiting, each once, in order.

    The same instant and body is one answer, however often it came; one that knows its address is preferred.
    """
    published = pen.read(table, month)
    rows = none(table) if published is None else published
    if waiting.rows.is_empty():
        return rows
    telling = [name for name in ("url",) if name in rows.columns]
    every = pl.concat([rows, waiting.rows]).sort(*table.sort, *telling, nulls_last=True)
    return every.unique(subset=table.key, keep="first", maintain_order=True)


def _is_current(pen: Writer, month: str, inputs: Mapping[str, str]) -> bool:
    """Whether every derived table of the month was built from just these inputs by just this code."""
    entries = [pen.manifest.files.get(part_name(table.name, month)) for table in DERIVED]
    return all(
        entry is not None
        and dict(entry.inputs) == dict(inputs)
        and entry.code == code()
        and pen.is_in_place(part_name(table.name, month), entry)
        for table, entry in zip(DERIVED, entries, strict=True)
    )


def _built(
    pen: Writer, staged: Staged, month: str, evidence: Mapping[Table, pl.DataFrame], inputs: Mapping[str, str]
) -> tuple[Staged, pl.DataFrame]:
    """The month's derived tables, staged and judged, and the captures that were set aside."""
    from quality import judge  # noqa: PLC0415 - takes seconds to import, and only who builds pays them

    reading = hub.read(evidence.get(HUB_REPLIES, none(HUB_REPLIES)))
    accepted = evidence.get(DECISIONS, none(DECISIONS)).filter(
        pl.col("source") == hub.NAME, pl.col("decision") == "accept"
    )
    broken = judge.refused(reading.captures)
    tables = hub.build(reading, broken, accepted)
    frames = {TABLES[name]: rows for name, rows in tables.items()}
    gaps = {SOURCE_DAYS: wanting(tables[SOURCE_DAYS.name], hub.NAME, month)}
    staged = pen.stage(month, frames, code=code(), inputs=inputs, wanting=gaps, into=staged)
    fresh = [table for table in frames if _is_new(pen, staged, table, month)]
    findings = [finding for table in fresh for finding in judge.unmet(table, month, frames[table])]
    if findings:
        pen.drop(staged)
        raise MonthRefused(
            f"{month} was built but not published, for it breaks its own declaration (the answers are kept, nothing "
            "is lost; please report this): " + "; ".join(map(str, findings[:5]))
        )
    return staged, broken.join(accepted, on=hub.CAPTURE, how="anti")


def _is_new(pen: Writer, staged: Staged, table: Table, month: str) -> bool:
    """Whether the staged bytes differ from the published ones, which were judged when they came."""
    name = part_name(table.name, month)
    published = pen.manifest.files.get(name)
    return published is None or published.sha256 != staged.entries[name].sha256
