"""What one daily run costs in lakes of 1, 12 and 42 months: seconds, files, bytes.

`python -m bench.daily_cost WORK` prints it as JSON. All runs are made by one process, so that Prefect starts
once, and each in a fresh copy of its lake; a first round is made to warm up, and not counted.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from bench.corpora import INVENTIONS, MORNING, Invention, corpus
from bench.hub import serving
from bench.our_lake import Answer, keep, linked
from paperlake.store.fingerprint import rendering
from paperlake.store.lake import Lake
from sandbox.generated import GeneratedHub

FIRST_DATES = {1: date(2026, 10, 1), 12: date(2025, 11, 1), 42: date(2023, 5, 4)}
"""By the number of months that the lake has."""
_ASKED_LIMIT = "http://127.0.0.1/api/daily_papers?limit=100"


@dataclass(frozen=True, slots=True)
class DailyRun:
    """One daily run: `files` are those of the lake that are new or replaced, with their bytes.

    `written_bytes` is all that the process wrote meanwhile, also what it took away again.
    """

    months: int
    seconds: float
    files: dict[str, int]
    written_bytes: int


def lake_of(months: int, work: Path) -> Path:
    """A lake with so many months and its site, as daily runs would have left it the morning before.

    Made once by each version of the code.
    """
    from paperlake.build.rebuild import months_kept, rebuild  # noqa: PLC0415
    from paperlake.config import settings  # noqa: PLC0415
    from paperlake.outputs.editions import editions_in_force  # noqa: PLC0415 - reads the environment
    from paperlake.outputs.site import build_site  # noqa: PLC0415

    root = work / "daily" / f"{months}-months-{rendering()}"
    making = root.with_suffix(".making")
    if not root.exists():
        shutil.rmtree(making, ignore_errors=True)
        this_month = FIRST_DATES[1]
        before = Invention(FIRST_DATES[months], this_month - timedelta(days=1), INVENTIONS["morning"].papers_a_day)
        for _, days in groupby(before.days(), key=lambda day: day.replace(day=1)):
            keep(Lake(making), ((day, before.seen_at(day), before.body(day)) for day in days), url=_ASKED_LIMIT)
        keep(Lake(making), _mornings(this_month), url=_ASKED_LIMIT)
        for _ in rebuild(Lake(making), months_kept(Lake(making)), force=False):
            pass
        os.environ["PAPERLAKE_ROOT"] = str(making)
        said = settings()
        build_site(said.lake, editions_in_force(said), said.public_url)
        making.rename(root)
    return root


def _mornings(first: date) -> list[Answer]:
    """What every morning since `first` has captured: the open date, the newest closed one, and 14 before it."""
    hub = GeneratedHub(papers_a_day=INVENTIONS["morning"].papers_a_day)
    answers: list[Answer] = []
    at = MORNING.replace(day=first.day + 1)
    while at < MORNING:
        asked = [at.date() - timedelta(days=back) for back in range(16)]
        answers += [(day, at, hub.body(day, at)) for day in asked if day >= first]
        at += timedelta(days=1)
    return answers


def measured(months: int, root: Path, work: Path) -> DailyRun:
    """One daily run in a fresh copy of the lake at `root`."""
    from paperlake.pipelines.in_process import run_daily  # noqa: PLC0415 - reads the environment

    logging.getLogger("paperlake").setLevel(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="daily-", dir=work))
    try:
        lake = linked(root, folder / "lake")
        os.environ.update(PAPERLAKE_ROOT=str(lake.root), PAPERLAKE_STATE=str(folder / "state"))
        os.sync()
        before, written = _files(lake), _written_bytes()
        began_s = time.monotonic()
        outcome = run_daily(None, recheck=True, now=MORNING)
        seconds = time.monotonic() - began_s
        if outcome.problems:
            raise RuntimeError(f"the daily run had problems: {outcome.problems}")
        after = _files(lake)
        changed = {name: size for name, (size, *_) in after.items() if before.get(name) != after[name]}
        return DailyRun(months, seconds, changed, _written_bytes() - written)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _files(lake: Lake) -> dict[str, tuple[int, int, int]]:
    """Size, node and time of every file of the lake that anyone reads."""
    found = ((path, path.stat()) for path in lake.root.rglob("*") if path.is_file() and lake.staged not in path.parents)
    return {path.relative_to(lake.root).as_posix(): (s.st_size, s.st_ino, s.st_mtime_ns) for path, s in found}


def _written_bytes() -> int:
    said = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(said["wchar"])


def main() -> None:
    """Measure, the lakes taking turns, and print the runs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("--turns", type=int, default=9)
    said = parser.parse_args()
    work: Path = said.work.absolute()
    with serving(corpus("morning", work)) as url:
        os.environ.update(PAPERLAKE_HUB_URL=url, PAPERLAKE_HUB_QUOTA="0")
        roots = {months: lake_of(months, work) for months in FIRST_DATES}
        runs: list[DailyRun] = []
        for turn in range(said.turns + 1):
            for months, root in roots.items():
                run = measured(months, root, work)
                print(f"daily run {turn} in {months} months: {run.seconds:.2f} s", file=sys.stderr, flush=True)
                runs += [run] if turn else []
    print(json.dumps([asdict(run) for run in runs]))


if __name__ == "__main__":
    main()
