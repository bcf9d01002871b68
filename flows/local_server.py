"""The Prefect server that `papers serve` starts on loopback, with its database in the state folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Self

from paperlake.errors import PaperlakeError
from paperlake.serve_state import prefect_home

_LOOPBACK = "127.0.0.1"
_STOP_S = 30
_PORT_S = 10.0
_LOG_TAIL_BYTES = 64 * 2**10
_MIN_FREE_BYTES = 2**20
_REASONS = (
    (
        r"Can't locate revision",
        "its database {database} was written by a newer Prefect; update Paperlake, or move it away",
    ),
    (
        r"database disk image is malformed|file is not a database|database schema",
        "its database {database} is damaged; move it away (the history of runs is lost, the lake is not)",
    ),
    (r"already in use", "another process took port {port}"),
    (r"No space left on device|database or disk is full", "the disk of {home} is full"),
    (
        r"unable to open database file|readonly database|Read-only file system|PermissionError|disk I/O error",
        "{home} cannot be written",
    ),
)
"""Patterns in the log of a server that died, and their meaning for the user."""


_SUPERVISOR = """
import os, signal, sys, time
if not os.read(0, 1):
    try:
        os.kill(int(sys.argv[1]), signal.SIGTERM)
        for _ in range(50):
            time.sleep(0.1)
            os.kill(int(sys.argv[1]), 0)
        os.kill(int(sys.argv[1]), signal.SIGKILL)
    except ProcessLookupError:
        pass
"""
"""Reads its standard input, which ends when our process does; then it stops the server."""


class ServerDied(PaperlakeError):
    """The Prefect server ended unexpectedly."""


class LocalServer:
    """A Prefect server that ends with this process. A context manager."""

    def __init__(self, state: Path, port: int | None = None) -> None:
        """Choose a free port if none is given. Raises OSError if the Prefect home cannot be written."""
        self.port = port or _free_port()
        self.api = f"http://{_LOOPBACK}:{self.port}/api"
        self._home = prefect_home(state)
        self.log = self._home / "server.log"

    def __enter__(self) -> Self:
        """Start the server, which needs some seconds before it answers. Raises ServerDied if its port is taken."""
        self._wait_for_port()
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", _LOOPBACK, "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._log_from = log.tell()
            # In a session of its own: Ctrl-C must reach only us, and we stop the server after the runs.
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                env={**os.environ, "PREFECT_API_URL": self.api},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _start_supervisor(self._process)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_for_port(self) -> None:
        """Wait until the port is free: another server there could be mistaken for ours, or ours may be ending."""
        end = time.monotonic() + _PORT_S
        while True:
            try:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((_LOOPBACK, self.port))
            except OSError:
                if time.monotonic() > end:
                    raise ServerDied(
                        f"the Prefect server was not started: port {self.port} is taken; stop the process that listens "
                        "there, or choose another port with --port"
                    ) from None
                time.sleep(0.5)
            else:
                return

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def check(self) -> None:
        """Return if it is running. Raises ServerDied, with the reason and the path of the log."""
        if (code := self._process.poll()) is None:
            return
        ended = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        why = self._reason()
        raise ServerDied(f"the Prefect server ended {ended}{f': {why}' if why else ''}; its log is {self.log}")

    def _reason(self) -> str:
        with self.log.open("rb") as log:
            log.seek(max(self._log_from, self.log.stat().st_size - _LOG_TAIL_BYTES))
            text = log.read().decode(errors="replace")
        for pattern, meaning in _REASONS:
            if re.search(pattern, text, re.IGNORECASE):
                return meaning.format(database=self._home / "prefect.db", port=self.port, home=self._home)
        if shutil.disk_usage(self._home).free < _MIN_FREE_BYTES:  # then the log is incomplete too
            return f"the disk of {self._home} is full"
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _start_supervisor(server: subprocess.Popen[bytes]) -> None:
    """Start a process that stops `server` when our process ends, even if ours is killed."""
    command = [sys.executable, "-S", "-c", _SUPERVISOR, str(server.pid)]
    # In a session of its own: signals for us or for the server must not end it.
    supervisor = subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
    )

    def dismiss() -> None:
        server.wait()
        supervisor.communicate(b"\n")

    threading.Thread(target=dismiss, daemon=True).start()
