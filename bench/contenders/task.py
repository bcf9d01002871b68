"""The command line and the report of every contender. Standard library only: contenders have several environments."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.corpora.corpus import Corpus, load

ABSENT = 3
"""The exit code of a contender that cannot run here. Its last line has the reason."""


@dataclass(frozen=True, slots=True)
class Task:
    """The input corpus, the output folder, and the loopback Hub with the same answers, if the contender uses one.

    `tables` are the tables to build; empty means all.
    """

    corpus: Corpus
    out: Path
    hub: str | None
    has_validation: bool
    tables: tuple[str, ...] = ()

    @property
    def hub_url(self) -> str:
        """The URL of the Hub. Exits if there is none."""
        if self.hub is None:
            raise SystemExit("this needs --hub URL")
        return self.hub


class Absent(Exception):
    """The contender cannot run here. The message is the reason."""


def compete(set_up: Callable[[Task], Callable[[], Mapping[str, object]]]) -> None:
    """Run a contender. `set_up` counts as start-up; the function that it returns is measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path, metavar="IN", help="the folder of a corpus")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--hub", help="read from this Hub instead of the files")
    parser.add_argument("--no-validation", action="store_true", help="skip validation, if the contender has it")
    parser.add_argument(
        "--table", action="append", default=[], help="build only these Paperlake tables; the others exist already"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        run = set_up(
            Task(load(options.home), options.out, options.hub, not options.no_validation, tuple(options.table))
        )
        began_s = time.monotonic()
        report = dict(run())
        ended_s = time.monotonic()
    except Absent as reason:
        print(json.dumps({"absent": str(reason)}))
        sys.exit(ABSENT)
    print(json.dumps({"began_s": began_s, "ended_s": ended_s, **report}))
