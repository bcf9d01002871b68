"""The page of a paper: what it is, where it stood, and how its votes grew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from paperlake.render.charts import curve
from paperlake.render.paper import Paper
from paperlake.render.period import period
from paperlake.render.web.lists import Periods
from paperlake.render.web.page import Page, page, paper_path, period_path
from paperlake.text import many


@dataclass(frozen=True, slots=True)
class Seen:
    """What one capture said of a paper."""

    at: datetime
    votes: int
    comments: int | None


def paper_page(standings: Sequence[Paper], seen: Sequence[Seen], periods: Periods) -> Page:
    """The page of a paper from its standings, oldest first, and what captures said, in order of time.

    Title, numbers and everything else are of the newest standing.
    """
    newest = standings[-1]
    days = [period("day", one.listed_on) for one in standings]
    return page(
        paper_path(newest.paper_id),
        "paper.html.j2",
        title=newest.title,
        paper=newest,
        standings=[(day, period_path(day) if periods.has(day) else None) for day in days],
        seen=seen,
        plot=_plot(seen) if len(seen) > 1 else None,
    )


def _plot(seen: Sequence[Seen]) -> str:
    begun = seen[0].at
    points = [((one.at - begun) / timedelta(hours=1), one.votes) for one in seen]
    gained = seen[-1].votes - seen[0].votes
    label = f"Votes over time: from {seen[0].votes} to {many(seen[-1].votes, 'vote')} in {len(seen)} observations"
    return curve(points, f"{label}, {gained:+d}.", "votes")
