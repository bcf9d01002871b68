"""Derived tables from kept answers, without network: as they are, or as they were known at an instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import polars as pl

from flows.build import EVIDENCE, Published, publish_evidence, publish_month, waiting_months
from store.lake import Lake
from store.publish import writer
from store.snapshot import snapshot


class TargetTaken(Exception):
    """The lake as of an instant is a lake of its own: it is built into a folder that holds none."""


def months_kept(lake: Lake) -> list[str]:
    """The months that evidence is kept of, published or waiting, oldest first."""
    published = snapshot(lake).manifest
    return sorted({*waiting_months(lake), *(month for table in EVIDENCE for month in published.months(table.name))})


def rebuild(lake: Lake, months: list[str], *, force: bool) -> Iterator[Published]:
    """Build `months` again, one after the other: those whose inputs or code changed, or with `force` all."""
    for month in months:
        yield publish_month(lake, month, force=force)


def rebuild_as_of(lake: Lake, months: list[str], at: datetime, target: Lake) -> Iterator[Published]:
    """Build into `target` the lake as it was known at `at`: from the answers and decisions kept until then.

    What waits in the inbox of `lake` must have been folded. Raises TargetTaken.
    """
    if target.manifest.exists() or target.root == lake.root:
        raise TargetTaken(f"{target.root} holds a lake already; choose a new folder")
    known_at = {"hub_replies": "captured_at", "decisions": "decided_at"}
    with writer(lake) as source, writer(target) as pen:
        for month in months:
            kept = {table: source.read(table, month) for table in EVIDENCE}
            known = {
                table: rows.filter(pl.col(known_at[table.name]) <= at)
                for table, rows in kept.items()
                if rows is not None
            }
            yield publish_evidence(pen, month, known)
