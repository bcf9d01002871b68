"""An invented world of Daily Papers, as large as one likes, that is the same for everybody with the same seed."""

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

from sandbox import invented, votes
from sandbox.clock import closes_at, opens_at
from sandbox.entries import EntryText, entry_text

FIRST_DAY = date(2023, 5, 4)
MAX_PAPERS_A_DAY = 1200
_BUSIEST = 2.3
_MOVED_SHARE = 1 / 150
_MOST_LISTS_PASSED = 4
_NOVEMBER, _THURSDAY, _SATURDAY = 11, 3, 5
_FOURTH_WEEK = range(22, 29)
_FIXED_HOLIDAYS = frozenset({(1, 1), (7, 4), (12, 25)})
_REMEMBERED_PAPERS = 4000

Entry = dict[str, Any]


def has_list(day: date) -> bool:
    """Whether anything is ever listed under `day`: no weekends, no holidays, nothing before the archive begins."""
    is_thanksgiving = day.month == _NOVEMBER and day.weekday() == _THURSDAY and day.day in _FOURTH_WEEK
    is_holiday = (day.month, day.day) in _FIXED_HOLIDAYS or is_thanksgiving
    return day >= FIRST_DAY and day.weekday() < _SATURDAY and not is_holiday


class _Move(NamedTuple):
    number: int
    to: date
    at_s: float


class _Placing(NamedTuple):
    """A paper's stay on one list, from `from_s` until it is moved at `until_s`; what changes, changes by `fate`."""

    paper_id: str
    text: EntryText
    from_s: float
    until_s: float
    first_listed_s: float
    moved_s: float | None
    ai_from_s: float
    fate: votes.Growth


