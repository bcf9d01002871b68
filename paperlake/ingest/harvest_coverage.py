"""Which datestamps of arXiv the lake holds completely, as a set of windows, and which windows are missing.

All of it is derived from the table `harvests`, which has a row for each harvest and each import: a few hundred rows a
year, whatever the number of papers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from paperlake.ingest.oai_harvest import Window
from paperlake.store.inbox import waiting, waiting_months
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_consistent
from schemas.harvests import HARVESTS
from transforms.arxiv.harvest_days import WHOLE

OVERLAP = timedelta(days=1)
"""Requested again: a datestamp is a day, and the last day of a harvest was not over."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Datestamps from `first` to `last`, both included. `date.min` is arXiv's beginning, `date.max` an open end."""

    first: date
    last: date

    @classmethod
    def of(cls, window: Window) -> Span:
        """The datestamps that a window asks for."""
        return cls(window.since or date.min, window.until or date.max)

    def contains(self, other: Span) -> bool:
        """Whether every datestamp of `other` is in this span."""
        return self.first <= other.first and other.last <= self.last


@dataclass(frozen=True, slots=True)
class Coverage:
    """The datestamps of a set (None: of all of arXiv) that are held completely: disjoint spans, oldest first."""

    set_spec: str | None
    spans: Sequence[Span]

    def missing(self, until: date | None = None) -> list[Window]:
        """The windows that are missing, oldest first, up to `until`; without it the last one has an open end."""
        end = until or date.max
        windows: list[Window] = []
        first = date.min
        for span in self.spans:
            if first < span.first and first <= end:
                windows.append(self._window(first, min(span.first - _DAY, end)))
            first = span.last + _DAY
        return [*windows, self._window(first, end)] if first <= end else windows

    def holes(self) -> list[Window]:
        """The missing windows that lie before covered ones; none if nothing is covered."""
        return self.missing()[:-1]

    def _window(self, first: date, last: date) -> Window:
        return Window(self.set_spec, None if first == date.min else first, None if last == date.max else last)


def read_harvests(lake: Lake) -> pl.DataFrame:
    """All harvests and imports, published or in the inbox, in the order in which they ended."""
    # The inbox first: what a publish moves to the table in the meantime is read twice, and never missed.
    in_inbox = [waiting(lake, HARVESTS, month).rows for month in waiting_months(lake, HARVESTS)]
    published = read_consistent(lake, lambda seen: scan(seen, HARVESTS).collect())
    return pl.concat([published, *in_inbox]).unique(HARVESTS.key).sort("ended_at", "harvest_started_at")


def coverage_of(harvests: pl.DataFrame, set_spec: str | None) -> Coverage:
    """The coverage of a set by the whole harvests of it, of sets that contain it, and of all of arXiv."""
    whole = harvests.filter(covers_set(set_spec), pl.col("verdict").is_in(WHOLE), pl.col("responded_at").is_not_null())
    # A snapshot may tell an update in the future, and a server the wrong time.
    known_at = whole.with_columns(known_at=pl.min_horizontal("responded_at", "harvest_started_at"))
    spans = (_covered(*row) for row in known_at.select("from_on", "until_on", "known_at").iter_rows())
    return Coverage(set_spec, tuple(_merged(span for span in spans if span)))


def covers_set(set_spec: str | None) -> pl.Expr:
    """Whether a row's set is `set_spec`, contains it (`math` contains `math:math:NA`), or is all of arXiv."""
    levels = set_spec.split(":") if set_spec else []
    containing = [":".join(levels[:count]) for count in range(1, len(levels) + 1)]
    return pl.col("set_spec").is_null() | pl.col("set_spec").is_in(containing)


def is_known_set(harvests: pl.DataFrame, set_spec: str) -> bool:
    """Whether any harvest of the set was whole or brought records, so that the server knows it."""
    of_set = harvests.filter(pl.col("set_spec") == set_spec)
    return not of_set.filter(pl.col("verdict").is_in(WHOLE) | (pl.col("record_count") > 0)).is_empty()


def _covered(since: date | None, until: date | None, known_at: datetime) -> Span | None:
    """What a whole harvest covers: its window, without the day on which it was known and the day before."""
    last = known_at.date() - OVERLAP - _DAY
    span = Span(since or date.min, min(until or last, last))
    return span if span.first <= span.last else None


def _merged(spans: Iterator[Span]) -> Iterator[Span]:
    """The same days as disjoint spans with days between them, oldest first."""
    current: Span | None = None
    for span in sorted(spans):
        if current is None:
            current = span
        elif span.first <= current.last + _DAY:
            current = Span(current.first, max(current.last, span.last))
        else:
            yield current
            current = span
    if current is not None:
        yield current
