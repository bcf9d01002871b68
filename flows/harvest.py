"""The flow `harvest`: the harvest pipeline, its steps as task runs."""

from __future__ import annotations

from datetime import date, datetime

from prefect import flow

from flows.runner import prefect_context
from paperlake.errors import PaperlakeError
from paperlake.pipelines import harvest as pipeline
from paperlake.pipelines.harvest import Harvested


class HarvestHadProblems(PaperlakeError):
    """Something that a person should know of; what could be published was. The outcome is in `outcome`."""

    def __init__(self, outcome: Harvested) -> None:
        """Say the problems."""
        super().__init__("; ".join(outcome.problems))
        self.outcome = outcome


@flow(name="harvest")
def harvest(
    set_spec: str | None = None, since: date | None = None, until: date | None = None, now: datetime | None = None
) -> Harvested:
    """Harvest what arXiv has changed in a set (all where None) and publish it.

    `now` simulates another start. Raises HarvestHadProblems when all that could be published is.
    """
    context = prefect_context(now)
    outcome = pipeline.harvest(context, set_spec, since, until)
    if outcome.problems:
        raise HarvestHadProblems(outcome)
    return outcome
