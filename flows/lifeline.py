"""A Prefect server ends with the process that it serves, also where that one is killed.

A process that is killed cannot stop its server, which would run on for ever, and hold the pipes that it inherited, so
that whoever reads them waits for ever, too.
"""

from __future__ import annotations

import sys
import threading
import time
from subprocess import DEVNULL, PIPE, Popen

from prefect.settings import get_current_settings

_LOOK_S = 0.02
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

_looking = threading.Lock()


def end_with_us(server: Popen[bytes]) -> None:
    """Let `server` end with this process."""
    command = [sys.executable, "-S", "-c", _WATCH, str(server.pid)]
    # In a session of its own: what is meant for us and for the server must not end the watch.
    watch = Popen(command, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True)  # noqa: S603

    def call_off() -> None:
        server.wait()
        watch.communicate(b"\n")

    threading.Thread(target=call_off, daemon=True).start()


def end_temporary_server_with_us() -> None:
    """Let the temporary server that Prefect will start, where it is to start one, end with this process."""
    settings = get_current_settings()
    if settings.api.url is None and settings.server.ephemeral.enabled and _looking.acquire(blocking=False):
        threading.Thread(target=_wait_for_server, daemon=True).start()


def _wait_for_server() -> None:
    from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415 - heavy, and only this needs it

    # It is one for all of the process, and Prefect starts it at the first need.
    server = SubprocessASGIServer()
    while server.server_process is None:
        time.sleep(_LOOK_S)
    end_with_us(server.server_process)
