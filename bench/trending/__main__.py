"""`python -m bench.trending`: evaluate the score of `trends` against later votes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.trending.page import markdown, write
from bench.trending.questions import evaluate

RECORDINGS = Path(__file__).parents[3] / "shared/recordings"


def main() -> None:
    """Evaluate, and print the page; with `--write` also write it with its plots."""
    parser = argparse.ArgumentParser(prog="python -m bench.trending", description=__doc__)
    parser.add_argument("--recordings", type=Path, default=RECORDINGS, help="the folder of the recordings")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page, and its plots into the same folder")
    options = parser.parse_args()
    if not (options.recordings / "hub/vote_history.csv").is_file():
        sys.exit(f"{options.recordings} has no recorded votes (hub/vote_history.csv)")
    evaluation = evaluate(options.recordings)
    print(markdown(evaluation))
    if options.write:
        write(evaluation, options.write)


if __name__ == "__main__":
    main()
