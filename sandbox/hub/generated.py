"""A generated world of Daily Papers of any size. The same seed gives the same world."""

from __future__ import annotations

import json
import math
import random
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sandbox.clock import closes_at, opens_at
from sandbox.hub import papers, votes
from sandbox.hub.entries import EntryText, entry_text

FIRST_DAY = date(2023, 5, 4)
MAX_PAPERS_A_DAY = 1200
_BUSIEST = 2.3
_MOVED_FRACTION = 1 / 150
_MOST_LISTS_PASSED = 4
_NOVEMBER, _THURSDAY, _SATURDAY = 11, 3, 5
_FOURTH_WEEK = range(22, 29)
_FIXED_HOLIDAYS = frozenset({(1, 1), (7, 4), (12, 25)})
_MOST_CACHED_PAPERS = 4000

Entry = dict[str, Any]


def has_list(day: date) -> bool:
    """Whether `day` ever has papers: it is no weekend, no holiday and not before the archive begins."""
    is_thanksgiving = day.month == _NOVEMBER and day.weekday() == _THURSDAY and day.day in _FOURTH_WEEK
    is_holiday = (day.month, day.day) in _FIXED_HOLIDAYS or is_thanksgiving
    return day >= FIRST_DAY and day.weekday() < _SATURDAY and not is_holiday


class _Move(NamedTuple):
    number: int
    to: date
    at_s: float


class _Placement(NamedTuple):
    """A paper on one list, from `from_s` until it moves away at `until_s`. `growth` gives its counts."""

    paper_id: str
    text: EntryText
    from_s: float
    until_s: float
    first_listed_s: float
    moved_s: float | None
    ai_from_s: float
    growth: votes.Growth


