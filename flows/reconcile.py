"""Corrects what a Prefect server records of runs whose process is gone, and of runs that nothing executed when due.

An interrupted run stays "Running" at the server and takes the only slot of its deployment. Runs that become due while
nothing executes them all begin at once later. `papers serve` corrects both when it starts, and so does every run of a
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

from flows.deployments import DeclaredDeployment

SKIPPED = "Skipped"
"""The state name of a missed run that a later run makes up for."""
SLOT_STATES = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
_RECOUNT_S = 1.0
_AWAITING_RETRY = "AwaitingRetry"
"""A run in this state keeps its process and its slot."""

IsDead = Callable[[FlowRun], bool]


@dataclass(frozen=True, slots=True)
class KnownDeployment:
    """A declared deployment, and how the server has registered it."""

    declared: DeclaredDeployment
    registered: DeploymentResponse


def known_deployments(
    client: SyncPrefectClient, deployments: Iterable[DeclaredDeployment]
) -> Iterator[KnownDeployment]:
    """Those of `deployments` that the server has registered."""
    for declared in deployments:
        try:
            yield KnownDeployment(declared, client.read_deployment_by_name(declared.full_name))
        except ObjectNotFound:
            continue


def end_dead_runs(client: SyncPrefectClient, deployments: Sequence[KnownDeployment], is_dead: IsDead) -> list[FlowRun]:
    """Set runs whose process is gone to Crashed, and free slots that no run holds. Returns those runs."""
    ended = []
    for deployment in deployments:
        holders = slot_holders(client, deployment.registered.id)
        # Read each run again: it may just have completed.
        candidates = [client.read_flow_run(run.id) for run in holders if is_dead(run)]
        dead = [run for run in candidates if run.state_type in SLOT_STATES]
        for run in dead:
            message = "The process that executed this run is gone."
            client.set_flow_run_state(run.id, Crashed(message=message), force=True)
        _correct_slot_count(client, deployment, is_dead, may_add=bool(dead))
        ended += dead
    return ended


def slot_holders(client: SyncPrefectClient, deployment_id: UUID) -> list[FlowRun]:
    """The runs of a deployment that hold one of its slots, by the server's records."""
    return [
        *_runs(client, deployment_id, FlowRunFilterState(type=FlowRunFilterStateType(any_=[*SLOT_STATES]))),
        *_runs(client, deployment_id, FlowRunFilterState(name=FlowRunFilterStateName(any_=[_AWAITING_RETRY]))),
    ]


def scheduled_runs(client: SyncPrefectClient, deployment_id: UUID) -> list[FlowRun]:
    """The runs of a deployment that have not begun, the next one first."""
    return _runs(client, deployment_id, FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))


def skip_missed_runs(
    client: SyncPrefectClient, deployment: KnownDeployment, due_before: datetime, except_run: UUID | None = None
) -> list[FlowRun]:
    """Skip the runs of a schedule that were due before `due_before`, apart from `except_run`. Returns those runs."""
    missed = [
        run
        for run in scheduled_runs(client, deployment.registered.id)
        if run.auto_scheduled
        and run.state_name != _AWAITING_RETRY
        and run.id != except_run
        and run.expected_start_time
        and run.expected_start_time < due_before
    ]
    for run in missed:
        message = "Nothing executed this run when it was due; a later one makes up for it."
        client.set_flow_run_state(run.id, Cancelled(name=SKIPPED, message=message), force=True)
    return missed


def last_ended_run(client: SyncPrefectClient, deployment_id: UUID) -> FlowRun | None:
    """The run of a deployment that ended last, in any final state but Skipped."""
    final = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
    runs = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
            state=FlowRunFilterState(
                type=FlowRunFilterStateType(any_=final), name=FlowRunFilterStateName(not_any_=[SKIPPED])
            ),
        ),
        sort=FlowRunSort.END_TIME_DESC,
        limit=1,
    )
    return runs[0] if runs else None


def is_late(run: FlowRun, now: datetime, by: timedelta) -> bool:
    """Whether the run should have begun more than `by` ago."""
    return run.expected_start_time is not None and now - run.expected_start_time > by


def _correct_slot_count(
    client: SyncPrefectClient, deployment: KnownDeployment, is_dead: IsDead, *, may_add: bool
) -> None:
    """Set the number of taken slots of a deployment: the server does not notice that the lease of a slot is lost.

    A dead run whose lease had expired frees its slot twice when it is ended; `may_add` corrects that.
    """
    for is_recount in (False, True):
        taken = len([run for run in slot_holders(client, deployment.registered.id) if not is_dead(run)])
        limit = client.read_deployment(deployment.registered.id).global_concurrency_limit
        if limit is None or limit.active_slots == taken or (limit.active_slots < taken and not may_add):
            return
        if is_recount:
            client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=taken))
        else:
            time.sleep(_RECOUNT_S)  # another run may just be beginning or ending


def _runs(client: SyncPrefectClient, deployment_id: UUID, state: FlowRunFilterState) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
            state=state,
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
    )
