"""Measure how long `papers daily` takes from its start to the first request and to its end.

`python -m bench.start_up` runs it in-process and through a running Prefect server, alternately, on the machine as it is
and with a busy loop on every core, and prints a table in Markdown. `--write` also writes it to a file.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from flows.local_server import LocalServer
from sandbox.clock import Clock
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.server import HubServer

_DATES = [f"2025-11-{day:02}" for day in range(3, 8)]
_BUSY_LOOP = "while True: pass"
_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class StartUp:
    """One run: seconds from its start to the first request, and to its end."""

    first_request_s: float
    end_s: float
    exit_code: int


def measure_run(command: list[str], environment: dict[str, str]) -> StartUp:
    """Run a command against a Hub on loopback that answers at once."""
    with HubServer(GeneratedHub(papers_a_day=25), clock=Clock(), quota=None) as hub, ExitStack() as stack:
        root = stack.enter_context(tempfile.TemporaryDirectory(prefix="paperlake-start-up-"))
        own = {"PAPERLAKE_ROOT": f"{root}/lake", "PAPERLAKE_STATE": f"{root}/state", "PAPERLAKE_HUB_URL": hub.url}
        start = time.monotonic()
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment, **own, "PAPERLAKE_HUB_QUOTA": "0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        first: float | None = None
        while process.poll() is None:
            if first is None and hub.requests:
                first = time.monotonic() - start
            time.sleep(_POLL_S)
        return StartUp(first or float("nan"), time.monotonic() - start, process.returncode)


def wait_until_answering(server: LocalServer) -> None:
    """Return when the Prefect server accepts connections. Raises ServerDied."""
    while True:
        server.check()
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keep `count` cores busy."""
    loops = [subprocess.Popen([sys.executable, "-c", _BUSY_LOOP]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def compare(turns: int) -> dict[tuple[str, str], list[StartUp]]:
    """Runs by machine (quiet, busy) and by runner, measured alternately so that both meet the same noise."""
    papers = str(Path(sys.executable).with_name("papers"))
    results: dict[tuple[str, str], list[StartUp]] = {}
    with tempfile.TemporaryDirectory(prefix="paperlake-start-up-") as state, ExitStack() as stack:
        (Path(state) / "prefect").mkdir()
        os.environ["PREFECT_HOME"] = f"{state}/prefect"
        server = stack.enter_context(LocalServer(Path(state)))
        wait_until_answering(server)
        runners = {"in-process": {}, "Prefect server": {"PREFECT_API_URL": server.api}}
        for load in ("quiet", "busy"):
            with busy_loops(os.cpu_count() or 1 if load == "busy" else 0):
                for turn in range(turns):
                    for runner, environment in runners.items():
                        command = [papers, "daily", "--date", _DATES[turn % len(_DATES)]]
                        results.setdefault((load, runner), []).append(measure_run(command, environment))
    return results


def markdown(results: dict[tuple[str, str], list[StartUp]]) -> str:
    """The medians as a table."""
    lines = [
        "| machine | runner | to the first request | to the end | exit 0 |",
        "|---|---|--:|--:|--:|",
    ]
    for (load, runner), runs in results.items():
        first, end = (
            median(values) for values in zip(*((run.first_request_s, run.end_s) for run in runs), strict=True)
        )
        passed = sum(run.exit_code == 0 for run in runs)
        lines.append(f"| {load} | {runner} | {first:.1f} s | {end:.1f} s | {passed} of {len(runs)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.start_up", description=__doc__)
    parser.add_argument("--turns", type=int, default=3, help="runs of each kind")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page, docs/start_up.md")
    options = parser.parse_args()
    table = markdown(compare(options.turns))
    sys.stdout.write(table)
    if options.write:
        options.write.write_text(_PAGE.format(cores=os.cpu_count(), turns=options.turns, table=table))


_PAGE = """# How fast a run starts

`papers daily --date DATE` against a Hub on loopback, measured by `python -m bench.start_up` on {cores} cores:
in-process and through a Prefect server that is already running, alternately, in one run. *Busy* means one busy loop per
core beside it. Each figure is the median of {turns} runs.

{table}"""


if __name__ == "__main__":
    main()
