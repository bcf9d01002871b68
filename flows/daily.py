"""The flow `daily`: the daily pipeline, its steps as task runs."""

from __future__ import annotations

from datetime import date, datetime

from prefect import flow

from flows.runner import prefect_context
from paperlake.monitoring.run_report import RunHadProblems, RunReport
from paperlake.pipelines import daily as pipeline


@flow(name="daily")
def daily(
    day: date | None = None,
    recheck: bool = False,  # noqa: FBT001, FBT002 - parameters of a deployment
    now: datetime | None = None,
    site: bool = True,  # noqa: FBT001, FBT002
) -> RunReport:
    """Capture and publish the newest closed date, the 14 before it, the open one, and up to 30 older gaps.

    With `day` only that date, with `recheck` also the 14 before it. With `site`, update the site and the search index
    too. `now` simulates another start. Raises RunHadProblems after publishing all it could.
    """
    context = prefect_context(now)
    report = pipeline.daily(context, day, recheck=recheck, site=site)
    if report.problems:
        raise RunHadProblems(report)
    return report
