"""The questions that the score of `trends` is evaluated on, and their answers from later votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import fmean

import polars as pl

from bench.trending.agreement import MEASURES
from bench.trending.observations import observations
from schemas.calendar import MONTH_FORMAT
from schemas.trends import HALF_LIFE_H
from transforms.hub.verdicts import closes_at
from transforms.trends import opens_at, trends

HALF_LIVES_H = (6, 12, 18, 24, 36, 48, 72, 96, 168, 336)
AS_GOOD = 0.005
"""Half-lives whose means differ by less count as equal. The longest of them is closest to plain votes."""
COMMENT_WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0)
LEAST_PAPERS = 8
"""Dates with fewer papers are ignored: a top five would be most of them."""
WEEK_H = (140, 240)
"""Hours after a date opens in which an observation counts as a week later. The one nearest to 168 h is used."""
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
    """A question about a ranking, with the true answers by date.

    `truth` has ranked_on, paper_id and `later`, the later votes of the paper. `cut` is the first held-out date.
    """

    name: str
    span: str
    truth: pl.DataFrame
    cut: date

    def rows(self, ranked: pl.DataFrame, *, is_held_out: bool) -> pl.DataFrame:
        """The ranked papers with known later votes, on the held-out dates or on the tuning dates."""
        half = pl.col("ranked_on") >= self.cut if is_held_out else pl.col("ranked_on") < self.cut
        rows = ranked.filter(pl.col("span") == self.span, half).join(self.truth, on=_KEY)
        return rows.sort(*_KEY)


def ranking(listings: pl.DataFrame, signals: pl.DataFrame, half_life_h: float = HALF_LIFE_H) -> pl.DataFrame:
    """The table `trends` of every month, from the production transform."""
    months = listings["listed_on"].dt.strftime(MONTH_FORMAT).unique().sort()
    return trends(months.to_list(), listings, signals, half_life_h)


def questions(ranked: pl.DataFrame, signals: pl.DataFrame) -> list[Question]:
    """Both questions, each split in the middle of its dates."""
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
    # The votes gained after a date are known only for papers captured just before its end.
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


def by_date(rows: pl.DataFrame, score: pl.Expr) -> dict[str, list[float]]:
    """Each measure on each date, for the ranking by `score`."""
    measured: dict[str, list[float]] = {name: [] for name in MEASURES}
    for rows_of_date in rows.with_columns(score=score).partition_by("ranked_on", maintain_order=True):
        for name, measure in MEASURES.items():
            measured[name].append(measure(rows_of_date["score"].to_list(), rows_of_date["later"].to_list()))
    return measured


@dataclass(frozen=True, slots=True)
class Half:
    """One half of the dates of a question, with each measure on each date, by score and rivals."""

    dates: int
    papers: int
    measured: dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All results. `half_lives` and `comments` have mean Spearman over the tuning dates, by the tried value."""

    questions: Sequence[Question]
    tuned: Sequence[Half]
    held_out: Sequence[Half]
    half_lives: Sequence[dict[float, float]]
    comments: dict[float, float]
    commented: int
    starred: int

    @property
    def chosen_h(self) -> float:
        """The longest half-life within AS_GOOD of the best, by the mean over the questions."""
        means = {half_life_h: fmean(curve[half_life_h] for curve in self.half_lives) for half_life_h in HALF_LIVES_H}
        return max(half_life_h for half_life_h, mean in means.items() if mean > max(means.values()) - AS_GOOD)


def evaluate(recordings: Path) -> Evaluation:
    """Evaluate half-lives and comment weights on the tuning dates, and the score itself on all dates."""
    listings, signals = observations(recordings)
    ranked = ranking(listings, signals)
    all_questions = questions(ranked, signals)
    curves: list[dict[float, float]] = [{} for _ in all_questions]
    for half_life_h in HALF_LIVES_H:
        other = ranking(listings, signals, half_life_h)
        for question, curve in zip(all_questions, curves, strict=True):
            curve[half_life_h] = fmean(by_date(question.rows(other, is_held_out=False), RIVALS["score"])["Spearman"])
    day = all_questions[0].rows(ranked, is_held_out=False)
    comments = {
        weight: fmean(by_date(day, RIVALS["score"] + weight * pl.col("comment_count").fill_null(0))["Spearman"])
        for weight in COMMENT_WEIGHTS
    }
    tuned, held_out = (
        [_half(question_, ranked, is_held_out=is_out) for question_ in all_questions] for is_out in (False, True)
    )
    rows = pl.concat([day, all_questions[0].rows(ranked, is_held_out=True)])
    return Evaluation(
        all_questions,
        tuned,
        held_out,
        curves,
        comments,
        commented=rows["comment_count"].count(),
        starred=rows["stars_gained"].count(),
    )


def _half(question: Question, ranked: pl.DataFrame, *, is_held_out: bool) -> Half:
    rows = question.rows(ranked, is_held_out=is_held_out)
    return Half(
        rows["ranked_on"].n_unique(), rows.height, {name: by_date(rows, score) for name, score in RIVALS.items()}
    )


def _hours(time: pl.Expr) -> pl.Expr:
    return time.dt.total_minutes() / 60
