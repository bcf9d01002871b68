"""The page of a paper: its details, its appearances on lists, and its votes over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from paperlake.render.charts import plot_observations
from paperlake.render.paper import Paper
from paperlake.render.period import period_of
from paperlake.render.web.lists import Periods
from paperlake.render.web.page import Page, paper_path, period_path, render_page
from paperlake.render.web.search import search_path
from paperlake.text import plural


@dataclass(frozen=True, slots=True)
class Observation:
    """The numbers of a paper in one capture."""

    at: datetime
    votes: int
    comments: int | None


def paper_page(appearances: Sequence[Paper], observations: Sequence[Observation], periods: Periods) -> Page:
    """The page of a paper. `appearances` is the paper on each of its lists, oldest first; `observations` are by time.

    The page shows the details of the newest appearance.
    """
    newest = appearances[-1]
    days = [period_of("day", paper.listed_on) for paper in appearances]
    return render_page(
        paper_path(newest.paper_id),
        "paper.html.j2",
        periods.feeds,
        title=newest.title,
        paper=newest,
        appearances=[(day, period_path(day) if periods.has(day) else None) for day in days],
        observations=observations,
        keywords=[(keyword, search_path(keyword, newest.listed_on)) for keyword in newest.keywords],
        plot=_votes_plot(observations) if len(observations) > 1 else None,
    )


def _votes_plot(observations: Sequence[Observation]) -> str:
    first, last = observations[0], observations[-1]
    points = [((observation.at - first.at) / timedelta(hours=1), observation.votes) for observation in observations]
    label = (
        f"Votes over time: from {first.votes} to {plural(last.votes, 'vote')} in {len(observations)} observations, "
        f"{last.votes - first.votes:+d}."
    )
    return plot_observations(points, label, "vote")
