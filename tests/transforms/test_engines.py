"""The databases that a process keeps for reading: nobody hears of them."""

import subprocess
import sys

READS_AND_ENDS = """
import threading
from transforms.hub import answers
from transforms.hub import census
answers.engine()
census._engine()

def outlive(*held):
    threading.Event().wait()

threading.Thread(target=outlive, args=(answers.engine, census._engine), daemon=True).start()
"""


def test_a_process_that_its_threads_outlive_ends_without_a_word():
    asked = [sys.executable, "-c", READS_AND_ENDS]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
