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
class Declared:
    """One deployment as the file has it."""

    name: str
    entrypoint: str
    about: dict[str, Any]

    @property
    def full_name(self) -> str:
        """Its name at a Prefect server: the flow's, and its own."""
        return f"{self.entrypoint.rpartition('.')[2]}/{self.name}"

    @property
    def schedules(self) -> list[dict[str, Any]]:
        """Its schedules; none for what is started by hand alone."""
        schedules: list[dict[str, Any]] = self.about.get("schedules", [])
        return schedules


@cache
def declared() -> tuple[Declared, ...]:
    """All deployments. The file lies beside the rooms, or inside when installed."""
    path = next(p for p in (_PACKAGE.parent / "prefect.yaml", _PACKAGE / "data" / "prefect.yaml") if p.is_file())
    about = yaml.safe_load(path.read_text())["deployments"]
    return tuple(Declared(one["name"], one["entrypoint"], one) for one in about)


def deployment(of: Declared) -> RunnerDeployment:
    """The deployment, for a runner to execute."""
    module, _, name = of.entrypoint.rpartition(".")
    flow: Flow[..., Any] = getattr(import_module(module), name)
    limit = of.about["concurrency_limit"]
    return RunnerDeployment.from_flow(
        flow,
        name=of.name,
        schedules=[
            Cron(one["cron"], timezone=one["timezone"], slug=one["slug"], active=one["active"]) for one in of.schedules
        ],
        concurrency_limit=ConcurrencyLimitConfig(
            limit=limit["limit"], collision_strategy=ConcurrencyLimitStrategy(limit["collision_strategy"])
        ),
        description=of.about["description"],
        parameters=of.about.get("parameters"),
        tags=of.about["tags"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
