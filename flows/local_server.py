"""The Prefect server that `papers serve` starts for itself, on loopback, with its database in the state folder."""

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
from paperlake.serve_state import home

_LOOPBACK = "127.0.0.1"
_STOP_S = 30
_PORT_S = 10.0
_LOG_TAIL_BYTES = 64 * 2**10
_LEAST_FREE_BYTES = 2**20
_REASONS = (
    (
        r"Can't locate revision",
        "its database {database} was written by a newer Prefect; update Paperlake, or move it away",
    ),
    (
        r"database disk image is malformed|file is not a database|database schema",
        "its database {database} is damaged; move it away (the history of runs is lost, the lake is not)",
    ),
    (r"already in use", "port {port} was taken meanwhile"),
    (r"No space left on device|database or disk is full", "the disk of {home} is full"),
    (
        r"unable to open database file|readonly database|Read-only file system|PermissionError|disk I/O error",
        "{home} cannot be written",
    ),
)
"""What the log of a server that died says, and what that means for a person."""


_WATCH = """
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
"""Waits for the end of what it reads, which comes when nobody can write any more."""


class ServerDied(PaperlakeError):
    """The Prefect server ended by itself."""


class OwnServer:
    """A Prefect server that ends with this process. A context manager."""

    def __init__(self, state: Path, port: int | None = None) -> None:
        """Choose a free port where none is given. Raises OSError where the home cannot be written."""
        self.port = port or _free_port()
        self.api = f"http://{_LOOPBACK}:{self.port}/api"
        self._home = home(state)
        self.log = self._home / "server.log"

    def __enter__(self) -> Self:
        """Start it. It answers some seconds later. Raises ServerDied where its port is taken."""
        self._wait_for_port()
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", _LOOPBACK, "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._log_from = log.tell()
            # In a session of its own: Ctrl-C is for us, and we stop it when the runs have ended.
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                env={**os.environ, "PREFECT_API_URL": self.api},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _end_with_us(self._process)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_for_port(self) -> None:
        """What listens there already must not be taken for ours. A server that was killed may take seconds to end."""
        end = time.monotonic() + _PORT_S
        while True:
            try:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((_LOOPBACK, self.port))
            except OSError:
                if time.monotonic() > end:
                    taken = f"port {self.port} is taken; stop what listens there, or choose another with --port"
                    raise ServerDied(f"the Prefect server was not started: {taken}") from None
                time.sleep(0.5)
            else:
                return

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def check(self) -> None:
        """Return while it runs. Raises ServerDied, with the reason and the path of the log."""
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
        if shutil.disk_usage(self._home).free < _LEAST_FREE_BYTES:  # then the log is not whole, either
            return f"the disk of {self._home} is full"
        return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _end_with_us(server: subprocess.Popen[bytes]) -> None:
    """Let `server` end with this process, also where that one is killed and cannot stop it."""
    command = [sys.executable, "-S", "-c", _WATCH, str(server.pid)]
    # In a session of its own: what is meant for us and for the server must not end the watch.
    watch = subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
    )

    def call_off() -> None:
        server.wait()
        watch.communicate(b"\n")

    threading.Thread(target=call_off, daemon=True).start()
