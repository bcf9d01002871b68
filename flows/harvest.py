"""The flow `harvest`: the harvest pipeline, its steps as task runs."""

from __future__ import annotations

from datetime import date, datetime

from prefect import flow

from flows.runner import prefect_context
from paperlake.errors import PaperlakeError
from paperlake.pipelines import harvest as pipeline
from paperlake.pipelines.harvest import HarvestReport


class HarvestHadProblems(PaperlakeError):
    """The harvest published all it could, but had problems; see `report`."""

    def __init__(self, report: HarvestReport) -> None:
        """The message lists the problems."""
        super().__init__("; ".join(report.problems))
        self.report = report


@flow(name="harvest")
def harvest(
    set_spec: str | None = None, since: date | None = None, until: date | None = None, now: datetime | None = None
) -> HarvestReport:
    """Harvest what changed in a set of arXiv's (None: all) and publish it.

    `now` simulates another start. Raises HarvestHadProblems after publishing all it could.
    """
    context = prefect_context(now)
    report = pipeline.harvest(context, set_spec, since, until)
    if report.problems:
        raise HarvestHadProblems(report)
    return report
