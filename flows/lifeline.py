"""The temporary Prefect server ends with the process that it serves, also where that one is killed.

Prefect stops it when a process ends of itself. One that is killed cannot: its server would run on for ever, and hold
the pipes that it inherited, so that whoever reads them waits for ever, too.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from subprocess import DEVNULL, PIPE

from prefect.settings import get_current_settings

_LOOK_S = 0.02
_WATCH = """
import os, signal, sys
if not os.read(0, 1):
    try:
        os.kill(int(sys.argv[1]), signal.SIGTERM)
    except ProcessLookupError:
        pass
"""
"""Waits for the end of what it reads, which comes when nobody can write any more."""

_looking = threading.Lock()


def end_with_us() -> None:
    """Let the temporary server that Prefect will start, where it is to start one, end with this process."""
    said = get_current_settings()
    if said.api.url is None and said.server.ephemeral.enabled and _looking.acquire(blocking=False):
        threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415 - heavy, and only this needs it

    # It is one for all of the process, and Prefect starts it at the first need.
    server = SubprocessASGIServer()
    while server.server_process is None:
        time.sleep(_LOOK_S)
    command = [sys.executable, "-S", "-c", _WATCH, str(server.server_process.pid)]
    # In a session of its own: what is meant for us and for the server must not end the watch.
    watch = subprocess.Popen(command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True)  # noqa: S603
    server.server_process.wait()
    watch.communicate(b"\n")
