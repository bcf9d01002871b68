"""The cached databases of a process close without messages at exit."""

import subprocess
import sys

SCRIPT = """
import threading
from transforms.hub import database
from transforms.hub import census
database.engine()
census._engine()

def outlive(*engines):
    threading.Event().wait()

threading.Thread(target=outlive, args=(database.engine, census._engine), daemon=True).start()
"""


def test_a_process_with_running_threads_exits_without_output():
    command = [sys.executable, "-c", SCRIPT]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
