"""`python -m bench`: measure, and tell."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import render
from bench.contenders import CONTENDERS, Outcome, compete, tell
from bench.corpora import CorpusAbsent, corpus
from bench.daily_cost import DailyRun
from bench.environment import machine, versions
from bench.results import Results

CORPORA = {"recordings": 3, "dates": 3, "million": 2, "quick": 2}
"""Every corpus, and how many turns the contenders take on it."""
DAILY_TURNS, QUICK_DAILY_TURNS = 9, 3


def main() -> None:
    """Measure what is asked for, and tell it: tables on the standard output, progress beside it."""
    said = _arguments()
    # Told to end, it takes its contenders and its folders with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not Path("/proc/self/io").exists():
        sys.exit("The bench reads memory and load from /proc, so it needs Linux.")
    if said.keep:
        said.keep.mkdir(parents=True, exist_ok=True)
        _bench(said, said.keep.absolute())
    else:
        with tempfile.TemporaryDirectory(prefix="paperlake-bench-") as work:
            _bench(said, Path(work))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure Paperlake beside what else one could use."
    )
    parser.add_argument(
        "--only", action="append", choices=[*CORPORA, "daily"], help="measure only this; may be repeated"
    )
    parser.add_argument(
        "--contender", action="append", choices=[c.key for c in CONTENDERS], help="only this one; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="two small corpora, one turn each")
    parser.add_argument("--turns", type=int, help="how often each contender runs on a corpus")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page of results, docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of tables")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in DIR and leave what was generated there")
    return parser.parse_args()


def _bench(said: argparse.Namespace, work: Path) -> None:
    wanted = said.only or (
        ["quick", "recordings", "daily"] if said.quick else ["recordings", "dates", "million", "daily"]
    )
    chosen = [c for c in CONTENDERS if not said.contender or c.key in said.contender]
    about: dict[str, str] = {}
    skipped: dict[str, str] = {}
    outcomes: list[Outcome] = []
    for name in (name for name in CORPORA if name in wanted):
        tell(f"{name}: making it, or finding it made ...")
        try:
            made = corpus(name, work)
        except CorpusAbsent as absent:
            skipped[name] = str(absent)
            tell(f"{name}: skipped, {absent}")
            continue
        about[name] = made.said
        tell(f"{name}: {made.said}")
        outcomes += compete(made, chosen, said.turns or (1 if said.quick else CORPORA[name]), work)
    daily = _daily(work, QUICK_DAILY_TURNS if said.quick else DAILY_TURNS) if "daily" in wanted else []
    results = Results(machine(), versions(), about, skipped, outcomes, daily)
    print(json.dumps(results.encoded(), indent=1) if said.json else render.text(results))
    if said.write:
        render.write(results, said.write)
    if any(outcome.has_failed for outcome in outcomes):
        sys.exit(1)


def _daily(work: Path, turns: int) -> list[DailyRun]:
    """The cost of daily runs, in a process of its own: Prefect and its server start in it."""
    command = [sys.executable, "-m", "bench.daily_cost", str(work), "--turns", str(turns)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [DailyRun(**run) for run in json.loads(done.stdout.splitlines()[-1])]


if __name__ == "__main__":
    main()
