"""`python -m bench.arxiv.oai_pages`: the speed from arXiv's OAI pages to rows, compared with bare lxml and with sickle.

The floor parses each page with lxml and visits the tag and the text of every element, the least that any parser needs.
Sickle, the usual library, makes a dictionary of each record, with unprocessed texts.
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

from bench.arxiv.turns import CountedWork, Figures, print_turn, take_turns
from schemas.arxiv_replies import ARXIV_REPLIES
from transforms.arxiv.oai_replies import parse_replies

RECORDINGS = Path(__file__).parents[3] / "shared/recordings"
PAGES = "arxiv/oai_cs_2016/*.xml.gz"
FLOOR_PART, TIMES_SICKLE = 1 / 2, 5
"""The targets, relative to the floor's and to sickle's speed."""
TURNS = 7
_BEGAN_AT = datetime(2026, 11, 25, tzinfo=UTC)


def bodies(recordings: Path) -> list[bytes]:
    """The recorded pages, in order."""
    return [gzip.decompress(path.read_bytes()) for path in sorted(recordings.glob(PAGES))]


def replies(pages: Sequence[bytes]) -> pl.DataFrame:
    """The pages as rows of `arxiv_replies`, captured three seconds apart."""
    times = [_BEGAN_AT + timedelta(seconds=3 * number) for number in range(len(pages))]
    rows = {
        "captured_on": [at.date() for at in times],
        "captured_at": times,
        "harvest_started_at": [_BEGAN_AT] * len(pages),
        "verb": ["ListRecords"] * len(pages),
        "url": [None] * len(pages),
        "status_code": [200] * len(pages),
        "headers": [None] * len(pages),
        "body": pages,
        "body_sha256": [hashlib.sha256(body).hexdigest() for body in pages],
    }
    return pl.DataFrame(rows, schema=pl.Schema(ARXIV_REPLIES.arrow()))


def floor(pages: Sequence[bytes]) -> CountedWork:
    """Parse each page and visit every element."""

    def run() -> int:
        for body in pages:
            for element in etree.fromstring(body).iter():
                _ = element.tag, element.text
        return len(pages)

    return run


def sickle(pages: Sequence[bytes]) -> CountedWork:
    """Sickle's iterator of records. It gets the pages from memory instead of requesting them."""
    library, responses = import_module("sickle"), import_module("sickle.response")

    def run() -> int:
        unread = iter(pages)
        harvester: Any = library.Sickle("http://127.0.0.1/oai")
        # Sickle requests pages until `unread` raises StopIteration.
        harvester.harvest = lambda **query: responses.OAIResponse(SimpleNamespace(content=next(unread)), query)
        record_count = sum(1 for record in harvester.ListRecords(metadataPrefix="arXiv") if record.metadata)
        return len(pages) if record_count else 0

    return run


def ours(pages: Sequence[bytes]) -> CountedWork:
    """Parse every column of every record, the rejects, and the page headers."""
    rows = replies(pages)
    return lambda: parse_replies(rows).pages.height


CONTENDERS = {"floor": floor, "sickle": sickle, "ours": ours}


def measured(recordings: Path = RECORDINGS, turns: int = TURNS) -> Figures:
    """Measure the recorded pages. Raises FileNotFoundError without recordings."""
    pages = bodies(recordings)
    if not pages:
        raise FileNotFoundError(f"{recordings} has no recorded pages ({PAGES})")
    about = f"{len(pages)} recorded pages of arXiv, {sum(map(len, pages)) / 1e6:,.0f} MB; {turns} turns"
    options = ["--recordings", str(recordings)]
    return Figures("pages", about, take_turns("bench.arxiv.oai_pages", list(CONTENDERS), options, turns))


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.arxiv.oai_pages")
    parser.add_argument("--recordings", type=Path, default=RECORDINGS, help="the folder of the recordings")
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--run", choices=CONTENDERS, help="run this contender once, and print its turn as JSON")
    options = parser.parse_args()
    if options.run:
        print_turn(options.run, CONTENDERS[options.run](bodies(options.recordings)))
        return
    try:
        figures = measured(options.recordings, options.turns)
    except FileNotFoundError as absent:
        sys.exit(str(absent))
    print(figures.text())
    part, times = figures.rate("ours") / figures.rate("floor"), figures.rate("ours") / figures.rate("sickle")
    print(f"of the floor's speed: {part:.2f} (target {FLOOR_PART}); of sickle's: {times:.1f} (target {TIMES_SICKLE})")


if __name__ == "__main__":
    main()
