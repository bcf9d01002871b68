"""List pages of a day, a week or a month, with the papers ordered by votes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from paperlake.render.paper import Paper
from paperlake.render.period import SPANS, Period, Span, period_of
from paperlake.render.web.page import FeedLink, Page, period_path, render_page

VERDICT_LABELS = {
    "complete": "complete",
    "settled": "complete, and seen again two weeks later",
    "confirmed_empty": "empty: nothing was listed",
    "in_doubt": "in doubt: the newest answer lost most of the list, or was empty; this is the list before it",
    "partial": "not complete: what was captured may miss papers",
    "failed": "not known: the source gave no usable answer",
}
_NEVER_CAPTURED = "never captured"


@dataclass(frozen=True, slots=True)
class ListStatus:
    """The verdict on a date, and how many papers are on its list."""

    listed_on: date
    verdict: str
    papers: int


class Periods:
    """The periods that have a list page, for navigation; days without papers have none.

    `feeds` are those that every page announces.
    """

    def __init__(self, days: Sequence[date]) -> None:
        """Collect the periods of `days`, the dates with papers."""
        self.feeds: Sequence[FeedLink] = ()
        self._by_span = {span: sorted({period_of(span, day) for day in days}) for span in SPANS}

    def has(self, period: Period) -> bool:
        """Whether the period has a list page."""
        periods = self._by_span[period.span]
        index = bisect_left(periods, period)
        return periods[index : index + 1] == [period]

    def all(self, span: Span) -> list[Period]:
        """All periods of a span, oldest first."""
        return self._by_span[span]

    def around(self, period: Period) -> tuple[Period | None, Period | None]:
        """The previous and the next period with a page; None at the ends."""
        periods = self._by_span[period.span]
        index = bisect_left(periods, period)
        after = index + 1 if index < len(periods) and periods[index] == period else index
        return (periods[index - 1] if index else None), (periods[after] if after < len(periods) else None)


def list_page(
    period: Period,
    papers: Sequence[Paper],
    statuses: Sequence[ListStatus],
    periods: Periods,
    *,
    is_front: bool = False,
) -> Page:
    """The page of a period. Only day pages have abstracts, to keep month pages small. `is_front`: for index.html."""
    before, after = periods.around(period)
    return render_page(
        "index.html" if is_front else period_path(period),
        "list.html.j2",
        periods.feeds,
        title=period.title,
        period=period,
        papers=sorted(papers, key=lambda paper: (-(paper.votes or 0), paper.paper_id)),
        state=_completeness(period, statuses),
        before=before,
        after=after,
        wider=_wider_periods(period, periods),
        days=[] if period.span == "day" else [period_of("day", s.listed_on) for s in statuses if s.papers],
        path_of=period_path,
    )


def _wider_periods(period: Period, periods: Periods) -> list[Period]:
    """The week and the months that a period is in, if they have a page."""
    spans = SPANS[SPANS.index(period.span) + 1 :]
    wider = dict.fromkeys(period_of(span, day) for span in spans for day in (period.first, period.last))
    return [candidate for candidate in wider if periods.has(candidate)]


def _completeness(period: Period, statuses: Sequence[ListStatus]) -> str:
    """How complete the list is, in words."""
    if period.span == "day":
        return VERDICT_LABELS.get(statuses[0].verdict, _NEVER_CAPTURED) if statuses else _NEVER_CAPTURED
    complete_count = sum(status.verdict in {"complete", "settled", "confirmed_empty"} for status in statuses)
    return f"{complete_count} of {(period.last - period.first).days + 1} dates complete"
