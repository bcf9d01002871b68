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
    allow_empty: bool = False,  # noqa: FBT001, FBT002
) -> RunReport:
    """Capture and publish every date from `start` to `end` (the newest closed one) that has no final answer.

    With `refresh`, capture the dates with a final answer too. Five weekdays in a row without papers end the requests,
    unless `allow_empty`. `now` simulates another start. Raises RunHadProblems after publishing all it could.
    """
    context = prefect_context(now)
    report = pipeline.backfill(context, start, end, refresh=refresh, allow_empty=allow_empty)
    if report.problems:
        raise RunHadProblems(report)
    return report
