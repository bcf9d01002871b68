"""Make corpora: from the recordings, and from the generated Hub."""

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

from bench.corpora.corpus import ABOUT, PLACES, TIMES, Corpus, Place, load
from sandbox.clock import closes_at
from sandbox.hub.generated import GeneratedHub

RECORDINGS = Path(__file__).parents[3] / "shared/recordings/hub/daily_papers"
CAPTURED_AFTER = timedelta(days=20)
"""The time from closing to capture. By then votes no longer change, and the date is settled."""
MORNING = datetime(2026, 10, 23, 3, 15, tzinfo=UTC)
"""The start of the measured daily run: a Friday on which all requested dates are in one month."""


class CorpusAbsent(Exception):
    """The answers are not on this machine. The message names the expected folder."""


@dataclass(frozen=True, slots=True)
class GeneratedCorpus:
    """A corpus to generate: every date from `first` to `last`, including weekends with their empty lists.

    All dates are captured at the time `seen`, or else each 20 days after it closes.
    """

    first: date
    last: date
    papers_a_day: int
    seen: datetime | None = None

    def days(self) -> list[date]:
        """The dates, oldest first."""
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def capture_time(self, day: date) -> datetime:
        """The time at which the list of a date was captured."""
        return self.seen or (closes_at(day) + CAPTURED_AFTER).astimezone(UTC)

    def body(self, day: date) -> bytes:
        """The list of a date at its capture time."""
        return GeneratedHub(papers_a_day=self.papers_a_day).body(day, self.capture_time(day))


GENERATED_CORPORA = {
    "dates": GeneratedCorpus(date(2023, 5, 4), date(2026, 11, 23), 30),
    # 999,821 entries: the nearest to a million for 40 months with an integer mean.
    "million": GeneratedCorpus(date(2023, 6, 1), date(2026, 9, 30), 1144),
    # Two months of the size of the million's. The first has wrapped texts; the second mostly has none.
    "quick": GeneratedCorpus(date(2025, 10, 1), date(2025, 11, 30), 1144),
    # The Hub's lists on the morning of a daily run.
    "morning": GeneratedCorpus(date(2026, 10, 8), date(2026, 10, 23), 30, MORNING),
}


def corpus(name: str, folder: Path) -> Corpus:
    """The corpus `name`, made in `folder` if missing. Raises CorpusAbsent."""
    home = folder / "corpora" / name
    if not (home / ABOUT).exists():
        shutil.rmtree(home, ignore_errors=True)
        answers = (
            _write_answers(GENERATED_CORPORA[name], home / "answers")
            if name in GENERATED_CORPORA
            else _recorded_answers()
        )
        _write_description(name, home, answers)
    return load(home)


def corpus_of_months(whole: Corpus, months: Iterable[str]) -> Corpus:
    """A corpus of some months of `whole`. It links to the files."""
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
        _write_description(whole.name, home, answers)
    return load(home)


def _recorded_answers() -> Path:
    if not any(RECORDINGS.glob("*.json")):
        raise CorpusAbsent(f"no recordings at {RECORDINGS}; they are not part of the repository")
    return RECORDINGS


def _write_answers(corpus_: GeneratedCorpus, answers: Path) -> Path:
    answers.mkdir(parents=True)
    days = corpus_.days()
    with _workers() as workers:
        list(workers.map(_write, *zip(*((answers, corpus_, day) for day in days), strict=True)))
    with (answers / TIMES).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("file", "captured_at"))
        rows.writerows((f"{day}.json", corpus_.capture_time(day).isoformat()) for day in days)
    return answers


def _write(answers: Path, corpus_: GeneratedCorpus, day: date) -> None:
    (answers / f"{day}.json").write_bytes(corpus_.body(day))


def _write_description(name: str, home: Path, answers: Path) -> None:
    """Index the answers and write the description. The description is written last, so it marks a complete corpus."""
    files = sorted(answers.glob("????-??-??.json"))
    with _workers() as workers:
        places = dict(zip((file.stem for file in files), workers.map(_entry_spans, files, chunksize=8), strict=True))
    about = {
        "name": name,
        "answers": str(answers),
        "entries": {day: len(spans) for day, spans in places.items()},
        "size_bytes": sum(file.stat().st_size for file in files),
    }
    home.mkdir(parents=True, exist_ok=True)
    (home / PLACES).write_text(json.dumps(places, separators=(",", ":")))
    (home / ABOUT).write_text(json.dumps(about))


def _entry_spans(file: Path) -> list[Place]:
    """The byte ranges of the entries in a JSON array."""
    text = file.read_bytes().decode()
    decode = json.JSONDecoder().raw_decode
    spans: list[Place] = []
    at, passed_bytes = text.index("[") + 1, text.index("[") + 1
    while True:
        gap = at
        while text[at] in " \t\r\n,":
            at += 1
        if text[at] == "]":
            return spans
        start_bytes = passed_bytes + at - gap
        start, (_, at) = at, decode(text, at)
        passed_bytes = start_bytes + len(text[start:at].encode())
        spans.append((start_bytes, passed_bytes))


def _workers() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))
