"""The deployments that `prefect.yaml` declares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType

import paperlake

_PACKAGE = Path(paperlake.__file__).parent


@dataclass(frozen=True, slots=True)
class DeclaredDeployment:
    """One deployment in `prefect.yaml`."""

    name: str
    entrypoint: str
    spec: dict[str, Any]

    @property
    def full_name(self) -> str:
        """Its name at a Prefect server: FLOW/DEPLOYMENT."""
        return f"{self.entrypoint.rpartition('.')[2]}/{self.name}"

    @property
    def schedules(self) -> list[dict[str, Any]]:
        """Its schedules; empty if only users start it."""
        schedules: list[dict[str, Any]] = self.spec.get("schedules", [])
        return schedules


@cache
def declared_deployments() -> tuple[DeclaredDeployment, ...]:
    """All deployments. The file is next to the packages in a checkout, and inside `paperlake` when installed."""
    path = next(p for p in (_PACKAGE.parent / "prefect.yaml", _PACKAGE / "data" / "prefect.yaml") if p.is_file())
    specs = yaml.safe_load(path.read_text())["deployments"]
    return tuple(DeclaredDeployment(spec["name"], spec["entrypoint"], spec) for spec in specs)


def deployment(declared: DeclaredDeployment) -> RunnerDeployment:
    """The deployment in the form that Prefect's runner executes."""
    module, _, name = declared.entrypoint.rpartition(".")
    flow: Flow[..., Any] = getattr(import_module(module), name)
    limit = declared.spec["concurrency_limit"]
    return RunnerDeployment.from_flow(
        flow,
        name=declared.name,
        schedules=[
            Cron(schedule["cron"], timezone=schedule["timezone"], slug=schedule["slug"], active=schedule["active"])
            for schedule in declared.schedules
        ],
        concurrency_limit=ConcurrencyLimitConfig(
            limit=limit["limit"], collision_strategy=ConcurrencyLimitStrategy(limit["collision_strategy"])
        ),
        description=declared.spec["description"],
        parameters=declared.spec.get("parameters"),
        tags=declared.spec["tags"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
