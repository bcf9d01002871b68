"""The papers that the sandbox arXiv holds at this moment, in the order in which its server counts them."""

from __future__ import annotations

import re
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from sandbox.arxiv_papers import Paper
from sandbox.arxiv_sets import is_within
from sandbox.clock import Clock

_SUBJECT_CLASS = re.compile(r"^([a-z-]+)\.[A-Z]{2}/")
_VERSION = re.compile(r"v\d+$")
_Place = tuple[datetime, str]


class Collection:
    """Papers by id, and in order of their last modification, papers of one instant in order of their ids.

    May be changed at any time, also between two pages of a harvest and from several threads.
    """

    def __init__(self, papers: Iterable[Paper] = (), *, clock: Clock | None = None) -> None:
        """Hold `papers`; a change that is told no date is dated by `clock`."""
        self._clock = clock or Clock()
        self._lock = threading.RLock()
        self._papers = {paper.id: paper for paper in papers}
        self._order: list[_Place] = sorted((paper.modified_at, paper.id) for paper in self._papers.values())
        # What was listed last by ids, for a harvest asks for the same list page after page.
        self._asked_by_id: tuple[date, date, str | None] | None = None
        self._by_id: list[Paper] = []

    def __len__(self) -> int:
        """How many there are, deleted ones too."""
        return len(self._papers)

    def records(self) -> list[Paper]:
        """All papers as they are now, in the order of a harvest by the new server."""
        with self._lock:
            return [self._papers[paper_id] for _, paper_id in self._order]

    def find(self, paper_id: str) -> Paper | None:
        """The paper of this id; a version or a subject class in the id (`math.GT/0309136v2`) does not matter."""
        return self._papers.get(_SUBJECT_CLASS.sub(r"\1/", _VERSION.sub("", paper_id)))

    def modified(
        self, first: date, last: date, *, set_spec: str | None = None, skip: int = 0, limit: int | None = None
    ) -> list[Paper]:
        """The papers with datestamps between two dates, both included, in order; some of them, if so asked."""
        with self._lock:
            start = bisect_left(self._order, (_begins(first), ""))
            end = bisect_left(self._order, (_begins(last + timedelta(days=1)), ""))
            papers = (self._papers[self._order[place][1]] for place in range(start, end))
            if set_spec is not None:
                papers = (paper for paper in papers if is_within(paper.categories, set_spec))
            return list(islice(papers, skip, None if limit is None else skip + limit))

    def modified_by_id(self, first: date, last: date, set_spec: str | None = None) -> list[Paper]:
        """The same papers in the order of their ids, as the old server lists them."""
        asked = (first, last, set_spec)
        with self._lock:
            if self._asked_by_id != asked:
                papers = self.modified(first, last, set_spec=set_spec)
                self._by_id = sorted(papers, key=lambda paper: paper.id)
                self._asked_by_id = asked
            return self._by_id

    def add(self, paper: Paper) -> None:
        """Put in a paper that was not there; ValueError if it was."""
        with self._lock:
            if paper.id in self._papers:
                raise ValueError(f"the sandbox arXiv has {paper.id} already; use modify to change it")
            self._put(paper)

    def modify(self, paper_id: str, on: date | datetime | None = None, **changes: Any) -> Paper:
        """Change a paper, or touch it only, and date it anew: it moves to its new place in the order at once.

        `changes` are fields of `Paper`. A date puts it behind all that was modified on that date so far; an instant
        is taken as it is; without either it is now. KeyError if there is no such paper.
        """
        with self._lock:
            paper = self._papers[paper_id]
            self._drop(paper)
            changed = replace(paper, modified_at=self._instant(on), **changes)
            self._put(changed)
            return changed

    def delete(self, paper_id: str, on: date | datetime | None = None) -> Paper:
        """Leave of a paper nothing but a header that says so. arXiv was never seen to do this."""
        return self.modify(paper_id, on, is_deleted=True)

    def remove(self, paper_id: str) -> Paper:
        """Take a paper out without a trace; KeyError if there is no such paper."""
        with self._lock:
            paper = self._papers[paper_id]
            self._drop(paper)
            return paper

    def _put(self, paper: Paper) -> None:
        self._asked_by_id = None
        self._papers[paper.id] = paper
        insort(self._order, (paper.modified_at, paper.id))

    def _drop(self, paper: Paper) -> None:
        self._asked_by_id = None
        del self._papers[paper.id]
        del self._order[bisect_left(self._order, (paper.modified_at, paper.id))]

    def _instant(self, on: date | datetime | None) -> datetime:
        if on is None:
            return self._clock.now()
        if isinstance(on, datetime):
            if on.tzinfo is None:
                raise ValueError(f"an instant needs a time zone, and {on.isoformat()} has none")
            return on.astimezone(UTC)
        end = _begins(on + timedelta(days=1))
        latest = bisect_right(self._order, (end, "")) - 1
        noon = datetime.combine(on, time(12), UTC)
        if latest < 0 or self._order[latest][0] < noon:
            return noon
        return min(self._order[latest][0] + timedelta(milliseconds=1), end - timedelta(microseconds=1))


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
