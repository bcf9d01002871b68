"""The ledger of judgements: what was judged in which run, and what was found."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from paperlake.quality.finding import Finding
from paperlake.store.lake import MONTH_FORM
from paperlake.store.publish import FileDamaged, Writer
from schemas.validations import VALIDATIONS
from transforms.conform import none

ALONE = "by hand"
"""Beside the name of a flow that runs without Prefect."""
log = logging.getLogger("paperlake")


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as the ledger names it."""

    name: str
    started_at: datetime


def this_run(name: str) -> Run:
    """A run that begins now."""
    return Run(name, datetime.now(UTC))


def recorded(run: Run, findings: Sequence[Finding]) -> pl.DataFrame:
    """What was found in a run, as rows of `validations`."""
    return pl.DataFrame(
        [
            {
                "judged_on": run.started_at.date(),
                "judged_at": run.started_at,
                "run": run.name,
                "suite": one.suite,
                "table_name": one.table,
                "judged_month": one.month,
                "column_name": one.column,
                "expectation": one.expectation,
                "severity": one.severity,
                "success": one.success,
                "unexpected_count": one.unexpected_count,
                "observed": None if one.success else ", ".join(one.examples),
            }
            for one in findings
        ],
        schema=pl.Schema(VALIDATIONS.arrow()),
    )


def record(pen: Writer, run: Run, findings: Sequence[Finding]) -> None:
    """Write what was found into the ledger's month of the run. A damaged ledger is left as it is, and that is said."""
    if not findings:
        return
    month = run.started_at.strftime(MONTH_FORM)
    try:
        before = pen.read(VALIDATIONS, month)
    except FileDamaged as damaged:
        log.warning("what was judged is not recorded: %s; `papers verify --repair` sets it aside", damaged)
        return
    every = pl.concat([none(VALIDATIONS) if before is None else before, recorded(run, findings)])
    # Judged twice in one run (for it came in two batches), the last word stands.
    newest = every.unique(subset=VALIDATIONS.key, keep="last", maintain_order=True).sort(VALIDATIONS.sort)
    pen.commit(pen.stage(month, {VALIDATIONS: newest}))
