"""Days, ISO weeks and months: what an issue or a page is about."""

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
        """How files, addresses and ledgers name it."""
        if self.span == "day":
            return self.first.isoformat()
        if self.span == "month":
            return f"{self.first:%Y-%m}"
        return f"{self.first:%G-W%V}"

    @property
    def title(self) -> str:
        """How people say it, in English."""
        if self.span == "day":
            return f"{self.first:%A}, {self.first.day} {self.first:%B %Y}"
        if self.span == "month":
            return f"{self.first:%B %Y}"
        return f"Week {self.first:%V}, {self.first.day} {self.first:%B} to {self.last.day} {self.last:%B %Y}"

    def holds(self, day: date) -> bool:
        """Whether `day` is in it."""
        return self.first <= day <= self.last

    def before(self) -> Period:
        """The one before it."""
        return period(self.span, self.first - timedelta(days=1))

    def after(self) -> Period:
        """The one after it."""
        return period(self.span, self.last + timedelta(days=1))


def named(name: str) -> Period:
    """The period of a name that `Period.name` gave. Raises ValueError for any other text."""
    if "W" in name:
        return period("week", date.fromisocalendar(int(name[:4]), int(name[6:]), 1))
    return (
        period("day", date.fromisoformat(name))
        if len(name) > len("2025-11")
        else period("month", date.fromisoformat(f"{name}-01"))
    )


def period(span: Span, day: date) -> Period:
    """The period of `span` that holds `day`."""
    if span == "day":
        return Period(day, day, span)
    if span == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + timedelta(days=6), span)
    return Period(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]), span)
