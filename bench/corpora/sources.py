"""Where the answers to be measured come from: the recordings, and the invented Hub."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from bench.corpus import ABOUT, PLACES, TIMES, Corpus, Place, load
from sandbox.clock import closes_at
from sandbox.generated import GeneratedHub

RECORDINGS = Path(__file__).parents[2] / "shared/recordings/hub/daily_papers"
SEEN_AFTER = timedelta(days=20)
"""After closing: votes have come to rest by then, and the date counts as settled."""
MORNING = datetime(2026, 10, 23, 3, 15, tzinfo=UTC)
"""The start of the daily run that is measured, on a Friday whose dates to ask for are all of one month."""


class CorpusAbsent(Exception):
    """The answers are not on this machine; the message says where they were looked for."""


@dataclass(frozen=True, slots=True)
class Invention:
    """A corpus to be generated: every date from `first` to `last`, weekends with their empty lists too.

    All dates are captured at the instant `seen`, or each of them when its votes have come to rest.
    """

    first: date
    last: date
    papers_a_day: int
    seen: datetime | None = None

    def days(self) -> list[date]:
        """The dates, oldest first."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def seen_at(self, day: date) -> datetime:
        """The instant at which the list of a date was captured."""
        return self.seen or (closes_at(day) + SEEN_AFTER).astimezone(UTC)

    def body(self, day: date) -> bytes:
        """The list of a date as it was then."""
        return GeneratedHub(papers_a_day=self.papers_a_day).body(day, self.seen_at(day))


INVENTIONS = {
    "dates": Invention(date(2023, 5, 4), date(2026, 11, 23), 30),
    # 999,821 entries: the nearest to a million that 40 months of so many whole papers a day give.
    "million": Invention(date(2023, 6, 1), date(2026, 9, 30), 1144),
    # Two months as large as those of the million, the one with wrapped texts, the other mostly without.
    "quick": Invention(date(2025, 10, 1), date(2025, 11, 30), 1144),
    # What the Hub says on the morning of a daily run.
    "morning": Invention(date(2026, 10, 8), date(2026, 10, 23), 30, MORNING),
}


def corpus(name: str, work: Path) -> Corpus:
    """The corpus called `name`, made in `work` unless it is there already. Raises CorpusAbsent."""
    home = work / "corpora" / name
    if not (home / ABOUT).exists():
        shutil.rmtree(home, ignore_errors=True)
        answers = _invented(INVENTIONS[name], home / "answers") if name in INVENTIONS else _recorded()
        _describe(name, home, answers)
    return load(home)


def part(whole: Corpus, months: Iterable[str]) -> Corpus:
    """Some months of `whole` as a corpus of their own; the files are linked, not copied."""
    chosen = sorted(months)
    home = whole.home.with_name("_".join((whole.name, *chosen)))
    if not (home / ABOUT).exists():
        shutil.rmtree(home, ignore_errors=True)
        answers = home / "answers"
        answers.mkdir(parents=True)
        for day in whole.days:
            if day[:7] in chosen:
                (answers / f"{day}.json").symlink_to(whole.file(day))
        (answers / TIMES).symlink_to(whole.answers / TIMES)
        _describe(whole.name, home, answers)
    return load(home)


def _recorded() -> Path:
    if not any(RECORDINGS.glob("*.json")):
        raise CorpusAbsent(f"there are no recordings at {RECORDINGS}; they are not part of the project")
    return RECORDINGS


def _invented(invention: Invention, answers: Path) -> Path:
    answers.mkdir(parents=True)
    days = invention.days()
    with _workers() as workers:
        list(workers.map(_write, *zip(*((answers, invention, day) for day in days), strict=True)))
    with (answers / TIMES).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("file", "captured_at"))
        rows.writerows((f"{day}.json", invention.seen_at(day).isoformat()) for day in days)
    return answers


def _write(answers: Path, invention: Invention, day: date) -> None:
    (answers / f"{day}.json").write_bytes(invention.body(day))


def _describe(name: str, home: Path, answers: Path) -> None:
    """Find out what the answers hold. What is written last says that all is there."""
    files = sorted(answers.glob("????-??-??.json"))
    with _workers() as workers:
        places = dict(zip((file.stem for file in files), workers.map(_places, files, chunksize=8), strict=True))
    about = {
        "name": name,
        "answers": str(answers),
        "entries": {day: len(spans) for day, spans in places.items()},
        "size_bytes": sum(file.stat().st_size for file in files),
    }
    home.mkdir(parents=True, exist_ok=True)
    (home / PLACES).write_text(json.dumps(places, separators=(",", ":")))
    (home / ABOUT).write_text(json.dumps(about))


def _places(file: Path) -> list[Place]:
    """Where the entries of a JSON array stand, in bytes."""
    text = file.read_bytes().decode()
    decode = json.JSONDecoder().raw_decode
    found: list[Place] = []
    at, passed_bytes = text.index("[") + 1, text.index("[") + 1
    while True:
        gap = at
        while text[at] in " \t\r\n,":
            at += 1
        if text[at] == "]":
            return found
        start_bytes = passed_bytes + at - gap
        start, (_, at) = at, decode(text, at)
        passed_bytes = start_bytes + len(text[start:at].encode())
        found.append((start_bytes, passed_bytes))


def _workers() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))
