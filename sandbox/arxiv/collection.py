"""The papers of the sandbox arXiv, in the order in which the server lists them."""

from __future__ import annotations

import re
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from sandbox.arxiv.papers import Paper
from sandbox.arxiv.sets import is_within
from sandbox.clock import Clock

_SUBJECT_CLASS = re.compile(r"^([a-z-]+)\.[A-Z]{2}/")
_VERSION = re.compile(r"v\d+$")
_OrderKey = tuple[datetime, str]


class Collection:
    """Papers by id, ordered by the time of their last modification and then by id.

    Thread-safe. It may change between two pages of a harvest.
    """

    def __init__(self, papers: Iterable[Paper] = (), *, clock: Clock | None = None) -> None:
        """Hold `papers`. `clock` dates modifications without a date."""
        self._clock = clock or Clock()
        self._lock = threading.RLock()
        self._papers = {paper.id: paper for paper in papers}
        self._order: list[_OrderKey] = sorted((paper.modified_at, paper.id) for paper in self._papers.values())
        # The last list in id order: a harvest requests the same list page by page.
        self._cached_query: tuple[date, date, str | None] | None = None
        self._cached_papers: list[Paper] = []

    def __len__(self) -> int:
        """The number of papers, including deleted ones."""
        return len(self._papers)

    def records(self) -> list[Paper]:
        """All papers, in the new server's order."""
        with self._lock:
            return [self._papers[paper_id] for _, paper_id in self._order]

    def find(self, paper_id: str) -> Paper | None:
        """The paper of this id. A version or a subject class in the id (`math.GT/0309136v2`) is ignored."""
        return self._papers.get(_SUBJECT_CLASS.sub(r"\1/", _VERSION.sub("", paper_id)))

    def modified(
        self, first: date, last: date, *, set_spec: str | None = None, skip: int = 0, limit: int | None = None
    ) -> list[Paper]:
        """The papers with datestamps from `first` to `last` (inclusive), in order; `skip` and `limit` page them."""
        with self._lock:
            start = bisect_left(self._order, (_midnight(first), ""))
            end = bisect_left(self._order, (_midnight(last + timedelta(days=1)), ""))
            papers = (self._papers[self._order[place][1]] for place in range(start, end))
            if set_spec is not None:
                papers = (paper for paper in papers if is_within(paper.categories, set_spec))
            return list(islice(papers, skip, None if limit is None else skip + limit))

    def modified_by_id(self, first: date, last: date, set_spec: str | None = None) -> list[Paper]:
        """The papers of `modified` in id order, the old server's order."""
        query = (first, last, set_spec)
        with self._lock:
            if self._cached_query != query:
                papers = self.modified(first, last, set_spec=set_spec)
                self._cached_papers = sorted(papers, key=lambda paper: paper.id)
                self._cached_query = query
            return self._cached_papers

    def add(self, paper: Paper) -> None:
        """Add a new paper. ValueError if its id exists."""
        with self._lock:
            if paper.id in self._papers:
                raise ValueError(f"the sandbox arXiv has {paper.id} already; use modify to change it")
            self._insert(paper)

    def modify(self, paper_id: str, on: date | datetime | None = None, **changes: Any) -> Paper:
        """Change fields of a paper (`changes` may be empty) and its modification time, which moves it in the order.

        A date places the paper after all papers modified on that date, a datetime sets the exact time, and None means
        now. KeyError if the paper does not exist.
        """
        with self._lock:
            paper = self._papers[paper_id]
            self._delete_from_order(paper)
            changed = replace(paper, modified_at=self._modification_time(on), **changes)
            self._insert(changed)
            return changed

    def delete(self, paper_id: str, on: date | datetime | None = None) -> Paper:
        """Mark a paper as deleted, so that only its header remains. No recording shows arXiv do this."""
        return self.modify(paper_id, on, is_deleted=True)

    def remove(self, paper_id: str) -> Paper:
        """Remove a paper completely. KeyError if it does not exist."""
        with self._lock:
            paper = self._papers[paper_id]
            self._delete_from_order(paper)
            return paper

    def _insert(self, paper: Paper) -> None:
        self._cached_query = None
        self._papers[paper.id] = paper
        insort(self._order, (paper.modified_at, paper.id))

    def _delete_from_order(self, paper: Paper) -> None:
        self._cached_query = None
        del self._papers[paper.id]
        del self._order[bisect_left(self._order, (paper.modified_at, paper.id))]

    def _modification_time(self, on: date | datetime | None) -> datetime:
        if on is None:
            return self._clock.now()
        if isinstance(on, datetime):
            if on.tzinfo is None:
                raise ValueError(f"a timestamp needs a time zone: {on.isoformat()}")
            return on.astimezone(UTC)
        end = _midnight(on + timedelta(days=1))
        latest = bisect_right(self._order, (end, "")) - 1
        noon = datetime.combine(on, time(12), UTC)
        if latest < 0 or self._order[latest][0] < noon:
            return noon
        return min(self._order[latest][0] + timedelta(milliseconds=1), end - timedelta(microseconds=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
