"""Rebuild derived tables from evidence, without network: as they are, or as they were known at a point in time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import partial

import polars as pl

from paperlake.build.monthly import Evidence, merge_rows
from paperlake.build.partition import BuildOptions
from paperlake.build.publish import BuildContext, publish_evidence, publish_months, waiting_months
from paperlake.build.results import PartitionResult
from paperlake.build.workers import start_workers
from paperlake.errors import PaperlakeError
from paperlake.quality.validation_log import start_run
from paperlake.quality.validator import Validator
from paperlake.store import inbox, parquet
from paperlake.store.files import sha256
from paperlake.store.lake import Lake
from paperlake.store.publish import FileDamaged, open_writer
from paperlake.store.snapshot import Snapshot, read_consistent, snapshot
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.decisions import DECISIONS
from schemas.harvests import HARVESTS
from schemas.hub_replies import HUB_REPLIES
from schemas.saved_pages import SAVED_PAGES
from schemas.table import Table
from transforms.graph import DERIVED, EVIDENCE

KNOWN_SINCE = {
    HUB_REPLIES: "captured_at",
    ARXIV_REPLIES: "captured_at",
    ARXIV_LINES: "imported_at",
    SAVED_PAGES: "imported_at",
    DECISIONS: "decided_at",
    HARVESTS: "ended_at",
}
"""The column that says since when a row of evidence was known."""


class TargetTaken(PaperlakeError):
    """A lake as of a point in time is a lake of its own; its folder must be empty."""


class NothingKnown(PaperlakeError):
    """Nothing had been captured yet at that time."""


def known_months(lake: Lake) -> list[str]:
    """The months that have evidence or derived tables, published or waiting, oldest first."""
    published = snapshot(lake).manifest
    months = (month for table in (*EVIDENCE, *DERIVED) for month in published.months(table.name))
    return sorted({*waiting_months(lake), *months})


def rebuild(
    lake: Lake, months: Sequence[str], *, force: bool, only: Collection[Table] = DERIVED
) -> Iterator[PartitionResult]:
    """Rebuild `months` where inputs or code changed, or with `force` all; of the derived tables `only` some."""
    yield from publish_months(lake, months, force=force, only=only, run=start_run("rebuild"))


def rebuild_as_of(lake: Lake, months: Sequence[str], at: datetime, target: Lake) -> Iterator[PartitionResult]:
    """Build into `target` the lake as it was known at `at`, from the evidence stored until then.

    `lake` is only read, its inbox too. Raises TargetTaken, and NothingKnown after the last month where none held
    anything.
    """
    if target.manifest.exists() or target.root == lake.root:
        raise TargetTaken(f"{target.root} holds a lake already; choose a new folder")
    if target.root.exists() and any(path != target.staged for path in target.root.iterdir()):
        raise TargetTaken(f"{target.root} holds something already; choose a new folder")
    with open_writer(target) as writer, start_workers(0) as workers:
        context = BuildContext(writer, BuildOptions(DERIVED), workers, Validator(), start_run("rebuild as of"))
        yield from publish_evidence(context, months, partial(_evidence_until, lake, at))
        if not writer.manifest.files:
            raise NothingKnown(f"nothing had been captured yet at {at:%Y-%m-%dT%H:%M:%SZ}; {target.root} holds no lake")


def _evidence_until(lake: Lake, at: datetime, month: str) -> Evidence:
    """The evidence of a month that was stored until `at`, published or in the inbox. Raises FileDamaged."""
    # The inbox first: what a publish moves to the tables in the meantime is read twice, and never missed.
    waiting = {table: inbox.waiting(lake, table, month) for table in EVIDENCE}
    published = read_consistent(lake, partial(_published_until, at, month))
    until = {
        table: merge_rows(table, published.get(table), files.rows.filter(pl.col(KNOWN_SINCE[table]) <= at))
        for table, files in waiting.items()
    }
    known = {table: rows for table, rows in until.items() if rows.height}
    unreadable = {table.name: tuple(map(str, files.unreadable)) for table, files in waiting.items() if files.unreadable}
    return Evidence(known, fresh=known, unreadable=unreadable)


def _published_until(at: datetime, month: str, seen: Snapshot) -> dict[Table, pl.DataFrame]:
    rows: dict[Table, pl.DataFrame] = {}
    for table in EVIDENCE:
        entry = seen.manifest.entry(table.name, month)
        if entry is None:
            continue
        path = seen.path(table.name, month)
        if not path.exists() or sha256(path) != entry.sha256:
            raise FileDamaged(
                f"{path} is not what was published (missing, or its SHA-256 differs from the manifest's); nothing was "
                "built from it. Restore it from a backup"
            )
        rows[table] = parquet.read(path, table, [], pl.col(KNOWN_SINCE[table]) <= at)
    return rows
