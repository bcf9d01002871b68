"""The health of the schedules, as a Prefect server tells it, and the automation that notices silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from flows.deployments import Declared, declared
from flows.reconcile import Deployed, deployed, is_late, last_ended_run, scheduled_runs, slot_holders
from paperlake.errors import PaperlakeError
from paperlake.monitoring.health import SILENCE

AUTOMATION = "paperlake: the daily run does not come"
LATE = timedelta(minutes=10)
"""A run that is due begins within seconds, if anybody is there to execute it."""
_DAILY, _DOCTOR = "daily/daily", "doctor/doctor"


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a Prefect server says of one deployment that has a schedule."""

    name: str
    is_deployed: bool = False
    is_active: bool = False
    next_at: datetime | None = None
    late: tuple[str, ...] = ()
    """The runs that should have begun, by their names."""
    last: str | None = None
    """How the run that ended last ended, such as Completed."""
    last_ended_at: datetime | None = None
    is_running: bool = False
    dead: tuple[str, ...] = ()
    """The runs whose process is gone, and which the server still takes for running."""
    slots_held_by_nothing: int = 0
    slot_name: str = ""
    """Of the server's limit for this deployment."""


class ServerSilent(PaperlakeError):
    """The Prefect server that was started, or configured, does not answer."""


class NotDeployed(PaperlakeError):
    """The deployments are not registered with the Prefect server."""


def schedules(api: str, state: Path, now: datetime) -> list[Schedule] | None:
    """What the Prefect server at `api` says of every deployment with a schedule; None where it does not answer."""
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            return None
        with_schedule = [one for one in declared() if one.schedules]
        known = {one.declared.name: one for one in deployed(client, with_schedule)}
        return [_schedule(client, one, known.get(one.name), state, now) for one in with_schedule]


def _schedule(client: SyncPrefectClient, one: Declared, known: Deployed | None, state: Path, now: datetime) -> Schedule:
    if known is None:
        return Schedule(one.name)
    deployment = known.known
    scheduled = [run for run in scheduled_runs(client, deployment.id) if run.expected_start_time]
    holding = slot_holders(client, deployment.id)
    dead = [run for run in holding if is_dead(state, run)]
    last = last_ended_run(client, deployment.id)
    limit = deployment.global_concurrency_limit
    # Read once more: a run may have ended meanwhile.
    limit_now = client.read_deployment(deployment.id).global_concurrency_limit
    active = min(limit.active_slots, limit_now.active_slots) if limit and limit_now else 0
    return Schedule(
        one.name,
        is_deployed=True,
        is_active=not deployment.paused and any(each.active for each in deployment.schedules),
        next_at=next(_coming(scheduled, now), None),
        late=tuple(run.name for run in scheduled if is_late(run, now, LATE)),
        last=last.state_name if last else None,
        last_ended_at=last.end_time if last else None,
        is_running=len(holding) > len(dead),
        dead=tuple(run.name for run in dead),
        slots_held_by_nothing=max(0, active - len(holding)),
        slot_name=limit.name if limit else "",
    )


def _coming(runs: Sequence[FlowRun], now: datetime) -> Iterator[datetime]:
    """When runs of the schedule itself are to come: one that a person asked for says nothing of the mornings."""
    return (
        run.expected_start_time
        for run in runs
        if run.auto_scheduled and run.expected_start_time and run.expected_start_time > now - LATE
    )


def watch_for_silence(client: SyncPrefectClient, within: timedelta = SILENCE) -> UUID:
    """Let the server run the deployment `doctor` when no daily run has completed `within` that time.

    Gives the id of the automation, of which there is one, however often this is called. Raises NotDeployed.
    """
    try:
        daily = client.read_deployment_by_name(_DAILY)
        doctor = client.read_deployment_by_name(_DOCTOR)
    except ObjectNotFound as unknown:
        raise NotDeployed(
            "the deployments are not registered yet: `prefect deploy --all`, or `papers serve`"
        ) from unknown
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
    known = [one.id for one in client.read_automations_by_name(AUTOMATION) if one.id]
    if not known:
        return client.create_automation(core)
    client.update_automation(known[0], core)
    return known[0]


def automate(api: str) -> UUID:
    """`watch_for_silence`, with the Prefect server at `api`. Raises NotDeployed and ServerSilent."""
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        if client.api_healthcheck() is not None:
            raise ServerSilent(f"the Prefect API at {api} does not answer; start it, or look at PREFECT_API_URL")
        return watch_for_silence(client)
