"""`python -m bench.trending`: does the score of `trends` tell what will be voted for? Against votes that came later."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.questions import tried
from bench.trending_page import markdown, write

RECORDINGS = Path(__file__).parents[2] / "shared/recordings"


def main() -> None:
    """Try, and tell it; with `--write` also the page and its plots."""
    parser = argparse.ArgumentParser(prog="python -m bench.trending", description=__doc__)
    parser.add_argument("--recordings", type=Path, default=RECORDINGS, help="where the recorded answers lie")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page, with its plots beside it")
    said = parser.parse_args()
    if not (said.recordings / "hub/vote_history.csv").is_file():
        sys.exit(f"{said.recordings} holds no recorded votes (hub/vote_history.csv)")
    outcome = tried(said.recordings)
    print(markdown(outcome))
    if said.write:
        write(outcome, said.write)


if __name__ == "__main__":
    main()
