"""Generate lines of arXiv's snapshot, with the size and the shape of real ones.

Texts use few words in random order, so that they compress about as well as real texts. The same seed gives the same
lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

_PROSE = (
    "we show that the model of a random graph with bounded degree has no phase transition in two dimensions under weak "
    "coupling and prove an upper bound on its spectral gap using methods from convex optimization which improves known "
    "results for sparse matrices our approach extends to noisy channels where capacity is achieved by lattice codes of "
    "moderate length numerical experiments on synthetic data confirm these findings across many orders of magnitude "
    "while existing algorithms fail as soon as symmetry breaks down at finite temperature or large scales"
)
_WORDS = _PROSE.split()
_SYLLABLES = (
    "an",
    "ber",
    "cha",
    "do",
    "el",
    "fer",
    "gra",
    "ho",
    "ja",
    "kov",
    "li",
    "mar",
    "nin",
    "os",
    "pe",
    "tov",
    "wen",
)
_CATEGORIES = ("hep-th", "cs.LG", "math.CO", "quant-ph", "astro-ph.CO", "cond-mat.str-el", "math.NA", "cs.CV", "gr-qc")
_PROBABILITIES = {
    "comments": 0.8,
    "journal-ref": 0.4,
    "doi": 0.45,
    "report-no": 0.07,
    "affiliation": 0.1,
    "suffix": 0.002,
}
"""The fraction of real papers, or of authors, that have the field."""
_WITH_MATHEMATICS, _WITH_ACCENTS = 0.2, 0.01
"""The fraction of sentences with TeX. It gives 6 % of abstracts, as in the recordings."""
_LICENSES = ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", "http://creativecommons.org/licenses/by/4.0/", None)
_MATHEMATICS = (r"$\alpha_{n}$", r"$O(n\log n)$", "$k$-regular", r"\emph{ab initio}", r"$\mathbb{R}^d$")
_ACCENTED = (r"Schr\"odinger", r"Erd\H{o}s", r"Poincar\'e", r"B\'{e}zout")
_FIRST_AT = datetime(2007, 4, 1, tzinfo=UTC)
_MONTHS = 236
"""April 2007 to November 2026: the months of the identifiers."""
_WIDTH = 78


def lines(count: int, seed: int = 0) -> Iterator[bytes]:
    """Generate `count` lines without line ends, in the order of their identifiers."""
    random = Random(seed)  # noqa: S311 - no secret
    a_month = -(-count // _MONTHS)
    for number in range(count):
        month, nth = divmod(number, a_month)
        year, of_year = divmod(_FIRST_AT.month - 1 + month, 12)
        paper_id = f"{(_FIRST_AT.year + year) % 100:02}{of_year + 1:02}.{nth + 1:05}"
        record = _record(random, paper_id, _FIRST_AT + timedelta(days=30 * month))
        yield json.dumps(record, separators=(",", ":")).encode()


def write(path: Path, count: int, seed: int = 0) -> int:
    """Write generated lines to a file. Returns its size in bytes."""
    with path.open("wb") as file:
        for line in lines(count, seed):
            file.write(line + b"\n")
    return path.stat().st_size


def _record(random: Random, paper_id: str, begun_at: datetime) -> dict[str, object]:
    people = [_person(random) for _ in range(1 + int(random.expovariate(1 / 3)))]
    dates = [begun_at + timedelta(minutes=random.randrange(43_200)) for _ in range(1 + int(random.expovariate(1)))]
    number = random.randrange(10**7)
    optional = {
        "comments": f"{number % 60} pages, {number % 9} figures",
        "journal-ref": f"J. Inv. {number % 99} ({begun_at.year}) {number % 999}",
        "doi": f"10.1234/inv.{number}",
        "report-no": f"INV-{number % 9999}",
    }
    return {
        "id": paper_id,
        "submitter": " ".join(people[0][1::-1]),
        "authors": ", ".join(" ".join(person[1::-1]) for person in people),
        "title": _wrap(_sentence(random, 6 + random.randrange(9)).capitalize(), "\n  "),
        **{name: text if random.random() < _PROBABILITIES[name] else None for name, text in optional.items()},
        "categories": " ".join(random.sample(_CATEGORIES, random.randrange(1, 4))),
        "license": random.choice(_LICENSES),
        "abstract": f"  {_abstract(random)}\n",
        "versions": [
            {"version": f"v{version}", "created": f"{at:%a}, {at.day} {at:%b %Y %H:%M:%S} GMT"}
            for version, at in enumerate(sorted(dates), 1)
        ],
        "update_date": f"{max(dates) + timedelta(days=1):%Y-%m-%d}",
        "authors_parsed": people,
    }


def _person(random: Random) -> list[str]:
    key = "".join(random.choices(_SYLLABLES, k=3)).capitalize()
    fore = random.choice((f"{random.choice('ABCDEFGHIJKLMNOPRST')}.", random.choice(_SYLLABLES).capitalize() + "é"))
    place = f"University of {''.join(random.choices(_SYLLABLES, k=3)).capitalize()}"
    suffix = "Jr." if random.random() < _PROBABILITIES["suffix"] else ""
    return [key, fore, suffix, *([place] if random.random() < _PROBABILITIES["affiliation"] else [])]


def _sentence(random: Random, length: int) -> str:
    words = random.choices(_WORDS, k=length)
    for probability, kind in ((_WITH_MATHEMATICS, _MATHEMATICS), (_WITH_ACCENTS, _ACCENTED)):
        if random.random() < probability:
            words[random.randrange(length)] = random.choice(kind)
    return " ".join(words)


def _abstract(random: Random) -> str:
    sentences = (
        _sentence(random, 12 + random.randrange(16)).capitalize() + "." for _ in range(4 + random.randrange(6))
    )
    return _wrap(" ".join(sentences), "\n")


def _wrap(text: str, end: str) -> str:
    """Break a text into lines like arXiv."""
    parts: list[str] = []
    room = _WIDTH
    for word in text.split(" "):
        room -= len(word) + 1
        parts.append(end if parts and room < 0 else " " if parts else "")
        room = room if room >= 0 else _WIDTH - len(word)
        parts.append(word)
    return "".join(parts)
