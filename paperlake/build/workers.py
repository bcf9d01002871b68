"""Workers that build months: threads of this process, or processes for a large rebuild.

Nothing heavy is imported here: a worker process configures Polars before anything else is loaded.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

WORKERS = max(2, os.cpu_count() or 1)
PROCESSES_FROM_BYTES = 64 * 2**20
"""Compressed evidence. With less, processes take longer to start than they save. With more, they build a third faster
than threads, which contend for memory."""
_PARENT_WATCH_S = 1.0
_is_process = False


def start_workers(evidence_bytes: int) -> Executor:
    """Threads, or processes where there is much evidence to build from."""
    if evidence_bytes < PROCESSES_FROM_BYTES:
        return ThreadPoolExecutor(WORKERS)
    return ProcessPoolExecutor(WORKERS, get_context("spawn"), _set_up, (os.getpid(),))


def is_worker_process() -> bool:
    """Whether this is a worker process, which uses one core: the other workers use the others."""
    return _is_process


def _set_up(parent: int) -> None:
    global _is_process  # noqa: PLW0603 - it is true of the whole process
    _is_process = True
    os.environ["POLARS_MAX_THREADS"] = "1"
    # Each month needs the memory that the one before it freed. Returning it to the system costs a tenth of the build.
    os.environ["_RJEM_MALLOC_CONF"] = "dirty_decay_ms:60000,muzzy_decay_ms:60000"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it, and ends its workers
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End when the parent is gone: one that is killed cannot end its workers."""
    while os.getppid() == parent:
        time.sleep(_PARENT_WATCH_S)
    os._exit(1)
