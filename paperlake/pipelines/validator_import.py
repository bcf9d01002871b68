"""Great Expectations is imported while something else waits: it takes six seconds of processor."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


@contextmanager
def judge_imported_meanwhile() -> Iterator[None]:
    """Import what validates in a thread, beside the requests of this block."""
    thread = threading.Thread(target=import_module, args=("paperlake.quality.judge",), daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()  # what comes next needs it, and an import left behind would meet the end of the process
