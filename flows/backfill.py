"""The flow `backfill`: the backfill pipeline, its steps as task runs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, cast

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from flows.runner import prefect_context
from paperlake.monitoring.run_report import RunHadProblems, RunReport
from paperlake.pipelines import backfill as pipeline
from paperlake.pipelines.runner import MONTHS_AT_ONCE


@flow(name="backfill", task_runner=cast("Any", ThreadPoolTaskRunner(max_workers=MONTHS_AT_ONCE)))
def backfill(
    start: date,
    end: date | None = None,
    refresh: bool = False,  # noqa: FBT001, FBT002 - a parameter of a deployment
    now: datetime | None = None,
) -> RunReport:
    """Capture and publish every date from `start` to `end` (the newest closed one) that has no final answer.

    With `refresh`, capture the dates with a final answer too. `now` simulates another start. Raises RunHadProblems
    after publishing all it could.
    """
    context = prefect_context(now)
    report = pipeline.backfill(context, start, end, refresh=refresh)
    if report.problems:
        raise RunHadProblems(report)
    return report
