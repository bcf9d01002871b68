"""The machine and the versions that a result stands for, and the environment that dlt runs in."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bench.dlt_pipeline import VERSION as DLT_VERSION
from bench.measure import ContenderAbsent

OURS = ("polars", "duckdb", "pyarrow", "pandas", "great-expectations", "prefect", "httpx", "requests")
_GIB = 2**30


def machine() -> dict[str, str]:
    """What was measured on."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    return {
        "processor": f"{cpu}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "Python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """What was measured with."""
    return {name: version(name) for name in OURS} | {"dlt": DLT_VERSION}


def dlt_python(work: Path) -> str:
    """An interpreter that has dlt, in an environment made in `work` unless it is there. Raises ContenderAbsent."""
    home = work / "dlt"
    python = home / "bin/python"
    if not (home / "ready").exists():
        wanted = f"dlt[filesystem,parquet]=={DLT_VERSION}"
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(home)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise ContenderAbsent(f"{wanted} could not be installed: {done.stderr.strip()[-300:]}")
        (home / "ready").touch()
    return str(python)
