"""Who builds months: threads of this process, or for a great rebuild processes of their own.

Nothing heavy is imported here: a builder's process sets its engine up before anything else is loaded.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

BUILDERS = max(2, os.cpu_count() or 1)
PROCESSES_FROM_BYTES = 64 * 2**20
"""Of evidence, compressed: below, processes would take longer to start than they save. Above, they build a third
faster than threads, which get into each other's way when they ask for memory."""
_PARENT_WATCH_S = 1.0
_is_process = False


def builders(evidence_bytes: int) -> Executor:
    """Builders for so much evidence."""
    if evidence_bytes < PROCESSES_FROM_BYTES:
        return ThreadPoolExecutor(BUILDERS)
    return ProcessPoolExecutor(BUILDERS, get_context("spawn"), _begin, (os.getpid(),))


def has_core_of_its_own() -> bool:
    """Whether this is a builder's process: what it calls need not look for more cores."""
    return _is_process


def _begin(parent: int) -> None:
    global _is_process  # noqa: PLW0603 - a fact of the process
    _is_process = True
    os.environ["POLARS_MAX_THREADS"] = "1"
    # Months take the same memory one after the other. Giving it back after each costs a tenth of building them.
    os.environ["_RJEM_MALLOC_CONF"] = "dirty_decay_ms:60000,muzzy_decay_ms:60000"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told, and tells us
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """A parent that is killed cannot tell its builders to stop."""
    while os.getppid() == parent:
        time.sleep(_PARENT_WATCH_S)
    os._exit(1)
