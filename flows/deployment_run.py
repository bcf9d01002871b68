"""Runs one deployment once, as a process: `python -m flows.deployment_run API FLOW/DEPLOYMENT`.

Parameters come as JSON on standard input, after all imports are done. The flow run that ended goes to standard output.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import cast
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.flow_engine import load_flow_and_flow_run, run_flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.deployment_process import DeploymentRun
from flows.deployments import declared_deployments, deployment
from flows.serve import wait_for_answer
from paperlake.quality.validator import load_engine


def main(arguments: Sequence[str]) -> None:
    """Wait for the server, then for the parameters, then for the end of the run."""
    api, full_name = arguments
    logging.getLogger("prefect").setLevel(logging.WARNING)
    load_engine()
    with temporary_settings({PREFECT_API_URL: api}):
        wait_for_answer(api, None, threading.Event())
        run = _run(api, full_name)
    sys.stdout.write(f"{json.dumps(asdict(run))}\n")


def _run(api: str, full_name: str) -> DeploymentRun:
    (declared,) = [each for each in declared_deployments() if each.full_name == full_name]
    deployment_id = cast(UUID, deployment(declared).apply())  # a coroutine only inside an event loop
    with get_client(sync_client=True) as client:
        started = client.create_flow_run_from_deployment(deployment_id, parameters=json.load(sys.stdin))
        flow_run, flow = load_flow_and_flow_run(started.id)
        run_flow(flow, flow_run=flow_run, return_type="state")
        ended = client.read_flow_run(started.id)
    return DeploymentRun(ended.name, ended.state_name or "", f"{api.removesuffix('/api')}/runs/flow-run/{ended.id}")


if __name__ == "__main__":
    main(sys.argv[1:])
