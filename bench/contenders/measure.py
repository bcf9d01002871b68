"""Run a contender once, in a new process and an empty folder. Measure its time, its memory and its files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.contenders.task import ABSENT
from bench.corpora.corpus import Corpus

_SAMPLE_S = 0.02
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_A_S = os.sysconf("SC_CLK_TCK")
_CORES = os.cpu_count() or 1


class ContenderFailed(Exception):
    """A contender ended with an error. The message contains its error output."""


class ContenderAbsent(Exception):
    """A contender cannot run on this machine. The message is the reason."""


@dataclass(frozen=True, slots=True)
class Run:
    """The measurements of one run of a contender.

    `start_up_s` is the time from the start of the process to the start of the measured work: interpreter, imports,
    set-up. `peak_bytes` is the largest sum of resident memory over all its processes, sampled every 20 ms; memory
    that two processes share (mostly libraries) counts twice. `output_bytes` is the size of its files without
    `evidence_bytes`, the answers that it stores. `others_fraction` is the load of the machine by other processes.
    """

    start_up_s: float
    work_s: float
    peak_bytes: int
    output_bytes: int
    evidence_bytes: int
    others_fraction: float
    rows: dict[str, int] = field(default_factory=dict)


def run(command: list[str], corpus: Corpus, folder: Path, options: list[str]) -> Run:
    """Run `command IN OUT options` once. Raises ContenderFailed, ContenderAbsent."""
    out = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    try:
        # Write out the dirty pages of the run before.
        os.sync()
        return _run_measured([*command, str(corpus.home), str(out), *options], out)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _run_measured(command: list[str], out: Path) -> Run:
    busy_before = _machine_busy_s()
    spawned_s = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        peak = _PeakMemory(process.pid)
        try:
            output = process.stdout.read() if process.stdout else ""
            # wait4 also gives the processor time of the process and its children.
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            _kill(process.pid)
            raise
        finally:
            peak.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        ended_s = time.monotonic()
        errors.seek(0)
        error_output = errors.read().decode(errors="replace")[-2000:]
    report = _report(output)
    if process.returncode == ABSENT:
        raise ContenderAbsent(str(report.get("absent", "it gives no reason")))
    if process.returncode or "began_s" not in report:
        raise ContenderFailed(f"{' '.join(command)} ended with {process.returncode}: {error_output}")
    others_s = _machine_busy_s() - busy_before - used.ru_utime - used.ru_stime
    output_bytes = size_bytes(out / str(report.get("output", ".")))
    evidence_bytes = size_bytes(out / str(report["evidence"])) if "evidence" in report else 0
    return Run(
        start_up_s=report["began_s"] - spawned_s,
        work_s=report["ended_s"] - report["began_s"],
        peak_bytes=peak.peak_bytes,
        output_bytes=output_bytes - evidence_bytes,
        evidence_bytes=evidence_bytes,
        others_fraction=max(others_s, 0.0) / (ended_s - spawned_s) / _CORES,
        rows=report.get("rows", {}),
    )


def size_bytes(folder: Path) -> int:
    """The total size of the files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _report(output: str) -> dict[str, Any]:
    """The report of a contender: the last line of its output."""
    lines = output.strip().splitlines()
    try:
        report: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return report


class _PeakMemory:
    """Samples the memory of a process and its descendants in a thread, and keeps the largest sum."""

    def __init__(self, pid: int) -> None:
        """Start sampling."""
        self.peak_bytes = 0
        self._pid, self._over = pid, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling."""
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            self.peak_bytes = max(self.peak_bytes, sum(_resident_bytes(pid) for pid in _tree(self._pid)))


def _tree(pid: int) -> list[int]:
    """The ids of a process and all its descendants."""
    pids, at = [pid], 0
    while at < len(pids):
        for children in Path(f"/proc/{pids[at]}/task").glob("*/children"):
            try:
                pids += [int(child) for child in children.read_text().split()]
            except OSError:  # the process has ended
                continue
        at += 1
    return pids


def _kill(pid: int) -> None:
    """Kill a contender and its descendants."""
    for each in reversed(_tree(pid)):
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _machine_busy_s() -> float:
    """The busy time of all cores together since the machine started, in seconds."""
    user, nice, system, _, _, interrupt, soft_interrupt, *_ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + interrupt + soft_interrupt) / _TICKS_A_S
