"""Pages of a day, a week and a month: what was listed, most votes first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from paperlake.render.paper import Paper
from paperlake.render.period import SPANS, Period, Span, period
from paperlake.render.web.page import SPAN_TITLES, Page, page, period_path

WORDS = {
    "complete": "complete",
    "settled": "complete, and seen again two weeks later",
    "confirmed_empty": "empty: nothing was listed",
    "partial": "not complete: what was captured may miss papers",
    "failed": "not known: the source gave no usable answer",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a date: its verdict, and how many papers stand on its list."""

    listed_on: date
    verdict: str
    papers: int


class Periods:
    """The periods that have a list, to go from one to the next; days without papers are passed over."""

    def __init__(self, days: Sequence[date]) -> None:
        """Those of `days`, which have papers."""
        self._held = {span: sorted({period(span, day) for day in days}) for span in SPANS}

    def has(self, about: Period) -> bool:
        """Whether it has a list, and so a page."""
        held = self._held[about.span]
        at = bisect_left(held, about)
        return held[at : at + 1] == [about]

    def all(self, span: Span) -> list[Period]:
        """Every one of a span, oldest first."""
        return self._held[span]

    def around(self, about: Period) -> tuple[Period | None, Period | None]:
        """The one before and the one after; None at the ends."""
        held = self._held[about.span]
        at = bisect_left(held, about)
        after = at + 1 if at < len(held) and held[at] == about else at
        return (held[at - 1] if at else None), (held[after] if after < len(held) else None)


def list_page(
    about: Period, papers: Sequence[Paper], known: Sequence[Known], periods: Periods, *, is_front: bool = False
) -> Page:
    """The page of a period. Only a day's shows abstracts, so that a month stays small. `is_front`: the first page."""
    before, after = periods.around(about)
    ordered = sorted(papers, key=lambda one: (-(one.votes or 0), one.paper_id))
    return page(
        "index.html" if is_front else period_path(about),
        "list.html.j2",
        title=about.title,
        about=about,
        kind=SPAN_TITLES[about.span],
        papers=ordered,
        state=_state(about, known),
        before=before,
        after=after,
        wider=_wider(about, periods),
        days=[] if about.span == "day" else [period("day", one.listed_on) for one in known if one.papers],
        path_of=period_path,
    )


def _wider(about: Period, periods: Periods) -> list[Period]:
    """The week and the months that a period lies in, those that have a page."""
    spans = SPANS[SPANS.index(about.span) + 1 :]
    found = dict.fromkeys(period(span, day) for span in spans for day in (about.first, about.last))
    return [one for one in found if periods.has(one)]


def _state(about: Period, known: Sequence[Known]) -> str:
    """How complete the list is, in words."""
    if about.span == "day":
        return WORDS.get(known[0].verdict, "never asked for") if known else "never asked for"
    whole = sum(one.verdict in {"complete", "settled", "confirmed_empty"} for one in known)
    return f"{whole} of {(about.last - about.first).days + 1} dates complete"
