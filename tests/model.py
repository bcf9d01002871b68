"""A second implementation of the Hub's tables in plain Python, written from the documented rules.

It is slow, and uses no frames, files or months. A difference between it and the lake is a bug in one of them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from tests.model_of_doubts import find_doubts
from tests.model_of_entries import Unreadable, fault_of, faults_within, value_at, values

Row = dict[str, Any]
Tables = dict[str, list[Row]]

NEW_YORK = ZoneInfo("America/New_York")
CLOSING_TIME = time(21, 30)
SETTLED_AFTER = timedelta(days=14)
FULL_PAGE_SIZES = (50, 100)


@dataclass(frozen=True)
class Answer:
    """One page of a capture: a list of entries, or bytes that are not a list. An imported page has no status."""

    day: date
    began: datetime
    page: int
    captured_at: datetime
    content: Sequence[Any] | bytes
    status: int | None = 200
    announces_next: bool = False
    limit: int | None = 100
    is_first_again: bool = False
    """Whether it answers the request for the first page at the end of a list of several pages."""

    @property
    def name(self) -> tuple[Any, ...]:
        """The identity of an answer: equal times and bodies are one answer."""
        return self.day, self.began, self.page, self.captured_at, repr(self.content)

    @property
    def is_valid(self) -> bool:
        return self.status in {None, 200} and not isinstance(self.content, bytes)

    @property
    def entries(self) -> Sequence[Any]:
        return self.content if self.is_valid and not isinstance(self.content, bytes) else ()

    def is_cut(self, before: "Answer | None") -> bool:
        """Whether the list may be truncated: a next page is announced, or the page is full."""
        size = len(self.entries)
        is_as_long = before is not None and before.is_valid and 0 < size == len(before.entries)
        is_full = size in FULL_PAGE_SIZES or (self.limit is not None and size >= self.limit)
        return self.announces_next or is_full or is_as_long

    @property
    def ids(self) -> set[str]:
        return {paper_id for entry in self.entries if isinstance(paper_id := value_at(entry, "paper.id"), str)}


@dataclass(frozen=True)
class Decision:
    """A person's acceptance of a capture."""

    day: date
    began: datetime
    decided_at: datetime


@dataclass
class Capture:
    """One capture of the list of a date."""

    day: date
    began: datetime
    pages: list[Answer]
    is_accepted: bool
    first_again: Answer | None = None
    doubt: bool = False
    """Whether its list needs a second answer, or a person's word."""
    papers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """Place and entry of each paper, by paper id."""
    faults: list[tuple[int, Unreadable]] = field(default_factory=list)
    refused_count: int = 0
    repeats: bool = False
    """Whether a paper is on two pages."""

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
                    # A list that shifts between two requests repeats entries: those of an earlier page are not new.
                    if refused_here[text] > refused[text]:
                        self.faults.append((place, fault))
                    continue
                paper_id = entry["paper"]["id"]
                met.add(paper_id)
                self.repeats |= paper_id in self.papers
                if paper_id not in self.papers:
                    self.papers[paper_id] = place, entry
                    self.faults += [(place, inner) for inner in faults_within(entry)]
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
        before = self.pages[-2] if len(self.pages) > 1 else None
        is_complete = all(page.is_valid for page in self.pages) and not self.pages[-1].is_cut(before)
        return is_unbroken and is_complete and not self.may_have_changed

    @property
    def may_have_changed(self) -> bool:
        """Whether the list changed while its pages were requested, or nobody knows."""
        again = self.first_again
        if again is None and not any(page.page > 0 and page.entries for page in self.pages):
            return False
        if self.repeats:
            return True
        first = next((page.ids for page in self.pages if page.page == 0), set())
        if again is None:
            return all(page.status is not None for page in self.pages)
        return not first or first != again.ids

    @property
    def is_closed(self) -> bool:
        return self.began >= closes_at(self.day)

    @property
    def entry_dates(self) -> list[str]:
        """The dates in its entries, which are those of their lists."""
        timestamps = [value_at(entry, "paper.submittedOnDailyAt") for entry in self.entries]
        return [text[:10] for text in timestamps if isinstance(text, str)]

    @property
    def other_date_count(self) -> int:
        return sum(entry_date != self.day.isoformat() for entry_date in self.entry_dates)

    @property
    def refused_share(self) -> float:
        return self.refused_count / len(self.entries) if self.entries else 0.0

    @property
    def other_date_share(self) -> float:
        return self.other_date_count / len(self.entry_dates) if self.entry_dates else 0.0

    @property
    def is_invalid(self) -> bool:
        """Whether it fails validation: it is then refused, unless a person accepted it."""
        return self.refused_share >= 0.5 or self.other_date_share >= 0.5

    @property
    def is_in_doubt(self) -> bool:
        return self.doubt and not self.is_accepted

    @property
    def is_refused(self) -> bool:
        return self.is_invalid and not self.is_accepted


def closes_at(day: date) -> datetime:
    """The time at which the list of `day` closes, in UTC, where differences do not depend on daylight saving time."""
    return datetime.combine(day, CLOSING_TIME, NEW_YORK).astimezone(UTC)


