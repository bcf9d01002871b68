"""Contenders that take turns: each time a fresh process, which says how long the work alone took."""

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

UNITS_TOLD = Callable[[], int]
"""Work, which tells how many units (pages, lines) it did."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One run: `work_s` by the clock on the wall, `core_s` by that of the processor, which others disturb less."""

    contender: str
    units: int
    work_s: float
    core_s: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured: all turns, and what a unit is."""

    unit: str
    about: str
    turns: Sequence[Turn]

    def rate(self, contender: str) -> float:
        """Units a second, the median of its turns."""
        return median(turn.units / turn.work_s for turn in self.turns if turn.contender == contender)

    def core_rate(self, contender: str) -> float:
        """Units a second of one core."""
        return median(turn.units / turn.core_s for turn in self.turns if turn.contender == contender)

    def peak_bytes(self, contender: str) -> int:
        """The most memory that it held in any turn."""
        return max(turn.peak_bytes for turn in self.turns if turn.contender == contender)

    @property
    def contenders(self) -> list[str]:
        """Who took part, in the order in which they came."""
        return list(dict.fromkeys(turn.contender for turn in self.turns))

    def text(self) -> str:
        """A table for a terminal; the ratios are to the first contender."""
        first = self.contenders[0]
        lines = [
            self.about,
            f"{'':14}{self.unit + '/s':>12}{'ratio':>8}{'a core-second':>15}{'ratio':>8}{'peak MB':>9}",
        ]
        for one in self.contenders:
            wall, core = self.rate(one), self.core_rate(one)
            ratios = wall / self.rate(first), core / self.core_rate(first)
            lines.append(
                f"{one:14}{wall:>12,.1f}{ratios[0]:>8.2f}{core:>15,.1f}{ratios[1]:>8.2f}"
                f"{self.peak_bytes(one) / 1e6:>9,.0f}"
            )
        return "\n".join(lines)


def take_turns(module: str, contenders: Sequence[str], options: Sequence[str], count: int) -> list[Turn]:
    """`count` rounds in which each contender runs once, as `python -m module --run CONTENDER options`."""
    turns = []
    for _ in range(count):
        for contender in contenders:
            os.sync()  # what the one before left to be written is not this one's burden
            command = [sys.executable, "-m", module, "--run", contender, *options]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            turns.append(Turn(**json.loads(done.stdout.splitlines()[-1])))
    return turns


def tell_turn(contender: str, work: UNITS_TOLD) -> None:
    """Do `work` once in this process, and print what it took."""
    began_s, began_core_s = time.monotonic(), time.process_time()
    units = work()
    core_s, work_s = time.process_time() - began_core_s, time.monotonic() - began_s
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(asdict(Turn(contender, units, work_s, core_s, peak_bytes))))
