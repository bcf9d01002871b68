"""The DuckDB database that parses JSON, one for each process."""

from __future__ import annotations

import atexit
from functools import cache

import duckdb


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """The empty in-memory database of this process: opening one takes longer than parsing a small month."""
    # Threads such as Prefect's run until the interpreter exits, where DuckDB prints long warnings about open objects.
    atexit.register(engine.cache_clear)
    return duckdb.connect()


def use_one_thread() -> None:
    """Limit DuckDB to one thread, for processes that share the machine with other workers."""
    engine().execute("set threads = 1")
