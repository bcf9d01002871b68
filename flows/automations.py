"""Reads the state of the schedules from a Prefect server, and registers the automation that detects missing runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.deployed_run import is_dead
from flows.deployments import DeclaredDeployment, declared_deployments
from flows.reconcile import KnownDeployment, is_late, known_deployments, last_ended_run, scheduled_runs, slot_holders
from paperlake.errors import PaperlakeError
from paperlake.monitoring.health import SILENCE
from paperlake.monitoring.schedules import Schedule

AUTOMATION = "paperlake: the daily run does not come"
LATE = timedelta(minutes=10)
"""A due run begins within seconds if a worker, or `papers serve`, is running."""
_DAILY, _DOCTOR = "daily/daily", "doctor/doctor"


class ServerNotAnswering(PaperlakeError):
    """The Prefect server does not answer."""


class NotDeployed(PaperlakeError):
    """The deployments are not registered with the Prefect server."""


def read_schedules(api: str, state: Path, now: datetime) -> list[Schedule] | None:
    """Read the state of every scheduled deployment from the Prefect API at `api`; None if it does not answer."""
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            return None
        with_schedule = [declared for declared in declared_deployments() if declared.schedules]
        known = {deployment.declared.name: deployment for deployment in known_deployments(client, with_schedule)}
        return [_read_schedule(client, declared, known.get(declared.name), state, now) for declared in with_schedule]


def _read_schedule(
    client: SyncPrefectClient, declared: DeclaredDeployment, known: KnownDeployment | None, state: Path, now: datetime
) -> Schedule:
    if known is None:
        return Schedule(declared.name)
    deployment = known.registered
    scheduled = [run for run in scheduled_runs(client, deployment.id) if run.expected_start_time]
    holders = slot_holders(client, deployment.id)
    dead = [run for run in holders if is_dead(state, run)]
    last = last_ended_run(client, deployment.id)
    limit = deployment.global_concurrency_limit
    # Read the limit again: a run may have ended between the two requests.
    limit_now = client.read_deployment(deployment.id).global_concurrency_limit
    active = min(limit.active_slots, limit_now.active_slots) if limit and limit_now else 0
    return Schedule(
        declared.name,
        is_deployed=True,
        is_active=not deployment.paused and any(schedule.active for schedule in deployment.schedules),
        next_at=next(_start_times(scheduled, now), None),
        late=tuple(run.name for run in scheduled if is_late(run, now, LATE)),
        last=last.state_name if last else None,
        last_ended_at=last.end_time if last else None,
        is_running=len(holders) > len(dead),
        dead=tuple(run.name for run in dead),
        orphaned_slots=max(0, active - len(holders)),
        slot_name=limit.name if limit else "",
    )


def _start_times(runs: Sequence[FlowRun], now: datetime) -> Iterator[datetime]:
    """The start times of the runs that the schedule created. Runs that a user requested do not show that it works."""
    return (
        run.expected_start_time
        for run in runs
        if run.auto_scheduled and run.expected_start_time and run.expected_start_time > now - LATE
    )


def register_silence_automation(client: SyncPrefectClient, within: timedelta = SILENCE) -> UUID:
    """Make the server run the deployment `doctor` when no daily run has completed `within` a period.

    Creates or updates the one automation, and returns its id. Raises NotDeployed.
    """
    try:
        daily = client.read_deployment_by_name(_DAILY)
        doctor = client.read_deployment_by_name(_DOCTOR)
    except ObjectNotFound as error:
        raise NotDeployed(
            "the deployments are not registered yet: `prefect deploy --all`, or `papers serve`"
        ) from error
    core = AutomationCore(
        name=AUTOMATION,
        description=f"Runs doctor when no daily run has completed for {within}.",
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {"prefect.resource.id": f"prefect.deployment.{daily.id}", "prefect.resource.role": "deployment"}
            ),
            expect={"prefect.flow-run.Completed"},
            threshold=1,
            within=within,
        ),
        actions=[RunDeployment(source="selected", deployment_id=doctor.id, parameters=None, job_variables=None)],
    )
    existing = [automation.id for automation in client.read_automations_by_name(AUTOMATION) if automation.id]
    if not existing:
        return client.create_automation(core)
    client.update_automation(existing[0], core)
    return existing[0]


def register_automation(api: str) -> UUID:
    """`register_silence_automation` with the Prefect API at `api`. Raises NotDeployed and ServerNotAnswering."""
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            raise ServerNotAnswering(f"the Prefect API at {api} does not answer; start it, or check PREFECT_API_URL")
        return register_silence_automation(client)
