"""`python -m bench.arxiv_pages`: how fast pages of arXiv's become rows, beside a bare walk of them and beside sickle.

The floor parses each page with lxml and looks at the tag and the text of every element, which nobody who reads pages
with it can do without. Sickle, the usual library, makes a dictionary of each record, with its texts as they stand.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
from lxml import etree

from bench.turns import UNITS_TOLD, Figures, take_turns, tell_turn
from schemas.arxiv_replies import ARXIV_REPLIES
from transforms.arxiv.oai_replies import read

RECORDINGS = Path(__file__).parents[2] / "shared/recordings"
PAGES = "arxiv/oai_cs_2016/*.xml.gz"
FLOOR_PART, TIMES_SICKLE = 1 / 2, 5
"""What was promised: so much of the floor's speed, and of sickle's."""
TURNS = 7
_BEGAN_AT = datetime(2026, 11, 25, tzinfo=UTC)


def bodies(recordings: Path) -> list[bytes]:
    """The recorded pages, in their order."""
    return [gzip.decompress(path.read_bytes()) for path in sorted(recordings.glob(PAGES))]


def replies(pages: Sequence[bytes]) -> pl.DataFrame:
    """Pages as rows of `arxiv_replies`, captured at intervals of three seconds."""
    instants = [_BEGAN_AT + timedelta(seconds=3 * number) for number in range(len(pages))]
    rows = {
        "captured_on": [at.date() for at in instants],
        "captured_at": instants,
        "harvest_started_at": [_BEGAN_AT] * len(pages),
        "verb": ["ListRecords"] * len(pages),
        "url": [None] * len(pages),
        "status_code": [200] * len(pages),
        "headers": [None] * len(pages),
        "body": pages,
        "body_sha256": [hashlib.sha256(body).hexdigest() for body in pages],
    }
    return pl.DataFrame(rows, schema=pl.Schema(ARXIV_REPLIES.arrow()))


def floor(pages: Sequence[bytes]) -> UNITS_TOLD:
    """Parse, and look at everything."""

    def work() -> int:
        for body in pages:
            for element in etree.fromstring(body).iter():
                _ = element.tag, element.text
        return len(pages)

    return work


def sickle(pages: Sequence[bytes]) -> UNITS_TOLD:
    """What sickle's iterator of records gives, handed the same answers instead of asking for them."""
    library, answers = import_module("sickle"), import_module("sickle.response")

    def work() -> int:
        unread = iter(pages)
        harvester: Any = library.Sickle("http://127.0.0.1/oai")
        # It asks for the next page until there is none, and passes on that there is none.
        harvester.harvest = lambda **said: answers.OAIResponse(SimpleNamespace(content=next(unread)), said)
        held = sum(1 for record in harvester.ListRecords(metadataPrefix="arXiv") if record.metadata)
        return len(pages) if held else 0

    return work


def ours(pages: Sequence[bytes]) -> UNITS_TOLD:
    """Every column of every record, its rejects, and the facts of the pages."""
    kept = replies(pages)
    return lambda: read(kept).pages.height


CONTENDERS = {"floor": floor, "sickle": sickle, "ours": ours}


def measured(recordings: Path = RECORDINGS, turns: int = TURNS) -> Figures:
    """The figures, in pages. Raises FileNotFoundError where the recorded pages are not there."""
    held = bodies(recordings)
    if not held:
        raise FileNotFoundError(f"{recordings} holds no recorded pages ({PAGES})")
    about = f"{len(held)} recorded pages of arXiv, {sum(map(len, held)) / 1e6:,.0f} MB; {turns} turns"
    options = ["--recordings", str(recordings)]
    return Figures("pages", about, take_turns("bench.arxiv_pages", list(CONTENDERS), options, turns))


def main() -> None:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(prog="python -m bench.arxiv_pages")
    parser.add_argument("--recordings", type=Path, default=RECORDINGS, help="where the recorded answers lie")
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--run", choices=CONTENDERS, help="run one contender once, and tell its turn as JSON")
    said = parser.parse_args()
    if said.run:
        tell_turn(said.run, CONTENDERS[said.run](bodies(said.recordings)))
        return
    try:
        figures = measured(said.recordings, said.turns)
    except FileNotFoundError as absent:
        sys.exit(str(absent))
    print(figures.text())
    part, times = figures.rate("ours") / figures.rate("floor"), figures.rate("ours") / figures.rate("sickle")
    print(
        f"of the floor's speed: {part:.2f} (promised {FLOOR_PART}); of sickle's: {times:.1f} (promised {TIMES_SICKLE})"
    )


if __name__ == "__main__":
    main()