def tables(answers: Iterable[Answer], decisions: Iterable[Decision]) -> Tables:
    """Every row of every derived table, in the declared order."""
    accepted = {(decision.day, decision.began) for decision in decisions}
    made: Tables = {name: [] for name in ("listings", "authors", "signals", "source_days", "captures", "rejects")}
    for _, captures in groupby(read_captures(answers, accepted), key=lambda capture: capture.day):
        for name, rows in tables_of_day(list(captures)).items():
            made[name] += rows
    return made


def distinct_answers(answers: Iterable[Answer]) -> list[Answer]:
    """Each answer once; of an answer that was both requested and imported, the requested one, which has a limit."""
    once: dict[tuple[Any, ...], Answer] = {}
    for answer in answers:
        if answer.name not in once or once[answer.name].limit is None:
            once[answer.name] = answer
    return sorted(once.values(), key=lambda answer: answer.name[:4])


def read_captures(answers: Iterable[Answer], accepted: set[tuple[date, datetime]]) -> Iterator[Capture]:
    """The captures, by date and start; of two answers for the same page the newer counts."""
    for (day, began), group in groupby(distinct_answers(answers), key=lambda answer: (answer.day, answer.began)):
        pages = {answer.page: answer for answer in group}
        again = [page for page in pages.values() if page.is_first_again]
        listed = [page for page in pages.values() if not page.is_first_again]
        yield Capture(day, began, listed, (day, began) in accepted, again[-1] if again else None)


def tables_of_day(captures: list[Capture]) -> Tables:
    """The rows of one date, from all its captures, oldest first."""
    find_doubts(captures)
    good = [capture for capture in captures if capture.is_valid and not capture.is_refused]
    newest = ([capture for capture in good if capture.is_whole] or [None])[-1]
    is_in_doubt = newest is not None and newest.is_in_doubt
    believed = [capture for capture in good if not capture.is_in_doubt]
    whole = [capture for capture in believed if capture.is_whole]
    closed = [capture for capture in whole if capture.is_closed]
    # The newest whole capture defines the list, else the newest valid one.
    basis = (whole or believed or [None])[-1]
    listed = set(basis.papers) if basis else set()
    newest_of = {paper_id: capture for capture in good for paper_id in capture.papers}
    day = captures[0].day
    return {
        "listings": sorted(
            (listing(paper_id, good, basis if basis and paper_id in listed else None) for paper_id in newest_of),
            key=lambda row: (row["position"], row["paper_id"]),
        ),
        "authors": [row for paper_id in sorted(newest_of) for row in authors(newest_of[paper_id], paper_id)],
        "signals": sorted(
            (row for capture in good for row in signals(capture)), key=lambda r: (r["paper_id"], r["captured_at"])
        ),
        "source_days": [
            {
                "source": "hub",
                "listed_on": day,
                "verdict": "in_doubt"
                if is_in_doubt
                else verdict(closed[-1])
                if closed
                else "partial"
                if believed
                else "failed",
                "paper_count": len(listed),
                "page_count": len((basis or captures[-1]).pages),
                "capture_count": len(captures),
                "first_captured_at": captures[0].began,
                "last_captured_at": captures[-1].began,
            }
        ],
        "captures": [capture_row(capture) for capture in captures],
        "rejects": [row for capture in captures for row in rejects(capture)],
    }


def verdict(decisive: Capture) -> str:
    """The verdict on a date whose newest whole capture after closing is this one."""
    if not decisive.entries:
        return "confirmed_empty"
    return "settled" if decisive.began >= closes_at(decisive.day) + SETTLED_AFTER else "complete"


def listing(paper_id: str, good: list[Capture], basis: Capture | None) -> Row:
    """The row of a paper; `basis` is the capture that defines the list, if it contains the paper."""
    holders = [capture for capture in good if paper_id in capture.papers]
    _, entry = holders[-1].papers[paper_id]
    place, _ = (basis or holders[-1]).papers[paper_id]
    return {
        "listed_on": holders[-1].day,
        "paper_id": paper_id,
        "position": place,
        **values(entry),
        "author_count": len(entry["paper"]["authors"]),
        "first_seen_at": holders[0].began,
        "last_seen_at": holders[-1].began,
        "is_listed": basis is not None,
    }


def authors(capture: Capture, paper_id: str) -> Iterator[Row]:
    """The authors of a paper in a capture; an unreadable author leaves a gap in the positions."""
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


def capture_row(capture: Capture) -> Row:
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
        "is_accepted": (capture.is_invalid or capture.doubt) and capture.is_accepted,
        "is_in_doubt": capture.is_in_doubt,
    }


def rejects(capture: Capture) -> list[Row]:
    """The rejects of a capture. A refused capture is itself a reject, and none of its rows is kept."""
    whole = [(0, Unreadable("$", "capture_refused", None, is_row_kept=False))]
    faults = (whole if capture.is_refused else []) + capture.faults
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
        for place, fault in faults
    ]
    return sorted(rows, key=lambda row: (row["place"], row["table_name"], row["field"]))
