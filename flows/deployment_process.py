"""Starts the process that runs one deployment once. Prefect is imported there, while the starter does other work."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from subprocess import PIPE
from typing import Any, Self

from flows.local_server import LocalServer
from paperlake.errors import PaperlakeError


class DeploymentRunFailed(PaperlakeError):
    """The deployment could not be run at that server."""


@dataclass(frozen=True, slots=True)
class DeploymentRun:
    """A flow run that has ended, and its page in Prefect's UI."""

    name: str
    state: str
    url: str


class DeploymentProcess:
    """A process that deploys FLOW/DEPLOYMENT, waits for parameters, and runs it with them. A context manager."""

    def __init__(self, server: LocalServer, full_name: str) -> None:
        """Nothing is started yet."""
        self._server = server
        self._command = [sys.executable, "-m", "flows.deployment_run", server.api, full_name]

    def __enter__(self) -> Self:
        """Start the process. It waits until the server answers."""
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True
        )
        return self

    def run(self, parameters: dict[str, Any]) -> DeploymentRun:
        """Run it once, and return when the run has ended. Raises DeploymentRunFailed and ServerDied."""
        answer, errors = self._process.communicate(json.dumps(parameters))
        if code := self._process.returncode:
            self._server.check()
            reason = errors.strip().rpartition("\n")[2] or f"its process ended with exit code {code}"
            raise DeploymentRunFailed(f"the deployment was not run: {reason}; the server's log is {self._server.log}")
        return DeploymentRun(**json.loads(answer.splitlines()[-1]))

    def __exit__(self, *_: object) -> None:
        """Stop the process if it was not asked to run."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
