"""Days, ISO weeks and months, the periods of issues and pages."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Span = Literal["day", "week", "month"]
SPANS: tuple[Span, ...] = ("day", "week", "month")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A day (`2025-11-06`), an ISO week (`2025-W45`) or a month (`2025-10`), with its first and last date."""

    first: date
    last: date
    span: Span

    @property
    def name(self) -> str:
        """Its name in file names, URLs and tables."""
        if self.span == "day":
            return self.first.isoformat()
        if self.span == "month":
            return f"{self.first:%Y-%m}"
        return f"{self.first:%G-W%V}"

    @property
    def title(self) -> str:
        """Its title in English."""
        if self.span == "day":
            return f"{self.first:%A}, {self.first.day} {self.first:%B %Y}"
        if self.span == "month":
            return f"{self.first:%B %Y}"
        year = "" if self.first.year == self.last.year else f" {self.first:%Y}"
        return f"Week {self.first:%V}, {self.first.day} {self.first:%B}{year} to {self.last.day} {self.last:%B %Y}"

    def contains(self, day: date) -> bool:
        """Whether the period includes `day`."""
        return self.first <= day <= self.last

    def previous_period(self) -> Period:
        """The period before this one."""
        return period_of(self.span, self.first - timedelta(days=1))

    def next_period(self) -> Period:
        """The period after this one."""
        return period_of(self.span, self.last + timedelta(days=1))


def parse_period(name: str) -> Period:
    """The period with this `Period.name`. Raises ValueError for any other text."""
    if "W" in name:
        return period_of("week", date.fromisocalendar(int(name[:4]), int(name[6:]), 1))
    return (
        period_of("day", date.fromisoformat(name))
        if len(name) > len("2025-11")
        else period_of("month", date.fromisoformat(f"{name}-01"))
    )


def period_of(span: Span, day: date) -> Period:
    """The period of length `span` that includes `day`."""
    if span == "day":
        return Period(day, day, span)
    if span == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + timedelta(days=6), span)
    return Period(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]), span)
