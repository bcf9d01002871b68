"""A corpus: a folder of DATE.json files, each the whole list of a date, and their description.

Standard library only, because contenders with other environments import this module.
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
    """A set of answers. `entries` has the entry count by date, `size_bytes` the total size of the JSON.

    `home` contains the description. `answers` may be another folder.
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
        """The months of the dates, oldest first."""
        return sorted({day[:7] for day in self.entries})

    @property
    def entry_count(self) -> int:
        """The total number of entries."""
        return sum(self.entries.values())

    @property
    def description(self) -> str:
        """The size of the corpus, in words."""
        return (
            f"{self.entry_count:,} entries on {len(self.entries):,} dates in {len(self.months)} months, "
            f"{self.size_bytes / 1e6:,.0f} MB of JSON"
        )

    def file(self, day: str) -> Path:
        """The file with the answer of a date."""
        return self.answers / f"{day}.json"

    def places(self) -> dict[str, list[Place]]:
        """The byte ranges of the entries in the file of each date."""
        places = json.loads((self.home / PLACES).read_text())
        return {day: [(start, end) for start, end in spans] for day, spans in places.items()}


def load(home: Path) -> Corpus:
    """Load the corpus in `home`."""
    about = json.loads((home / ABOUT).read_text())
    return Corpus(about["name"], home, Path(about["answers"]), about["entries"], about["size_bytes"])
