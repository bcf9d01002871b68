"""Measure the cost of a daily run in lakes of 1, 12 and 42 months: seconds, files, bytes.

`python -m bench.daily_cost WORK` prints the runs as JSON. One process makes all runs, each in a fresh copy of its
lake. The first round warms up and is not counted.
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

from bench.contenders.lakes import Answer, link_lake, publish_evidence
from bench.corpora.hub_server import serve_in_background
from bench.corpora.sources import GENERATED_CORPORA, MORNING, GeneratedCorpus, corpus
from paperlake.store.fingerprint import render_fingerprint
from paperlake.store.lake import Lake
from sandbox.hub.generated import GeneratedHub

FIRST_DATES = {1: date(2026, 10, 1), 12: date(2025, 11, 1), 42: date(2023, 5, 4)}
"""The first date of a lake, by its number of months."""
_REQUEST_URL = "http://127.0.0.1/api/daily_papers?limit=100"


@dataclass(frozen=True, slots=True)
class DailyRun:
    """One daily run. `files` are the new or replaced files of the lake, with their bytes.

    `written_bytes` counts every write of the process, including files that it deleted again.
    """

    months: int
    seconds: float
    files: dict[str, int]
    written_bytes: int


def lake_of(months: int, folder: Path) -> Path:
    """A lake of `months` months with its site and search index, in the state before the measured run.

    It is made once for each version of the code.
    """
    from paperlake.build.rebuild import known_months, rebuild  # noqa: PLC0415
    from paperlake.config import read_settings  # noqa: PLC0415
    from paperlake.outputs.published_site import update_site  # noqa: PLC0415
    from paperlake.retrieval.word_index import update_index  # noqa: PLC0415

    root = folder / "daily" / f"{months}-months-{render_fingerprint()}"
    temporary = root.with_suffix(".making")
    if not root.exists():
        shutil.rmtree(temporary, ignore_errors=True)
        this_month = FIRST_DATES[1]
        before = GeneratedCorpus(
            FIRST_DATES[months], this_month - timedelta(days=1), GENERATED_CORPORA["morning"].papers_a_day
        )
        for _, days in groupby(before.days(), key=lambda day: day.replace(day=1)):
            answers = [answer for day in days for answer in _final_answers(before, day)]
            publish_evidence(Lake(temporary), answers, url=_REQUEST_URL)
        publish_evidence(Lake(temporary), _captured_answers(this_month), url=_REQUEST_URL)
        for _ in rebuild(Lake(temporary), known_months(Lake(temporary)), force=False):
            pass
        os.environ["PAPERLAKE_ROOT"] = str(temporary)
        update_site(read_settings())
        update_index(Lake(temporary))
        temporary.rename(root)
    return root


def _final_answers(before: GeneratedCorpus, day: date) -> list[Answer]:
    """The answer for a date long ago; an empty list counts only when it was seen on two days."""
    at, body = before.capture_time(day), before.body(day)
    answer = (day, at, body)
    return [answer] if json.loads(body) else [answer, (day, at + timedelta(days=1), body)]


def _captured_answers(first: date) -> list[Answer]:
    """The answers that daily runs since `first` captured: the open date, the newest closed one, and 14 before it."""
    hub = GeneratedHub(papers_a_day=GENERATED_CORPORA["morning"].papers_a_day)
    answers: list[Answer] = []
    at = MORNING.replace(day=first.day + 1)
    while at < MORNING:
        days = [at.date() - timedelta(days=back) for back in range(16)]
        answers += [(day, at, hub.body(day, at)) for day in days if day >= first]
        at += timedelta(days=1)
    return answers


def measured(months: int, root: Path, parent: Path) -> DailyRun:
    """Measure a daily run in a fresh copy of the lake at `root`."""
    from paperlake.pipelines.in_process import run_daily  # noqa: PLC0415 - reads the environment

    logging.getLogger("paperlake").setLevel(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="daily-", dir=parent))
    try:
        lake = link_lake(root, folder / "lake")
        os.environ.update(PAPERLAKE_ROOT=str(lake.root), PAPERLAKE_STATE=str(folder / "state"))
        os.sync()
        before, written = _files(lake), _written_bytes()
        began_s = time.monotonic()
        report = run_daily(None, recheck=True, now=MORNING)
        seconds = time.monotonic() - began_s
        if report.problems:
            raise RuntimeError(f"the daily run had problems: {report.problems}")
        after = _files(lake)
        changed = {name: size for name, (size, *_) in after.items() if before.get(name) != after[name]}
        return DailyRun(months, seconds, changed, _written_bytes() - written)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _files(lake: Lake) -> dict[str, tuple[int, int, int]]:
    """Size, inode and modification time of every file of the lake, without staged files."""
    files = ((path, path.stat()) for path in lake.root.rglob("*") if path.is_file() and lake.staged not in path.parents)
    return {path.relative_to(lake.root).as_posix(): (s.st_size, s.st_ino, s.st_mtime_ns) for path, s in files}


def _written_bytes() -> int:
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counters["wchar"])


def main() -> None:
    """Measure the lakes in turns, and print the runs as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", type=Path)
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    folder: Path = options.work.absolute()
    with serve_in_background(corpus("morning", folder)) as url:
        os.environ.update(PAPERLAKE_HUB_URL=url, PAPERLAKE_HUB_QUOTA="0")
        roots = {months: lake_of(months, folder) for months in FIRST_DATES}
        runs: list[DailyRun] = []
        for turn in range(options.turns + 1):
            for months, root in roots.items():
                run = measured(months, root, folder)
                print(f"daily run {turn} in {months} months: {run.seconds:.2f} s", file=sys.stderr, flush=True)
                runs += [run] if turn else []
    print(json.dumps([asdict(run) for run in runs]))


if __name__ == "__main__":
    main()
