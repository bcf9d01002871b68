"""The deployments of `prefect.yaml`, run on their schedules by one process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow, get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.runner import Runner
from prefect.schedules import Cron
from prefect.settings import PREFECT_API_URL, get_current_settings, temporary_settings
from prefect.types.entrypoint import EntrypointType

from flows.schedule import watch_for_silence
from flows.settings import Settings

_HERE = Path(__file__).parent
_SERVER_START_S = 120
_LOOPBACK = "127.0.0.1"


class ServerSilent(Exception):
    """The Prefect server that was started, or configured, does not answer."""


def serve(said: Settings, tell: Callable[[str], None]) -> None:
    """Serve all deployments until interrupted. Raises ServerSilent.

    Where no Prefect API is configured, a server on loopback is started for it and stopped afterwards: a
    temporary one cannot schedule. Its database lies in the state folder.
    """
    url = get_current_settings().api.url
    with _own_server(said, tell) if url is None else _configured(url) as api:
        os.environ["PREFECT_API_URL"] = api  # for the processes of the runs
        with temporary_settings({PREFECT_API_URL: api}):
            asyncio.run(_serve(api, tell))


async def _serve(api: str, tell: Callable[[str], None]) -> None:
    await _answering(api)
    async with _stopping_runner() as runner:
        for declared in _declared():
            deployment_id = await runner.aadd_deployment(_deployment(declared))
            schedule = ", ".join(one["cron"] for one in declared.get("schedules", [])) or "no schedule"
            tell(f"serving {declared['name']} ({schedule}, UTC)")
            if declared["name"] == "daily":
                # Whatever was missed while nothing served is caught up with now.
                async with get_client() as client:
                    await client.create_flow_run_from_deployment(deployment_id)
        async with get_client() as client:
            await watch_for_silence(client)
        tell(f"Prefect is at {api.removesuffix('/api')}; stop with Ctrl-C")
        await runner.start()


@asynccontextmanager
async def _stopping_runner() -> AsyncIterator[Runner]:
    """A runner that leaves the schedules as they are when it stops."""
    yield Runner(name="paperlake", pause_on_shutdown=False)


def _declared() -> list[dict[str, Any]]:
    """The deployments as `prefect.yaml` declares them; the file lies beside the rooms, or inside when installed."""
    path = next(p for p in (_HERE.parent / "prefect.yaml", _HERE / "prefect.yaml") if p.is_file())
    declared: list[dict[str, Any]] = yaml.safe_load(path.read_text())["deployments"]
    return declared


def _deployment(declared: dict[str, Any]) -> RunnerDeployment:
    module, _, name = declared["entrypoint"].rpartition(".")
    flow: Flow[..., Any] = getattr(import_module(module), name)
    limit = declared["concurrency_limit"]
    return RunnerDeployment.from_flow(
        flow,
        name=declared["name"],
        schedules=[
            Cron(one["cron"], timezone=one["timezone"], slug=one["slug"], active=one["active"])
            for one in declared.get("schedules", [])
        ],
        concurrency_limit=ConcurrencyLimitConfig(
            limit=limit["limit"], collision_strategy=ConcurrencyLimitStrategy(limit["collision_strategy"])
        ),
        description=declared["description"],
        parameters=declared.get("parameters"),
        tags=declared["tags"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


@contextmanager
def _configured(url: str) -> Iterator[str]:
    yield url


@contextmanager
def _own_server(said: Settings, tell: Callable[[str], None]) -> Iterator[str]:
    """A Prefect server on a free port of loopback, gone at the end."""
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port = probe.getsockname()[1]
    home = said.state / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    tell("starting a Prefect server on loopback")
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", _LOOPBACK, "--port", str(port)]
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": f"http://{_LOOPBACK}:{port}/api"}
    with (home / "server.log").open("ab") as log:
        # In a session of its own: Ctrl-C is for us, and we stop it when the runs have ended.
        server = subprocess.Popen(  # noqa: S603 - our own command
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield f"http://{_LOOPBACK}:{port}/api"
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


async def _answering(api: str) -> None:
    """Return when the API answers."""
    for _ in range(_SERVER_START_S * 2):
        async with get_client() as client:
            if await client.api_healthcheck() is None:
                return
        await asyncio.sleep(0.5)
    raise ServerSilent(f"the Prefect API at {api} does not answer; look at PREFECT_API_URL, or at the server's log")
