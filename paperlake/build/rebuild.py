"""Derived tables from kept answers, without network: as they are, or as they were known at an instant."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import partial

import polars as pl

from paperlake.build.partition import BuildOptions, Evidence
from paperlake.build.publish import (
    BuildContext,
    Published,
    great_expectations,
    publish_evidence,
    publish_months,
    waiting_months,
)
from paperlake.build.workers import builders
from paperlake.errors import PaperlakeError
from paperlake.quality.validation_log import this_run
from paperlake.store.lake import Lake
from paperlake.store.publish import Writer, open_writer
from paperlake.store.snapshot import snapshot
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.decisions import DECISIONS
from schemas.harvests import HARVESTS
from schemas.hub_replies import HUB_REPLIES
from schemas.saved_pages import SAVED_PAGES
from schemas.table import Table
from transforms.graph import DERIVED, EVIDENCE

KNOWN_AT = {
    HUB_REPLIES: "captured_at",
    ARXIV_REPLIES: "captured_at",
    ARXIV_LINES: "imported_at",
    SAVED_PAGES: "imported_at",
    DECISIONS: "decided_at",
    HARVESTS: "ended_at",
}
"""The instant from which on a row of evidence was known."""


class TargetTaken(PaperlakeError):
    """The lake as of an instant is a lake of its own: it is built into a folder that holds nothing else."""


class NothingKnown(PaperlakeError):
    """Nothing had been captured yet at the instant asked for."""


def months_kept(lake: Lake) -> list[str]:
    """The months that anything is kept of or was built of, published or waiting, oldest first."""
    published = snapshot(lake).manifest
    there = (month for table in (*EVIDENCE, *DERIVED) for month in published.months(table.name))
    return sorted({*waiting_months(lake), *there})


def rebuild(
    lake: Lake, months: Sequence[str], *, force: bool, only: Collection[Table] = DERIVED
) -> Iterator[Published]:
    """Build `months` again: those whose inputs or code changed, or with `force` all; of the tables only some."""
    yield from publish_months(lake, months, force=force, only=only, run=this_run("rebuild"))


def rebuild_as_of(lake: Lake, months: Sequence[str], at: datetime, target: Lake) -> Iterator[Published]:
    """Build into `target` the lake as it was known at `at`: from the evidence kept until then.

    What waits in the inbox of `lake` must have been folded. Raises TargetTaken, and NothingKnown once all months were
    looked at and none held anything.
    """
    if target.manifest.exists() or target.root == lake.root:
        raise TargetTaken(f"{target.root} holds a lake already; choose a new folder")
    if target.root.exists() and any(held != target.staged for held in target.root.iterdir()):
        raise TargetTaken(f"{target.root} holds something already; choose a new folder")
    work = BuildOptions(DERIVED)
    with open_writer(lake) as source, open_writer(target) as pen, builders(0) as crew:
        shop = BuildContext(pen, work, crew, great_expectations, this_run("rebuild as of"))
        yield from publish_evidence(shop, months, partial(_known, source, at))
        if not pen.manifest.files:
            raise NothingKnown(f"nothing had been captured yet at {at:%Y-%m-%dT%H:%M:%SZ}; {target.root} holds no lake")


def _known(source: Writer, at: datetime, month: str) -> Evidence:
    """What was kept of a month until `at`."""
    kept = {table: source.read(table, month) for table in EVIDENCE}
    until = {table: rows.filter(pl.col(KNOWN_AT[table]) <= at) for table, rows in kept.items() if rows is not None}
    held = {table: rows for table, rows in until.items() if rows.height}
    return Evidence(held, fresh=held)