class _Remembered:
    """The lists last asked for, up to a number of papers, whichever world they belong to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lists: OrderedDict[tuple[int, int, date], list[_Placing]] = OrderedDict()
        self._papers = 0

    def get(self, seed: int, papers_a_day: int, day: date) -> list[_Placing]:
        key = (seed, papers_a_day, day)
        with self._lock:
            if key in self._lists:
                self._lists.move_to_end(key)
                return self._lists[key]
        placings = _placings(seed, papers_a_day, day)
        with self._lock:
            if key not in self._lists:
                self._lists[key] = placings
                self._papers += len(placings)
            while self._papers > _REMEMBERED_PAPERS and len(self._lists) > 1:
                self._papers -= len(self._lists.popitem(last=False)[1])
        return placings


@lru_cache(maxsize=4096)
def _paper_count(seed: int, papers_a_day: int, day: date) -> int:
    if not has_list(day):
        return 0
    spread = 0.35
    draw = random.Random(f"{seed}:{day}:count").gauss(-spread * spread / 2, spread)  # noqa: S311 - invention
    return round(papers_a_day * min(max(math.exp(draw), 0.4), _BUSIEST))


@lru_cache(maxsize=1024)
def _pace(day: date) -> tuple[tuple[float, float, float, float], ...]:
    """How the list of `day` fills: the parts (from, to) that are listed between the seconds (from, to) of the epoch.

    Captures at 08:00 UTC of the day held 52-73 % of the final list, at 17:00 UTC 78-100 %.
    """
    opens, closes = opens_at(day).timestamp(), closes_at(day).timestamp()
    morning = datetime.combine(day, time(8), UTC).timestamp()
    afternoon = datetime.combine(day, time(17), UTC).timestamp()
    return ((0.0, 0.6, opens, morning), (0.6, 0.9, morning, afternoon), (0.9, 1.0, afternoon, closes))


def _listed_s(day: date, part: float) -> float:
    """The second of the epoch at which the given part of the list of `day` has been listed."""
    for low, high, start_s, end_s in _pace(day):
        if part <= high:
            return start_s + (part - low) / (high - low) * (end_s - start_s)
    return closes_at(day).timestamp()


@lru_cache(maxsize=4096)
def _moves(seed: int, papers_a_day: int, day: date) -> tuple[_Move, ...]:
    """The papers that will be taken off the list of `day`, and the later lists that they go to."""
    count = _paper_count(seed, papers_a_day, day)
    rng = random.Random(f"{seed}:{day}:moves")  # noqa: S311 - invention
    moves = []
    for index in rng.sample(range(count), int(count * _MOVED_SHARE + rng.random())):
        to, passed = day, 1 + rng.randrange(_MOST_LISTS_PASSED)
        while passed:
            to += timedelta(days=1)
            passed -= has_list(to)
        moves.append(_Move(index, to, _listed_s(to, 0.9 * rng.random())))
    return tuple(moves)


def _arrivals(seed: int, papers_a_day: int, day: date) -> list[tuple[date, _Move]]:
    """The papers of earlier lists that are moved to the list of `day`."""
    arrivals = []
    earlier, lists = day, 0
    while has_list(day) and lists < _MOST_LISTS_PASSED and earlier > FIRST_DAY:
        earlier -= timedelta(days=1)
        lists += has_list(earlier)
        arrivals += [(earlier, move) for move in _moves(seed, papers_a_day, earlier) if move.to == day]
    return arrivals


class _Press:
    """Papers of one list, made one by one: any of them is the same whether or not the others are made."""

    def __init__(self, seed: int, papers_a_day: int, day: date) -> None:
        self._seed, self._day = seed, day
        self._count = _paper_count(seed, papers_a_day, day)
        rng = random.Random(f"{seed}:{day}:papers")  # noqa: S311 - invention
        self._key, self._rng = rng.getrandbits(40), rng

    def paper(self, index: int) -> invented.Paper:
        self._rng.seed((self._key << 16) + index)
        listed_s = _listed_s(self._day, (index + self._rng.random()) / self._count)
        return invented.paper(self._rng, self._seed, self._day, index, listed_s)


def _placing(paper: invented.Paper, day: date, from_s: float, until_s: float, moved_s: float | None) -> _Placing:
    return _Placing(
        paper_id=paper.id,
        text=entry_text(paper, day, from_s),
        from_s=from_s,
        until_s=until_s,
        first_listed_s=paper.listed_s,
        moved_s=moved_s,
        ai_from_s=paper.listed_s + paper.ai_after_s,
        fate=paper.fate,
    )


def _placings(seed: int, papers_a_day: int, day: date) -> list[_Placing]:
    gone = {move.number: move.at_s for move in _moves(seed, papers_a_day, day)}
    press = _Press(seed, papers_a_day, day)
    placings = []
    for index in range(_paper_count(seed, papers_a_day, day)):
        paper, moved_s = press.paper(index), gone.get(index)
        placings.append(_placing(paper, day, paper.listed_s, math.inf if moved_s is None else moved_s, moved_s))
    for earlier, move in _arrivals(seed, papers_a_day, day):
        paper = _Press(seed, papers_a_day, earlier).paper(move.number)
        placings.append(_placing(paper, day, move.at_s, math.inf, move.at_s))
    return placings


def _age_days(placing: _Placing, at_s: float) -> float:
    moved_s = placing.moved_s
    if moved_s is None:
        return (at_s - placing.first_listed_s) / votes.DAY_S
    # A paper that will be moved is hardly seen before: 2604.07429 had 2 votes on its first list, 42 on its second.
    return (0.05 * (min(at_s, moved_s) - placing.first_listed_s) + max(at_s - moved_s, 0.0)) / votes.DAY_S


def _text_at(placing: _Placing, upvotes: int, at_s: float) -> str:
    fate, age = placing.fate, _age_days(placing, at_s)
    comments, stars = votes.comments(fate, age), votes.stars(fate, age)
    return placing.text.at(upvotes, comments, stars, has_ai=at_s >= placing.ai_from_s)


@dataclass(frozen=True)
class GeneratedHub:
    """A Hub whose every list is a pure function of the seed, the date and the instant.

    `papers_a_day` is the mean over the days that have a list, at most 1200 (a month of arXiv ids has 99,999);
    single days have 0.4 to 2.3 times as many.
    """

    seed: int = 1
    papers_a_day: int = 30

    def __post_init__(self) -> None:
        """Refuse numbers of papers that arXiv's ids have no room for."""
        if not 0 <= self.papers_a_day <= MAX_PAPERS_A_DAY:
            message = f"papers_a_day must be between 0 and {MAX_PAPERS_A_DAY}, not {self.papers_a_day}"
            raise ValueError(message)

    def listed(self, day: date, at: datetime) -> list[Entry]:
        """The list of `day` as it stood at `at`, most votes first."""
        return [json.loads(text) for text in self._texts(day, at)]

    def raw(self, day: date, at: datetime) -> bytes:
        """The same as `body`: what a request for the whole list is answered."""
        return self.body(day, at)

    def body(self, day: date, at: datetime) -> bytes:
        """The whole list as the compact JSON that the Hub would send, however long."""
        # Encoded one by one: a single emoji would make Python hold the whole list four bytes wide.
        return b"[%s]" % b",".join([text.encode() for text in self._texts(day, at)])

    def paper(self, paper_id: str, at: datetime) -> Entry | None:
        """The paper as it stood at `at`, None if nobody had listed it by then."""
        place = invented.place_of(self.seed, paper_id)
        if place is None or place[1] >= _paper_count(self.seed, self.papers_a_day, place[0]):
            return None
        moves = _moves(self.seed, self.papers_a_day, place[0])
        at_s = at.timestamp()
        for day in (place[0], *[move.to for move in moves if move.number == place[1]]):
            for placing in _remembered.get(self.seed, self.papers_a_day, day):
                if placing.paper_id == paper_id and placing.from_s <= at_s < placing.until_s:
                    upvotes = votes.votes(placing.fate, _age_days(placing, at_s))
                    found: Entry = json.loads(_text_at(placing, upvotes, at_s))["paper"]
                    return found
        return None

    def _texts(self, day: date, at: datetime) -> list[str]:
        at_s = at.timestamp()
        ranked = [
            (-votes.votes(placing.fate, _age_days(placing, at_s)), position, placing)
            for position, placing in enumerate(_remembered.get(self.seed, self.papers_a_day, day))
            if placing.from_s <= at_s < placing.until_s
        ]
        ranked.sort()
        return [_text_at(placing, -below, at_s) for below, _, placing in ranked]


_remembered = _Remembered()