class _ListCache:
    """A cache of recently used lists of all worlds, limited by the number of papers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lists: OrderedDict[tuple[int, int, date], list[_Placement]] = OrderedDict()
        self._papers = 0

    def get(self, seed: int, papers_a_day: int, day: date) -> list[_Placement]:
        key = (seed, papers_a_day, day)
        with self._lock:
            if key in self._lists:
                self._lists.move_to_end(key)
                return self._lists[key]
        placings = _placements(seed, papers_a_day, day)
        with self._lock:
            if key not in self._lists:
                self._lists[key] = placings
                self._papers += len(placings)
            while self._papers > _MOST_CACHED_PAPERS and len(self._lists) > 1:
                self._papers -= len(self._lists.popitem(last=False)[1])
        return placings


@lru_cache(maxsize=4096)
def _paper_count(seed: int, papers_a_day: int, day: date) -> int:
    if not has_list(day):
        return 0
    spread = 0.35
    draw = random.Random(f"{seed}:{day}:count").gauss(-spread * spread / 2, spread)  # noqa: S311 - no secret
    return round(papers_a_day * min(max(math.exp(draw), 0.4), _BUSIEST))


@lru_cache(maxsize=1024)
def _pace(day: date) -> tuple[tuple[float, float, float, float], ...]:
    """How the list of `day` fills: rows of (fraction from, to, time from, to), times in seconds since the epoch.

    Recorded captures had 52-73 % of the final list at 08:00 UTC of the day, and 78-100 % at 17:00 UTC.
    """
    opens, closes = opens_at(day).timestamp(), closes_at(day).timestamp()
    morning = datetime.combine(day, time(8), UTC).timestamp()
    afternoon = datetime.combine(day, time(17), UTC).timestamp()
    return ((0.0, 0.6, opens, morning), (0.6, 0.9, morning, afternoon), (0.9, 1.0, afternoon, closes))


def _listing_time_s(day: date, part: float) -> float:
    """The time at which the fraction `part` of the list of `day` is filled, in seconds since the epoch."""
    for low, high, start_s, end_s in _pace(day):
        if part <= high:
            return start_s + (part - low) / (high - low) * (end_s - start_s)
    return closes_at(day).timestamp()


@lru_cache(maxsize=4096)
def _moves(seed: int, papers_a_day: int, day: date) -> tuple[_Move, ...]:
    """The papers that leave the list of `day`, and the later lists to which they move."""
    count = _paper_count(seed, papers_a_day, day)
    rng = random.Random(f"{seed}:{day}:moves")  # noqa: S311 - no secret
    moves = []
    for index in rng.sample(range(count), int(count * _MOVED_FRACTION + rng.random())):
        to, passed = day, 1 + rng.randrange(_MOST_LISTS_PASSED)
        while passed:
            to += timedelta(days=1)
            passed -= has_list(to)
        moves.append(_Move(index, to, _listing_time_s(to, 0.9 * rng.random())))
    return tuple(moves)


def _arrivals(seed: int, papers_a_day: int, day: date) -> list[tuple[date, _Move]]:
    """The papers of earlier lists that move to the list of `day`."""
    arrivals = []
    earlier, lists = day, 0
    while has_list(day) and lists < _MOST_LISTS_PASSED and earlier > FIRST_DAY:
        earlier -= timedelta(days=1)
        lists += has_list(earlier)
        arrivals += [(earlier, move) for move in _moves(seed, papers_a_day, earlier) if move.to == day]
    return arrivals


class _PaperMaker:
    """Makes single papers of one list. A paper does not depend on which others were made."""

    def __init__(self, seed: int, papers_a_day: int, day: date) -> None:
        self._seed, self._day = seed, day
        self._count = _paper_count(seed, papers_a_day, day)
        rng = random.Random(f"{seed}:{day}:papers")  # noqa: S311 - no secret
        self._key, self._rng = rng.getrandbits(40), rng

    def paper(self, index: int) -> papers.Paper:
        self._rng.seed((self._key << 16) + index)
        listed_s = _listing_time_s(self._day, (index + self._rng.random()) / self._count)
        return papers.paper(self._rng, self._seed, self._day, index, listed_s)


def _placement(paper: papers.Paper, day: date, from_s: float, until_s: float, moved_s: float | None) -> _Placement:
    return _Placement(
        paper_id=paper.id,
        text=entry_text(paper, day, from_s),
        from_s=from_s,
        until_s=until_s,
        first_listed_s=paper.listed_s,
        moved_s=moved_s,
        ai_from_s=paper.listed_s + paper.ai_after_s,
        growth=paper.growth,
    )


def _placements(seed: int, papers_a_day: int, day: date) -> list[_Placement]:
    moved_at_s = {move.number: move.at_s for move in _moves(seed, papers_a_day, day)}
    maker = _PaperMaker(seed, papers_a_day, day)
    placings = []
    for index in range(_paper_count(seed, papers_a_day, day)):
        paper, moved_s = maker.paper(index), moved_at_s.get(index)
        placings.append(_placement(paper, day, paper.listed_s, math.inf if moved_s is None else moved_s, moved_s))
    for earlier, move in _arrivals(seed, papers_a_day, day):
        paper = _PaperMaker(seed, papers_a_day, earlier).paper(move.number)
        placings.append(_placement(paper, day, move.at_s, math.inf, move.at_s))
    return placings


def _age_days(placing: _Placement, at_s: float) -> float:
    moved_s = placing.moved_s
    if moved_s is None:
        return (at_s - placing.first_listed_s) / votes.DAY_S
    # A paper gets few votes before it moves: 2604.07429 had 2 votes on its first list, 42 on its second.
    return (0.05 * (min(at_s, moved_s) - placing.first_listed_s) + max(at_s - moved_s, 0.0)) / votes.DAY_S


def _text_at(placing: _Placement, upvotes: int, at_s: float) -> str:
    growth, age = placing.growth, _age_days(placing, at_s)
    comments, stars = votes.comments(growth, age), votes.stars(growth, age)
    return placing.text.at(upvotes, comments, stars, has_ai=at_s >= placing.ai_from_s)


@dataclass(frozen=True)
class GeneratedHub:
    """A Hub whose lists are a pure function of the seed, the date and the time.

    `papers_a_day` is the mean over the dates that have papers, at most 1200 (arXiv has 99,999 ids a month). A single
    date has 0.4 to 2.3 times as many.
    """

    seed: int = 1
    papers_a_day: int = 30

    def __post_init__(self) -> None:
        """Raise ValueError for more papers than arXiv ids can number."""
        if not 0 <= self.papers_a_day <= MAX_PAPERS_A_DAY:
            message = f"papers_a_day must be between 0 and {MAX_PAPERS_A_DAY}, not {self.papers_a_day}"
            raise ValueError(message)

    def listed(self, day: date, at: datetime) -> list[Entry]:
        """The list of `day` as it was at `at`, most votes first."""
        return [json.loads(text) for text in self._texts(day, at)]

    def raw(self, day: date, at: datetime) -> bytes:
        """The same as `body`, as the protocol `VerbatimWorld` requires."""
        return self.body(day, at)

    def body(self, day: date, at: datetime) -> bytes:
        """The whole list in the Hub's compact JSON, without paging."""
        # Each entry is encoded by itself: one emoji in a joined string would take four bytes for every character.
        return b"[%s]" % b",".join([text.encode() for text in self._texts(day, at)])

    def paper(self, paper_id: str, at: datetime) -> Entry | None:
        """The paper as it was at `at`; None if it was not listed yet."""
        listing = papers.listing_of(self.seed, paper_id)
        if listing is None or listing[1] >= _paper_count(self.seed, self.papers_a_day, listing[0]):
            return None
        moves = _moves(self.seed, self.papers_a_day, listing[0])
        at_s = at.timestamp()
        for day in (listing[0], *[move.to for move in moves if move.number == listing[1]]):
            for placing in _list_cache.get(self.seed, self.papers_a_day, day):
                if placing.paper_id == paper_id and placing.from_s <= at_s < placing.until_s:
                    upvotes = votes.votes(placing.growth, _age_days(placing, at_s))
                    paper: Entry = json.loads(_text_at(placing, upvotes, at_s))["paper"]
                    return paper
        return None

    def _texts(self, day: date, at: datetime) -> list[str]:
        at_s = at.timestamp()
        ranked = [
            (-votes.votes(placing.growth, _age_days(placing, at_s)), position, placing)
            for position, placing in enumerate(_list_cache.get(self.seed, self.papers_a_day, day))
            if placing.from_s <= at_s < placing.until_s
        ]
        ranked.sort()
        return [_text_at(placing, -below, at_s) for below, _, placing in ranked]


_list_cache = _ListCache()
