"""One month from kept answers to published tables: fold, read, judge, publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from schemas.catalogue import TABLES
from schemas.decisions import DECISIONS
from schemas.hub_replies import HUB_REPLIES
from schemas.table import Table
from store import inbox, parquet
from store.fingerprint import code
from store.inbox import Kept
from store.lake import Lake, part_name
from store.publish import Staged, Writer, writer
from transforms import hub
from transforms.conform import none

EVIDENCE = (HUB_REPLIES, DECISIONS)
DERIVED = tuple(table for table in TABLES.values() if not table.is_kept)


class MonthRefused(Exception):
    """A built month breaks its own declaration: a fault of ours. Nothing of it was published or lost."""


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


def publish_month(lake: Lake, month: str) -> Published:
    """Fold what waits for `month`, and build and publish what that changes.

    Raises MonthRefused, LakeBusy.
    """
    with writer(lake) as pen:
        waiting = {table: inbox.waiting(lake, table, month) for table in EVIDENCE}
        evidence = {table: _evidence(pen, table, month, waiting[table]) for table in EVIDENCE}
        held = {table: rows for table, rows in evidence.items() if rows.height}
        if not held:
            return Published(month, unreadable=_unreadable(waiting))
        staged = pen.stage(month, held)
        inputs = {name: entry.sha256 for name, entry in staged.entries.items()}
        refused = none(DECISIONS).select("listed_on", "captured_at", message="decision")
        if not _is_current(pen, month, inputs):
            staged, refused = _built(pen, staged, month, evidence, inputs)
        folded = tuple(path for kept in waiting.values() for path in kept.files)
        changed = pen.commit(staged, folded)
        return Published(
            month=month,
            changed=tuple(changed),
            refused=tuple(refused.rows()),
            unreadable=_unreadable(waiting),
            rows={table.name: e.rows for table in TABLES.values() if (e := pen.manifest.entry(table.name, month))},
        )


def _unreadable(waiting: Mapping[Table, Kept]) -> tuple[str, ...]:
    return tuple(str(path) for kept in waiting.values() for path in kept.unreadable)


def _evidence(pen: Writer, table: Table, month: str, waiting: Kept) -> pl.DataFrame:
    """All that is kept of a month, published or waiting, each once, in order.

    The same instant and body is one answer, however often it came; one that knows its address is preferred.
    """
    published = pen.manifest.entry(table.name, month)
    rows = parquet.read(pen.lake.part(table.name, month), table) if published else none(table)
    if waiting.rows.is_empty():
        return rows
    telling = [name for name in ("url",) if name in rows.columns]
    every = pl.concat([rows, waiting.rows]).sort(*table.sort, *telling, nulls_last=True)
    return every.unique(subset=table.key, keep="first", maintain_order=True)


def _is_current(pen: Writer, month: str, inputs: Mapping[str, str]) -> bool:
    """Whether every derived table of the month was built from just these inputs by just this code."""
    entries = [pen.manifest.files.get(part_name(table.name, month)) for table in DERIVED]
    return all(entry is not None and dict(entry.inputs) == dict(inputs) and entry.code == code() for entry in entries)


def _built(
    pen: Writer, staged: Staged, month: str, evidence: Mapping[Table, pl.DataFrame], inputs: Mapping[str, str]
) -> tuple[Staged, pl.DataFrame]:
    """The month's derived tables, staged and judged, and the captures that were set aside."""
    from quality import judge  # noqa: PLC0415 - takes seconds to import, and only who builds pays them

    reading = hub.read(evidence[HUB_REPLIES])
    accepted = evidence[DECISIONS].filter(pl.col("source") == hub.NAME, pl.col("decision") == "accept")
    broken = judge.refused(reading.captures)
    tables = hub.build(reading, broken, accepted)
    frames = {TABLES[name]: rows for name, rows in tables.items()}
    staged = pen.stage(month, frames, code=code(), inputs=inputs, into=staged)
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
