"""`python -m bench`: run the benchmarks and print the results."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.contenders.contest import CONTENDERS, ContenderResult, compete, log_progress
from bench.contenders.environment import machine, versions
from bench.corpora.sources import CorpusAbsent, corpus
from bench.daily_cost import DailyRun
from bench.reports import render
from bench.reports.results import Results

CORPORA = {"recordings": 3, "dates": 3, "million": 2, "quick": 2}
"""The number of turns on each corpus."""
DAILY_TURNS, QUICK_DAILY_TURNS = 9, 3


def main() -> None:
    """Run the requested benchmarks. Results go to standard output, progress to standard error."""
    options = _arguments()
    # SIGTERM ends the contenders and removes the temporary folders, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not Path("/proc/self/io").exists():
        sys.exit("The benchmark reads memory and load from /proc, so it needs Linux.")
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        _bench(options, options.keep.absolute())
    else:
        with tempfile.TemporaryDirectory(prefix="paperlake-bench-") as folder:
            _bench(options, Path(folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmark Paperlake against alternatives.")
    parser.add_argument(
        "--only", action="append", choices=[*CORPORA, "daily"], help="measure only this; may be repeated"
    )
    parser.add_argument(
        "--contender", action="append", choices=[c.key for c in CONTENDERS], help="only this contender; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="two small corpora, one turn each")
    parser.add_argument("--turns", type=int, help="how often each contender runs on a corpus")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page of results, docs/benchmarks.md")
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of tables")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in DIR and keep the generated files")
    return parser.parse_args()


def _bench(options: argparse.Namespace, folder: Path) -> None:
    names = options.only or (
        ["quick", "recordings", "daily"] if options.quick else ["recordings", "dates", "million", "daily"]
    )
    chosen = [c for c in CONTENDERS if not options.contender or c.key in options.contender]
    about: dict[str, str] = {}
    skipped: dict[str, str] = {}
    contender_results: list[ContenderResult] = []
    for name in (name for name in CORPORA if name in names):
        log_progress(f"{name}: preparing the corpus ...")
        try:
            chosen_corpus = corpus(name, folder)
        except CorpusAbsent as absent:
            skipped[name] = str(absent)
            log_progress(f"{name}: skipped, {absent}")
            continue
        about[name] = chosen_corpus.description
        log_progress(f"{name}: {chosen_corpus.description}")
        contender_results += compete(
            chosen_corpus, chosen, options.turns or (1 if options.quick else CORPORA[name]), folder
        )
    daily = _daily(folder, QUICK_DAILY_TURNS if options.quick else DAILY_TURNS) if "daily" in names else []
    results = Results(machine(), versions(), about, skipped, contender_results, daily)
    print(json.dumps(results.encoded(), indent=1) if options.json else render.text(results))
    if options.write:
        render.write(results, options.write)
    if any(result.has_failed for result in contender_results):
        sys.exit(1)


def _daily(folder: Path, turns: int) -> list[DailyRun]:
    """Measure daily runs in a separate process, because they change its environment and its logging."""
    command = [sys.executable, "-m", "bench.daily_cost", str(folder), "--turns", str(turns)]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [DailyRun(**run) for run in json.loads(process.stdout.splitlines()[-1])]


if __name__ == "__main__":
    main()
