"""The validation log: the findings of each run, in the table `validations`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from paperlake.quality.finding import Finding
from paperlake.store.publish import FileDamaged, Writer
from schemas.calendar import month_of
from schemas.validations import VALIDATIONS
from transforms.conform import empty_table

IN_PROCESS = "by hand"
"""The value of `run` for a pipeline that runs without Prefect."""
log = logging.getLogger("paperlake")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a pipeline: the columns `run` and `judged_at` of `validations`."""

    name: str
    started_at: datetime


def start_run(name: str) -> Run:
    """A run that starts now."""
    return Run(name, datetime.now(UTC))


def validation_rows(run: Run, findings: Sequence[Finding]) -> pl.DataFrame:
    """The findings of a run as rows of `validations`."""
    return pl.DataFrame(
        [
            {
                "judged_on": run.started_at.date(),
                "judged_at": run.started_at,
                "run": run.name,
                "suite": finding.suite,
                "table_name": finding.table,
                "judged_month": finding.month,
                "column_name": finding.column,
                "expectation": finding.expectation,
                "severity": finding.severity,
                "success": finding.success,
                "unexpected_count": finding.unexpected_count,
                "observed": None if finding.success else ", ".join(finding.examples),
            }
            for finding in findings
        ],
        schema=pl.Schema(VALIDATIONS.arrow()),
    )


def record(writer: Writer, run: Run, findings: Sequence[Finding]) -> None:
    """Add findings to the month of the run in `validations`. If that file is damaged, log a warning and keep it."""
    if not findings:
        return
    month = month_of(run.started_at)
    try:
        published = writer.read(VALIDATIONS, month)
    except FileDamaged as error:
        log.warning(
            "the validation results are not recorded: %s; `papers verify --repair` quarantines the damaged file", error
        )
        return
    rows = pl.concat([empty_table(VALIDATIONS) if published is None else published, validation_rows(run, findings)])
    # A month that a run validates twice, in two batches, keeps the last result.
    newest = rows.unique(subset=VALIDATIONS.key, keep="last", maintain_order=True).sort(VALIDATIONS.sort)
    writer.commit(writer.stage(month, {VALIDATIONS: newest}))
