"""One contender, once: a fresh process in a fresh folder, its time, its memory, and what it left on the disk."""

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

from bench.contender import ABSENT
from bench.corpus import Corpus

_SAMPLE_S = 0.02
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_A_S = os.sysconf("SC_CLK_TCK")
_CORES = os.cpu_count() or 1


class ContenderFailed(Exception):
    """A contender ended with an error, which is in the message."""


class ContenderAbsent(Exception):
    """A contender cannot run on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of a contender was.

    `start_up_s` is from the start of the process to the start of the work: interpreter, imports, preparation.
    `peak_bytes` is the largest sum of resident memory over all its processes, sampled every 20 ms: what two of
    them share (libraries, mostly) counts twice. `made_bytes` is what it left on the disk but for
    `evidence_bytes`, the answers it keeps. `others_share` is how busy the machine was with anything else.
    """

    start_up_s: float
    work_s: float
    peak_bytes: int
    made_bytes: int
    evidence_bytes: int
    others_share: float
    rows: dict[str, int] = field(default_factory=dict)


def run(command: list[str], corpus: Corpus, work: Path, options: list[str]) -> Run:
    """Run `command IN OUT options` once. Raises ContenderFailed, ContenderAbsent."""
    out = Path(tempfile.mkdtemp(prefix="run-", dir=work))
    try:
        # What the one before left to be written is not this one's burden.
        os.sync()
        return _watched([*command, str(corpus.home), str(out), *options], out)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _watched(command: list[str], out: Path) -> Run:
    busy_before = _machine_busy_s()
    spawned_s = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        peak = _Peak(process.pid)
        try:
            said = process.stdout.read() if process.stdout else ""
            # Waited for by hand: this also tells what the process and its children used.
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            _end(process.pid)
            raise
        finally:
            peak.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        ended_s = time.monotonic()
        errors.seek(0)
        complaint = errors.read().decode(errors="replace")[-2000:]
    told = _told(said)
    if process.returncode == ABSENT:
        raise ContenderAbsent(str(told.get("absent", "it does not say why")))
    if process.returncode or "began_s" not in told:
        raise ContenderFailed(f"{' '.join(command)} ended with {process.returncode}: {complaint}")
    others_s = _machine_busy_s() - busy_before - used.ru_utime - used.ru_stime
    made = size_bytes(out / str(told.get("made", ".")))
    kept = size_bytes(out / str(told["evidence"])) if "evidence" in told else 0
    return Run(
        start_up_s=told["began_s"] - spawned_s,
        work_s=told["ended_s"] - told["began_s"],
        peak_bytes=peak.seen_bytes,
        made_bytes=made - kept,
        evidence_bytes=kept,
        others_share=max(others_s, 0.0) / (ended_s - spawned_s) / _CORES,
        rows=told.get("rows", {}),
    )


def size_bytes(folder: Path) -> int:
    """What the files in a folder hold."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _told(said: str) -> dict[str, Any]:
    """What a contender says of itself: the last line that it prints."""
    lines = said.strip().splitlines()
    try:
        told: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return told


class _Peak:
    """The most memory that a process and all below it held together, while it is watched."""

    def __init__(self, pid: int) -> None:
        """Watch from now on."""
        self.seen_bytes = 0
        self._pid, self._over = pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            self.seen_bytes = max(self.seen_bytes, sum(_resident_bytes(pid) for pid in _tree(self._pid)))


def _tree(pid: int) -> list[int]:
    """A process and all that it and its children started."""
    found, at = [pid], 0
    while at < len(found):
        for children in Path(f"/proc/{found[at]}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text().split()]
            except OSError:  # ended meanwhile
                continue
        at += 1
    return found


def _end(pid: int) -> None:
    """Kill a contender of ours and all that it started: nobody waits for its figures."""
    for each in reversed(_tree(pid)):
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _machine_busy_s() -> float:
    """The seconds that all cores together have worked since the machine started."""
    user, nice, system, _, _, interrupt, soft_interrupt, *_ = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + interrupt + soft_interrupt) / _TICKS_A_S
