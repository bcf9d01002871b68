"""What is asked of the score of `trends`, and what the votes that came later answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import fmean

import polars as pl

from bench.agreement import MEASURES
from bench.observations import observations
from schemas.trends import HALF_LIFE_H, TRENDS
from transforms.hub.verdicts import closes_at
from transforms.trends import opens_at, trends

HALF_LIVES_H = (6, 12, 18, 24, 36, 48, 72, 96, 168, 336)
AS_GOOD = 0.005
"""Half-lives whose means differ by less are as good as each other; of those the longest is nearest to plain votes."""
COMMENT_WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0)
LEAST_PAPERS = 8
"""A date with fewer tells little: five of them are most of it."""
WEEK_H = (140, 240)
"""So long after a date opened, an observation tells its votes about a week later; the one nearest to 168 h is taken."""
FRESH_H = 24
LATER_H = (18, 240)
RIVALS = {
    "score": pl.col("score"),
    "votes": pl.col("upvote_count").cast(pl.Float64),
    "votes per hour": pl.col("upvote_count") / pl.col("age_hours"),
}
_KEY = ["ranked_on", "paper_id"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a ranking, by the dates that have an answer.

    `truth` holds ranked_on, paper_id and `later`, what became of the paper; `cut` is the first date held out.
    """

    name: str
    span: str
    truth: pl.DataFrame
    cut: date

    def rows(self, ranked: pl.DataFrame, *, is_held_out: bool) -> pl.DataFrame:
        """The ranked papers whose later votes are known, on the dates that are held out or on the others."""
        half = pl.col("ranked_on") >= self.cut if is_held_out else pl.col("ranked_on") < self.cut
        asked = ranked.filter(pl.col("span") == self.span, half).join(self.truth, on=_KEY)
        return asked.sort(*_KEY)


def ranking(listings: pl.DataFrame, signals: pl.DataFrame, half_life_h: float = HALF_LIFE_H) -> pl.DataFrame:
    """The table `trends` of every month, by the transform that publishes it."""
    months = listings["listed_on"].dt.strftime("%Y-%m").unique().sort()
    return pl.concat(_month(month, listings, signals, half_life_h) for month in months)


def _month(month: str, listings: pl.DataFrame, signals: pl.DataFrame, half_life_h: float) -> pl.DataFrame:
    read = TRENDS.windowed_inputs.months(month) if TRENDS.windowed_inputs else (month,)
    of_them = pl.col("listed_on").dt.strftime("%Y-%m").is_in(read)
    return trends(month, listings.filter(of_them), signals.filter(of_them), half_life_h)


def questions(ranked: pl.DataFrame, signals: pl.DataFrame) -> list[Question]:
    """The two questions, each cut in the middle of its dates."""
    seen = signals.select("listed_on", "paper_id", "captured_at", later="upvote_count")
    day, week = pl.col("ranked_on"), ranked.filter(pl.col("span") == "week")
    opened = _hours(pl.col("captured_at") - opens_at(pl.col("listed_on")))
    after_a_week = (
        seen.with_columns(hours=opened)
        .filter(pl.col("hours").is_between(*WEEK_H))
        .sort((pl.col("hours") - 168).abs(), "captured_at")
        .unique(["listed_on", "paper_id"], keep="first", maintain_order=True)
        .select("paper_id", "later", ranked_on="listed_on")
    )
    # Only of papers that were captured just before the end of a date is it known what they gained after it.
    since_end = _hours(pl.col("captured_at") - closes_at(day)) - 6
    fresh = week.filter(_hours(closes_at(day) - pl.col("observed_at")) + 6 <= FRESH_H)
    gained = (
        fresh.select(*_KEY, "listed_on", "upvote_count")
        .join(seen, on=["listed_on", "paper_id"])
        .filter(since_end.is_between(*LATER_H))
        .sort("captured_at")
        .unique(_KEY, keep="last", maintain_order=True)
        .select(*_KEY, "listed_on", later=pl.col("later") - pl.col("upvote_count"))
        .filter(pl.col("listed_on").n_unique().over("ranked_on") > 1)
        .drop("listed_on")
    )
    first = ranked.filter(pl.col("span") == "day").select(_KEY).join(after_a_week, on=_KEY)
    return [_question("day", "day", first), _question("week", "week", gained)]


def _question(name: str, span: str, truth: pl.DataFrame) -> Question:
    enough = truth.filter(pl.len().over("ranked_on") >= LEAST_PAPERS)
    dates = enough["ranked_on"].unique().sort()
    return Question(name, span, enough, dates[len(dates) // 2])


def by_date(rows: pl.DataFrame, told: pl.Expr) -> dict[str, list[float]]:
    """Each measure on each date, of the order that `told` gives."""
    measured: dict[str, list[float]] = {name: [] for name in MEASURES}
    for held in rows.with_columns(told=told).partition_by("ranked_on", maintain_order=True):
        for name, measure in MEASURES.items():
            measured[name].append(measure(held["told"].to_list(), held["later"].to_list()))
    return measured


@dataclass(frozen=True, slots=True)
class Half:
    """One half of the dates of a question, and each measure on each date, by rival."""

    dates: int
    papers: int
    measured: dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Tried:
    """All that was found. Curves are means of Spearman over the tuning dates, by what was tried."""

    questions: Sequence[Question]
    tuned: Sequence[Half]
    held_out: Sequence[Half]
    half_lives: Sequence[dict[float, float]]
    comments: dict[float, float]
    commented: int
    starred: int

    @property
    def chosen_h(self) -> float:
        """The longest half-life that is as good as the best, by the mean over the questions."""
        means = {half_life_h: fmean(curve[half_life_h] for curve in self.half_lives) for half_life_h in HALF_LIVES_H}
        return max(half_life_h for half_life_h, mean in means.items() if mean > max(means.values()) - AS_GOOD)


def tried(recordings: Path) -> Tried:
    """Ask both questions: half-lives and weights on the tuning dates, the score as it is on all."""
    listings, signals = observations(recordings)
    ranked = ranking(listings, signals)
    asked = questions(ranked, signals)
    curves: list[dict[float, float]] = [{} for _ in asked]
    for half_life_h in HALF_LIVES_H:
        other = ranking(listings, signals, half_life_h)
        for question, curve in zip(asked, curves, strict=True):
            curve[half_life_h] = fmean(by_date(question.rows(other, is_held_out=False), RIVALS["score"])["Spearman"])
    day = asked[0].rows(ranked, is_held_out=False)
    comments = {
        weight: fmean(by_date(day, RIVALS["score"] + weight * pl.col("comment_count").fill_null(0))["Spearman"])
        for weight in COMMENT_WEIGHTS
    }
    tuned, held_out = ([_half(one, ranked, is_held_out=is_out) for one in asked] for is_out in (False, True))
    known = pl.concat([day, asked[0].rows(ranked, is_held_out=True)])
    return Tried(
        asked,
        tuned,
        held_out,
        curves,
        comments,
        commented=known["comment_count"].count(),
        starred=known["stars_gained"].count(),
    )


def _half(question: Question, ranked: pl.DataFrame, *, is_held_out: bool) -> Half:
    rows = question.rows(ranked, is_held_out=is_held_out)
    return Half(rows["ranked_on"].n_unique(), rows.height, {name: by_date(rows, told) for name, told in RIVALS.items()})


def _hours(time: pl.Expr) -> pl.Expr:
    return time.dt.total_minutes() / 60
