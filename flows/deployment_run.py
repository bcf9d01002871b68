"""Runs one declared deployment once, at a Prefect server that is running, and waits for its end."""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.runner import Runner
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.deployments import declared_deployments, deployment
from flows.local_server import LocalServer
from flows.serve import wait_for_answer


@dataclass(frozen=True, slots=True)
class DeploymentRun:
    """A flow run that has ended, and its page in Prefect's UI."""

    name: str
    state: str
    url: str


def run_deployment(server: LocalServer, full_name: str, parameters: dict[str, Any]) -> DeploymentRun:
    """Deploy `full_name` (FLOW/DEPLOYMENT), start one run of it, and execute that in a process of its own.

    Raises ServerDied and ServerNotAnswering.
    """
    logging.getLogger("prefect").setLevel(logging.WARNING)
    with temporary_settings({PREFECT_API_URL: server.api}):
        wait_for_answer(server.api, server, threading.Event())
        return asyncio.run(_run(server, full_name, parameters))


async def _run(server: LocalServer, full_name: str, parameters: dict[str, Any]) -> DeploymentRun:
    (declared,) = [each for each in declared_deployments() if each.full_name == full_name]
    runner = Runner(name="demo")
    deployment_id: UUID = await runner.aadd_deployment(deployment(declared))
    async with get_client() as client:
        started = await client.create_flow_run_from_deployment(deployment_id, parameters=parameters)
        await runner.execute_flow_run(started.id, stream_output=False)
        ended = await client.read_flow_run(started.id)
    url = f"{server.api.removesuffix('/api')}/runs/flow-run/{ended.id}"
    return DeploymentRun(ended.name, ended.state_name or "", url)
