"""The lake once more, in plain Python: what every table holds, from what was kept, read off the written rules.

It is slow, and knows nothing of frames, files or months. Where it and the lake differ, one of them is wrong.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
Tables = dict[str, list[Row]]

NEW_YORK = ZoneInfo("America/New_York")
ROLLS_OVER = time(21, 30)
SETTLES_AFTER = timedelta(days=14)
SIZES_OF_UNKNOWN_PAGES = (50, 100)
MOST = 2**31 - 1
ARXIV_ID = re.compile(r"\d\d(0[1-9]|1[0-2])\.\d{4,5}", re.ASCII)


@dataclass(frozen=True)
class Answer:
    """One page of a capture: a list of entries, or bytes that hold none. One without status was imported."""

    day: date
    began: datetime
    page: int
    captured_at: datetime
    held: Sequence[Any] | bytes
    status: int | None = 200
    announces_next: bool = False
    limit: int | None = 100

    @property
    def name(self) -> tuple[Any, ...]:
        """The same instant and body is one answer, however often it came."""
        return self.day, self.began, self.page, self.captured_at, repr(self.held)

    @property
    def is_valid(self) -> bool:
        return self.status in {None, 200} and not isinstance(self.held, bytes)

    @property
    def entries(self) -> Sequence[Any]:
        return self.held if self.is_valid and not isinstance(self.held, bytes) else ()

    @property
    def is_cut(self) -> bool:
        """Whether more of the list may follow: it is announced, or the page is full."""
        if self.limit is None:
            return self.announces_next or len(self.entries) in SIZES_OF_UNKNOWN_PAGES
        return self.announces_next or len(self.entries) >= self.limit


@dataclass(frozen=True)
class Decision:
    """A person let a capture in."""

    day: date
    began: datetime
    decided_at: datetime


@dataclass(frozen=True)
class Fault:
    """Something that cannot be read: an entry, an author, or a value."""

    field: str
    reason: str
    entry: Any
    is_row_kept: bool
    table: str = "listings"


@dataclass
class Capture:
    """All that one capture says of the list of its date."""

    day: date
    began: datetime
    pages: list[Answer]
    is_let_in: bool
    papers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """Place and entry of every paper it holds."""
    faults: list[tuple[int, Fault]] = field(default_factory=list)
    refused_count: int = 0

    def __post_init__(self) -> None:
        place = 0
        refused: Counter[str] = Counter()
        for page in self.pages:
            met: set[str] = set()
            refused_here: Counter[str] = Counter()
            for place, entry in enumerate(page.entries, place + 1):  # noqa: B020 - goes on over the pages
                fault = fault_of(entry, met)
                if fault:
                    self.refused_count += 1
                    text = json.dumps(entry)
                    refused_here[text] += 1
                    # The list moved between two pages: what an earlier page held as often is met again, not new.
                    if refused_here[text] > refused[text]:
                        self.faults.append((place, fault))
                    continue
                paper_id = entry["paper"]["id"]
                met.add(paper_id)
                if paper_id not in self.papers:
                    self.papers[paper_id] = place, entry
                    self.faults += [(place, one) for one in faults_within(entry)]
            refused |= refused_here

    @property
    def entries(self) -> list[Any]:
        return [entry for page in self.pages for entry in page.entries]

    @property
    def is_valid(self) -> bool:
        return any(page.is_valid for page in self.pages)

    @property
    def is_whole(self) -> bool:
        is_unbroken = [page.page for page in self.pages] == list(range(len(self.pages)))
        return is_unbroken and all(page.is_valid for page in self.pages) and not self.pages[-1].is_cut

    @property
    def is_closed(self) -> bool:
        return self.began >= closing(self.day)

    @property
    def dates_told(self) -> list[str]:
        """The dates of the lists on which its entries say they were put."""
        told = [value_at(entry, "paper.submittedOnDailyAt") for entry in self.entries]
        return [text[:10] for text in told if isinstance(text, str)]

    @property
    def other_date_count(self) -> int:
        return sum(told != self.day.isoformat() for told in self.dates_told)

    @property
    def refused_share(self) -> float:
        return self.refused_count / len(self.entries) if self.entries else 0.0

    @property
    def other_date_share(self) -> float:
        return self.other_date_count / len(self.dates_told) if self.dates_told else 0.0

    @property
    def is_bad(self) -> bool:
        """Whether it is refused, unless a person lets it in."""
        return self.refused_share >= 0.5 or self.other_date_share >= 0.5

    @property
    def is_refused(self) -> bool:
        return self.is_bad and not self.is_let_in


def closing(day: date) -> datetime:
    """When the list of `day` closes, in UTC: there a day has 24 hours, also when New York puts its clock back."""
    return datetime.combine(day, ROLLS_OVER, NEW_YORK).astimezone(UTC)


def value_at(entry: Any, path: str) -> Any:
    for key in path.split("."):
        entry = entry.get(key) if isinstance(entry, dict) else None
    return entry


def fault_of(entry: Any, met: set[str]) -> Fault | None:
    """Why an entry cannot be a row; `met` are the papers above it on its page."""
    paper, paper_id = value_at(entry, "paper"), value_at(entry, "paper.id")
    rules = (
        (not isinstance(entry, dict), "$", "not_an_object"),
        (paper is None, "$.paper", "paper_missing"),
        (not isinstance(paper, dict), "$.paper", "wrong_type"),
        (paper_id is None or paper_id == "", "$.paper.id", "id_missing"),
        (not isinstance(paper_id, str), "$.paper.id", "wrong_type"),
        (not ARXIV_ID.fullmatch(str(paper_id)), "$.paper.id", "id_invalid"),
        (paper_id in met, "$.paper.id", "key_repeated"),
    )
    found = ((where, reason) for is_broken, where, reason in rules if is_broken)
    return next((Fault(where, reason, entry, is_row_kept=False) for where, reason in found), None)


def count_fault(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        return "wrong_type"
    return "below_zero" if value < 0 else "too_large" if value > MOST else None


def text_fault(value: Any) -> str | None:
    return None if value is None or isinstance(value, str) else "wrong_type"


VALUES = {
    "paper.title": ("title", text_fault),
    "paper.upvotes": ("upvote_count", count_fault),
    "numComments": ("comment_count", count_fault),
    "paper.githubStars": ("github_star_count", count_fault),
}
"""By their path, the values that the model reads: their column, and what can be wrong with them."""


def faults_within(entry: Any) -> Iterator[Fault]:
    """What cannot be read of an entry that is a row all the same."""
    for path, (_, fault) in VALUES.items():
        reason = fault(value_at(entry, path))
        if reason:
            yield Fault(f"$.{path}", reason, entry, is_row_kept=True)
    for place, person in enumerate(value_at(entry, "paper.authors") or ()):
        where = f"$.paper.authors[{place}]"
        if not isinstance(person, dict):
            yield Fault(where, "not_an_object", person, is_row_kept=False, table="authors")
        elif not person.get("name"):
            yield Fault(f"{where}.name", "name_missing", person, is_row_kept=False, table="authors")


def values(entry: Any) -> Row:
    """What an entry says of its paper; what cannot be read is null."""
    read = {
        column: None if fault(value) else value
        for path, (column, fault) in VALUES.items()
        for value in [value_at(entry, path)]
    }
    return read | {"title": " ".join(read["title"].split()) if read["title"] else None}


def tables(answers: Iterable[Answer], decisions: Iterable[Decision]) -> Tables:
    """Every row of every derived table, in the declared order."""
    let_in = {(one.day, one.began) for one in decisions}
    made: Tables = {name: [] for name in ("listings", "authors", "signals", "source_days", "captures", "rejects")}
    for _, captures in groupby(read(answers, let_in), key=lambda one: one.day):
        for name, rows in tables_of_day(list(captures)).items():
            made[name] += rows
    return made


def kept_once(answers: Iterable[Answer]) -> list[Answer]:
    """Each answer once: rather as it was asked for than as it was imported, for then it tells its limit."""
    once: dict[tuple[Any, ...], Answer] = {}
    for answer in answers:
        if answer.name not in once or once[answer.name].limit is None:
            once[answer.name] = answer
    return sorted(once.values(), key=lambda one: one.name[:4])


def read(answers: Iterable[Answer], let_in: set[tuple[date, datetime]]) -> Iterator[Capture]:
    """The captures, by date and beginning; of a page that was answered twice the newer answer holds."""
    for (day, began), kept in groupby(kept_once(answers), key=lambda one: (one.day, one.began)):
        pages = {answer.page: answer for answer in kept}
        yield Capture(day, began, list(pages.values()), is_let_in=(day, began) in let_in)


def tables_of_day(captures: list[Capture]) -> Tables:
    """The rows of one date, from all its captures, oldest first."""
    good = [one for one in captures if one.is_valid and not one.is_refused]
    whole = [one for one in good if one.is_whole]
    closed = [one for one in whole if one.is_closed]
    # The list rests on the newest whole capture, else on the newest; where none is good, on nothing.
    basis = (whole or good or [None])[-1]
    listed = set(basis.papers) if basis else set()
    newest = {paper_id: one for one in good for paper_id in one.papers}
    day = captures[0].day
    return {
        "listings": sorted(
            (listing(paper_id, good, basis if basis and paper_id in listed else None) for paper_id in newest),
            key=lambda row: (row["position"], row["paper_id"]),
        ),
        "authors": [row for paper_id in sorted(newest) for row in authors(newest[paper_id], paper_id)],
        "signals": sorted(
            (row for one in good for row in signals(one)), key=lambda r: (r["paper_id"], r["captured_at"])
        ),
        "source_days": [
            {
                "source": "hub",
                "listed_on": day,
                "verdict": verdict(closed[-1]) if closed else "partial" if good else "failed",
                "paper_count": len(listed),
                "page_count": len((basis or captures[-1]).pages),
                "capture_count": len(captures),
                "first_captured_at": captures[0].began,
                "last_captured_at": captures[-1].began,
            }
        ],
        "captures": [facts(one) for one in captures],
        "rejects": [row for one in captures for row in rejects(one)],
    }


def verdict(decisive: Capture) -> str:
    """What is known of a date whose newest whole capture after closing is this one."""
    if not decisive.entries:
        return "confirmed_empty"
    return "settled" if decisive.began >= closing(decisive.day) + SETTLES_AFTER else "complete"


def listing(paper_id: str, good: list[Capture], basis: Capture | None) -> Row:
    """The row of a paper; `basis` is the capture that the list rests on, if the paper is on it."""
    holding = [one for one in good if paper_id in one.papers]
    _, entry = holding[-1].papers[paper_id]
    place, _ = (basis or holding[-1]).papers[paper_id]
    return {
        "listed_on": holding[-1].day,
        "paper_id": paper_id,
        "position": place,
        **values(entry),
        "author_count": len(entry["paper"]["authors"]),
        "first_seen_at": holding[0].began,
        "last_seen_at": holding[-1].began,
        "is_listed": basis is not None,
    }


def authors(capture: Capture, paper_id: str) -> Iterator[Row]:
    """The authors of a paper as the newest capture that holds it has them; who cannot be read leaves a gap."""
    for position, person in enumerate(capture.papers[paper_id][1]["paper"]["authors"], 1):
        if isinstance(person, dict) and person.get("name"):
            yield {
                "listed_on": capture.day,
                "paper_id": paper_id,
                "position": position,
                "name": person["name"],
                "hub_user": value_at(person, "user.user"),
                "status": person.get("status"),
                "is_hidden": person.get("hidden"),
            }


def signals(capture: Capture) -> Iterator[Row]:
    for paper_id, (_, entry) in capture.papers.items():
        counts = {name: value for name, value in values(entry).items() if name.endswith("_count")}
        yield {"listed_on": capture.day, "paper_id": paper_id, "captured_at": capture.began, **counts}


def facts(capture: Capture) -> Row:
    return {
        "source": "hub",
        "listed_on": capture.day,
        "captured_at": capture.began,
        "page_count": len(capture.pages),
        "entry_count": len(capture.entries),
        "refused_count": capture.refused_count,
        "refused_share": capture.refused_share,
        "other_date_count": capture.other_date_count,
        "other_date_share": capture.other_date_share,
        "is_valid": capture.is_valid,
        "is_whole": capture.is_whole,
        "is_closed": capture.is_closed,
        "is_refused": capture.is_refused,
        "is_accepted": capture.is_bad and capture.is_let_in,
    }


def rejects(capture: Capture) -> list[Row]:
    """What was refused of a capture, and the capture itself where that is: then no row of it is kept."""
    whole = [(0, Fault("$", "capture_refused", None, is_row_kept=False))]
    found = (whole if capture.is_refused else []) + capture.faults
    rows = [
        {
            "table_name": fault.table,
            "listed_on": capture.day,
            "captured_at": capture.began,
            "place": place,
            "field": fault.field,
            "reason": fault.reason,
            "entry": fault.entry,
            "is_row_kept": fault.is_row_kept and not capture.is_refused,
        }
        for place, fault in found
    ]
    return sorted(rows, key=lambda row: (row["place"], row["table_name"], row["field"]))
