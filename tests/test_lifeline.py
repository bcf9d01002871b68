"""The temporary Prefect server does not outlive the process that it serves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.real
SERVED = """
import sys, time
from flows.lifeline import end_temporary_server_with_us
from prefect.client.orchestration import get_client
from prefect.server.api.server import SubprocessASGIServer
end_temporary_server_with_us()
get_client(sync_client=True)
print(SubprocessASGIServer().server_process.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "ended"])
def test_a_server_ends_with_its_process(tmp_path, is_killed):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(tmp_path), "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180"}
    command = [sys.executable, "-c", SERVED, "60" if is_killed else "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        server = int(process.stdout.readline())
        if is_killed:
            assert is_running(server)
            process.send_signal(signal.SIGKILL)
        assert process.stdout.read() == "", "whoever reads what it inherited gets to the end"
    end = time.monotonic() + 20
    while is_running(server) and time.monotonic() < end:
        time.sleep(0.1)
    assert not is_running(server)
