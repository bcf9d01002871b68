"""What a Prefect server still believes of runs whose processes are gone, and of runs that nobody was there to execute.

A run that is interrupted stays "Running" at the server and holds the only slot of its deployment; runs that became due
while nothing ran all begin at once. Both are put right here: by `papers serve` at its start, and by every run of a
deployment when it begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled, Crashed

from flows.deployments import Declared

SKIPPED = "Skipped"
"""The name of the state of a run that nobody was there to execute, and that another one makes up for."""
HOLDS_A_SLOT = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
_SECOND_LOOK_S = 1.0
_RETRIES = "AwaitingRetry"
"""A run that waits for its next try keeps its process, and its slot."""

IsDead = Callable[[FlowRun], bool]


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment that is declared here and known to the server."""

    declared: Declared
    known: DeploymentResponse


def deployed(client: SyncPrefectClient, all_declared: Iterable[Declared]) -> Iterator[Deployed]:
    """Those of `all_declared` that the server knows."""
    for one in all_declared:
        try:
            yield Deployed(one, client.read_deployment_by_name(one.full_name))
        except ObjectNotFound:
            continue


def end_dead_runs(client: SyncPrefectClient, deployments: Sequence[Deployed], is_dead: IsDead) -> list[FlowRun]:
    """End as Crashed the runs whose process is gone, and free the slots that nothing holds. Gives those runs."""
    ended = []
    for one in deployments:
        # Read once more: a run whose process is gone may just have completed.
        gone = [client.read_flow_run(run.id) for run in slot_holders(client, one.known.id) if is_dead(run)]
        dead = [run for run in gone if run.state_type in HOLDS_A_SLOT]
        for run in dead:
            message = "The process that executed this run is gone."
            client.set_flow_run_state(run.id, Crashed(message=message), force=True)
        _count_slots(client, one, is_dead, may_add=bool(dead))
        ended += dead
    return ended


def slot_holders(client: SyncPrefectClient, deployment_id: UUID) -> list[FlowRun]:
    """The runs of a deployment that hold one of its slots, or believe so."""
    return [
        *_runs(client, deployment_id, FlowRunFilterState(type=FlowRunFilterStateType(any_=[*HOLDS_A_SLOT]))),
        *_runs(client, deployment_id, FlowRunFilterState(name=FlowRunFilterStateName(any_=[_RETRIES]))),
    ]


def scheduled_runs(client: SyncPrefectClient, deployment_id: UUID) -> list[FlowRun]:
    """The runs of a deployment that have not begun, the next one first."""
    return _runs(client, deployment_id, FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))


def skip_missed_runs(
    client: SyncPrefectClient, one: Deployed, due_before: datetime, but: UUID | None = None
) -> list[FlowRun]:
    """Skip the runs of a schedule that should have begun before then, apart from `but`. Gives those runs."""
    missed = [
        run
        for run in scheduled_runs(client, one.known.id)
        if run.auto_scheduled
        and run.state_name != _RETRIES
        and run.id != but
        and run.expected_start_time
        and run.expected_start_time < due_before
    ]
    for run in missed:
        message = "Nobody was there to execute this run when it was due; a later one makes up for it."
        client.set_flow_run_state(run.id, Cancelled(name=SKIPPED, message=message), force=True)
    return missed


def last_ended_run(client: SyncPrefectClient, deployment_id: UUID) -> FlowRun | None:
    """The run of a deployment that ended last, whatever came of it; those that were skipped do not count."""
    ended = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
    runs = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
            state=FlowRunFilterState(
                type=FlowRunFilterStateType(any_=ended), name=FlowRunFilterStateName(not_any_=[SKIPPED])
            ),
        ),
        sort=FlowRunSort.END_TIME_DESC,
        limit=1,
    )
    return runs[0] if runs else None


def is_late(run: FlowRun, now: datetime, by: timedelta) -> bool:
    """Whether the run should have begun that long ago."""
    return run.expected_start_time is not None and now - run.expected_start_time > by


def _count_slots(client: SyncPrefectClient, one: Deployed, is_dead: IsDead, *, may_add: bool) -> None:
    """Tell the server how many slots of a deployment are held: of a slot whose lease is lost it never learns.

    Where a dead run was ended whose lease had run out, it has freed the slot twice: that is put right if `may_add`.
    """
    for is_second_look in (False, True):
        held = len([run for run in slot_holders(client, one.known.id) if not is_dead(run)])
        limit = client.read_deployment(one.known.id).global_concurrency_limit
        if limit is None or limit.active_slots == held or (limit.active_slots < held and not may_add):
            return
        if is_second_look:
            client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=held))
        else:
            time.sleep(_SECOND_LOOK_S)  # another run may just begin or end


def _runs(client: SyncPrefectClient, deployment_id: UUID, state: FlowRunFilterState) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
            state=state,
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
    )
