"""What every contender is told and tells. Nothing but the standard library: they run in several environments."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.corpus import Corpus, load

ABSENT = 3
"""The exit code of a contender that cannot run here; its last line says why."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to read, where to write, and the Hub on loopback that serves the same answers, if it is to be asked.

    `tables` are those to build; all where there are none.
    """

    corpus: Corpus
    out: Path
    hub: str | None
    has_judge: bool
    tables: tuple[str, ...] = ()

    @property
    def asked_hub(self) -> str:
        """The Hub, where there must be one."""
        if self.hub is None:
            raise SystemExit("this needs --hub URL")
        return self.hub


class Absent(Exception):
    """The contender cannot run here, for the reason given."""


def compete(prepare: Callable[[Task], Callable[[], Mapping[str, object]]]) -> None:
    """Run a contender: what `prepare` does counts as start-up, what it returns is the work that is measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path, metavar="IN", help="the home of a corpus")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--hub", help="ask this Hub instead of reading the files")
    parser.add_argument("--no-judge", action="store_true", help="leave the judgement out, where there is one")
    parser.add_argument(
        "--table", action="append", default=[], help="build only these tables of ours; the others are there"
    )
    said = parser.parse_args()
    said.out.mkdir(parents=True, exist_ok=True)
    try:
        work = prepare(Task(load(said.home), said.out, said.hub, not said.no_judge, tuple(said.table)))
        began_s = time.monotonic()
        told = dict(work())
        ended_s = time.monotonic()
    except Absent as why:
        print(json.dumps({"absent": str(why)}))
        sys.exit(ABSENT)
    print(json.dumps({"began_s": began_s, "ended_s": ended_s, **told}))
