"""Answers to be measured: a folder of DATE.json, each the whole list of a date, and what is known of them.

Nothing but the standard library: this is also read in the environments of the others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

TIMES = "captures.csv"
ABOUT = "corpus.json"
PLACES = "places.json"
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Answers, and their size: `entries` counts them by date, `size_bytes` is all their JSON.

    `home` holds what was found out about them; the answers themselves may lie elsewhere.
    """

    name: str
    home: Path
    answers: Path
    entries: dict[str, int]
    size_bytes: int

    @property
    def days(self) -> list[str]:
        """The dates, oldest first."""
        return sorted(self.entries)

    @property
    def months(self) -> list[str]:
        """The months that have a date, oldest first."""
        return sorted({day[:7] for day in self.entries})

    @property
    def entry_count(self) -> int:
        """All entries."""
        return sum(self.entries.values())

    @property
    def said(self) -> str:
        """How large it is, in words."""
        return (
            f"{self.entry_count:,} entries on {len(self.entries):,} dates in {len(self.months)} months, "
            f"{self.size_bytes / 1e6:,.0f} MB of JSON"
        )

    def file(self, day: str) -> Path:
        """The answer of a date."""
        return self.answers / f"{day}.json"

    def places(self) -> dict[str, list[Place]]:
        """Where each entry of each date begins and ends in its file, in bytes."""
        found = json.loads((self.home / PLACES).read_text())
        return {day: [(start, end) for start, end in spans] for day, spans in found.items()}


def load(home: Path) -> Corpus:
    """The corpus that was made in `home`."""
    about = json.loads((home / ABOUT).read_text())
    return Corpus(about["name"], home, Path(about["answers"]), about["entries"], about["size_bytes"])
