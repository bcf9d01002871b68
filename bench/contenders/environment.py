"""The machine and the package versions of a benchmark run, and the environment of dlt."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bench.contenders.dlt_pipeline import VERSION as DLT_VERSION
from bench.contenders.measure import ContenderAbsent

OURS = ("polars", "duckdb", "pyarrow", "pandas", "great-expectations", "prefect", "httpx", "requests")
_GIB = 2**30


def machine() -> dict[str, str]:
    """Processor, memory, system and Python version."""
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
    """The versions of the measured packages."""
    return {name: version(name) for name in OURS} | {"dlt": DLT_VERSION}


def dlt_python(folder: Path) -> str:
    """The Python of an environment with dlt, which is created in `folder` if missing. Raises ContenderAbsent."""
    home = folder / "dlt"
    python = home / "bin/python"
    if not (home / "ready").exists():
        requirement = f"dlt[filesystem,parquet]=={DLT_VERSION}"
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(home)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement],
        ):
            process = subprocess.run(command, capture_output=True, text=True, check=False)
            if process.returncode:
                raise ContenderAbsent(f"{requirement} could not be installed: {process.stderr.strip()[-300:]}")
        (home / "ready").touch()
    return str(python)
