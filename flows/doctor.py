"""The flow `doctor`: the doctor pipeline. It fails if a check fails."""

from __future__ import annotations

from datetime import datetime

from prefect import flow
from prefect.client.schemas.objects import State as RunState
from prefect.states import Cancelled

from flows.automations import read_schedules
from flows.deployed_run import begin_run
from flows.reconcile import SKIPPED
from flows.runner import PrefectRunner
from paperlake.config import read_settings
from paperlake.errors import PaperlakeError
from paperlake.monitoring.health import Check, failed_checks
from paperlake.pipelines import doctor as pipeline
from paperlake.pipelines.runner import RunContext


class ChecksFailed(PaperlakeError):
    """Health checks failed: a promise to readers is broken."""


@flow(name="doctor")
def doctor(now: datetime | None = None) -> list[Check] | RunState[list[Check]]:
    """Run all health checks and create an artifact of the results. Raises ChecksFailed.

    A missed run is skipped, because the daily run that catches up has not happened yet. `now` simulates another start.
    """
    settings = read_settings()
    run = begin_run(settings.state, now)
    if run.is_missed:
        return Cancelled(name=SKIPPED, message="Nothing executed this run when it was due.")
    checks = pipeline.doctor(RunContext(settings, run.start, PrefectRunner()), read_schedules)
    if failed := failed_checks(checks):
        raise ChecksFailed("; ".join(f"{check.name}: {check.message}" for check in failed))
    return checks
