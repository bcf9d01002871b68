"""The health of the schedule, where a Prefect server is set, and the automation that notices silence."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prefect import get_client
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound

from flows.examine import SILENCE

AUTOMATION = "paperlake: the daily run does not come"
_DAILY, _DOCTOR = "daily/daily", "doctor/doctor"


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the Prefect server at `api` says of the deployment `daily`."""

    api: str
    is_answering: bool
    is_deployed: bool = False
    is_active: bool = False
    late_count: int = 0


class NotDeployed(Exception):
    """The deployments are not registered with the Prefect server."""


def schedule(api: str) -> Schedule:
    """Ask the Prefect server that is configured, `api` by its address."""
    return asyncio.run(_schedule(api))


async def _schedule(api: str) -> Schedule:
    async with get_client() as client:
        if await client.api_healthcheck() is not None:
            return Schedule(api, is_answering=False)
        try:
            daily = await client.read_deployment_by_name(_DAILY)
        except ObjectNotFound:
            return Schedule(api, is_answering=True)
        late = await client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[daily.id])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Late"]))),
        )
        is_active = not daily.paused and any(one.active for one in daily.schedules)
        return Schedule(api, is_answering=True, is_deployed=True, is_active=is_active, late_count=len(late))


async def watch_for_silence(client: PrefectClient, within: timedelta = SILENCE) -> UUID:
    """Let the server run the deployment `doctor` when no daily run has completed `within` that time.

    Gives the id of the automation, of which there is one, however often this is called. Raises NotDeployed.
    """
    try:
        daily = await client.read_deployment_by_name(_DAILY)
        doctor = await client.read_deployment_by_name(_DOCTOR)
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
    known = [one.id for one in await client.read_automations_by_name(AUTOMATION) if one.id]
    if not known:
        return await client.create_automation(core)
    await client.update_automation(known[0], core)
    return known[0]


def automate() -> UUID:
    """`watch_for_silence`, with the Prefect server that is configured."""

    async def ask() -> UUID:
        async with get_client() as client:
            return await watch_for_silence(client)

    return asyncio.run(ask())
