"""Run contenders in turns, each run in a new process that reports the time of its work."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

CountedWork = Callable[[], int]
"""Measured work. Returns the number of units (pages, lines) that it processed."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One run. `work_s` is wall-clock time; `core_s` is processor time, which depends less on other load."""

    contender: str
    units: int
    work_s: float
    core_s: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All turns, and the name of a unit."""

    unit: str
    about: str
    turns: Sequence[Turn]

    def rate(self, contender: str) -> float:
        """Units per second, the median of its turns."""
        return median(turn.units / turn.work_s for turn in self.turns if turn.contender == contender)

    def core_rate(self, contender: str) -> float:
        """Units per core-second, the median of its turns."""
        return median(turn.units / turn.core_s for turn in self.turns if turn.contender == contender)

    def peak_bytes(self, contender: str) -> int:
        """The largest memory of any of its turns."""
        return max(turn.peak_bytes for turn in self.turns if turn.contender == contender)

    @property
    def contenders(self) -> list[str]:
        """The contenders, in the order of their first turns."""
        return list(dict.fromkeys(turn.contender for turn in self.turns))

    def text(self) -> str:
        """A table for a terminal. Ratios are relative to the first contender."""
        first = self.contenders[0]
        lines = [
            self.about,
            f"{'':14}{self.unit + '/s':>12}{'ratio':>8}{'a core-second':>15}{'ratio':>8}{'peak MB':>9}",
        ]
        for contender in self.contenders:
            wall, core = self.rate(contender), self.core_rate(contender)
            ratios = wall / self.rate(first), core / self.core_rate(first)
            lines.append(
                f"{contender:14}{wall:>12,.1f}{ratios[0]:>8.2f}{core:>15,.1f}{ratios[1]:>8.2f}"
                f"{self.peak_bytes(contender) / 1e6:>9,.0f}"
            )
        return "\n".join(lines)


def take_turns(module: str, contenders: Sequence[str], options: Sequence[str], count: int) -> list[Turn]:
    """Run each contender once in each of `count` rounds, as `python -m module --run CONTENDER options`."""
    turns = []
    for _ in range(count):
        for contender in contenders:
            os.sync()  # write out the dirty pages of the run before
            command = [sys.executable, "-m", module, "--run", contender, *options]
            process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            turns.append(Turn(**json.loads(process.stdout.splitlines()[-1])))
    return turns


def print_turn(contender: str, work: CountedWork) -> None:
    """Run `work` once in this process, and print its turn as JSON."""
    began_s, began_core_s = time.monotonic(), time.process_time()
    units = work()
    core_s, work_s = time.process_time() - began_core_s, time.monotonic() - began_s
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(asdict(Turn(contender, units, work_s, core_s, peak_bytes))))
