"""The table `trends`: papers ranked by recent votes, from the lists and signals of the last dates."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from schemas.calendar import first_day
from schemas.trends import GRACE_H, HALF_LIFE_H, MAX_RANK, SPANS, TRENDS
from transforms.conform import conform
from transforms.hub.verdicts import closes_at

_PAPER = ["listed_on", "paper"]
"""Key of a listing. `paper` is the rank of the paper's id in sorted order: numbers compare faster than ids."""
_LOOKBACK_DAYS = max(SPANS.values())
_NEW_VOTE_WEIGHT = 1_000_000
"""Weight of a new vote. Weights are integers, so that a sum does not depend on the order of its terms."""
_HOUR_US = 3_600_000_000


def opens_at(day: pl.Expr) -> pl.Expr:
    """The time at which a date opens: the closing time of the date before."""
    return closes_at(day.dt.offset_by("-1d"))


def trends(
    months: Sequence[str], listings: pl.DataFrame, signals: pl.DataFrame, half_life_h: float = HALF_LIFE_H
) -> pl.DataFrame:
    """The rows of the table `trends` for some months (`2025-11`), each the same as if it were ranked alone.

    `listings` and `signals` must contain the rows of those tables for the 30 dates up to each date of the months; other
    dates are ignored.
    """
    papers = signals.select("paper_id").unique().sort("paper_id").with_row_index("paper")
    seen = (
        signals.filter(pl.col("upvote_count").is_not_null())
        .join(papers, on="paper_id")
        .select(*_PAPER, "captured_at", "upvote_count", "comment_count", "github_star_count")
        .sort("captured_at", *_PAPER)
    )
    listed = listings.filter("is_listed").join(papers, on="paper_id").select(_PAPER)
    observations = _observations(_ranked_dates(months, seen), listed, seen)
    history = _vote_history(observations, seen)
    scored = (
        observations.join(_total_weight(history, half_life_h), on="observation", how="left")
        .with_columns(weight=_mean_weight())
        .with_columns(score=(pl.col("upvote_count") * pl.col("weight") / _NEW_VOTE_WEIGHT).round(6))
    )
    ranked = (
        _rank(scored)
        .join(_previous_counts(history), on="observation", how="left")
        .join(papers, on="paper")
        .join(seen, left_on=[*_PAPER, "observed_at"], right_on=[*_PAPER, "captured_at"])
        .with_columns(
            freshness=(pl.col("weight") / _NEW_VOTE_WEIGHT).round(6),
            votes_gained=pl.col("upvote_count") - pl.col("votes_before"),
            stars_gained=pl.col("github_star_count") - pl.col("stars_before"),
            age_hours=_hours(pl.col("observed_at") - opens_at(pl.col("listed_on"))).round(2),
        )
    )
    return conform(ranked, TRENDS)


def _ranked_dates(months: Sequence[str], seen: pl.DataFrame) -> pl.DataFrame:
    """The dates of the months to rank, with `ends_at`, and `ended_before`, the end of the date before.

    A date is ranked if any capture within its lookback was made between its opening and its end.
    """
    grace, day = pl.duration(hours=GRACE_H), pl.col("ranked_on")
    firsts = pl.DataFrame({"first": sorted(map(first_day, months))})
    days = firsts.select(ranked_on=pl.date_ranges("first", pl.col("first").dt.month_end())).explode("ranked_on")
    dates = days.with_columns(ends_at=closes_at(day) + grace, ended_before=opens_at(day) + grace)
    captures = seen.select("listed_on", "captured_at").unique()
    near = pl.date_ranges(pl.col("captured_at").dt.date().dt.offset_by("-2d"), pl.col("captured_at").dt.date())
    candidates = captures.with_columns(ranked_on=near).explode("ranked_on").join(dates, on="ranked_on")
    has_capture = pl.col("captured_at").is_between(opens_at(day), "ends_at") & _is_in_lookback("listed_on")
    ranked = candidates.filter(has_capture).select("ranked_on").unique()
    return dates.join(ranked, on="ranked_on", how="semi")


def _is_in_lookback(listed_on: str) -> pl.Expr:
    days = (pl.col("ranked_on") - pl.col(listed_on)).dt.total_days()
    return days.is_between(0, _LOOKBACK_DAYS - 1)


def _observations(dates: pl.DataFrame, listed: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """One row (numbered by `observation`) for each paper of each ranked date.

    It has the newest list of the paper that was captured in time, and the counts of that capture.
    """
    # A capture is used from the first date that ends after it, until the first date that ends after a later capture
    # or after a capture of a later list; or until its list is outside the lookback.
    seen_from = pl.max_horizontal("listed_on", "ranked_on")
    first_later = _min_of_following(pl.col("seen_from").to_physical(), "paper").shift(-1).cast(pl.Int32).cast(pl.Date)
    later_from = pl.when(pl.col("paper") == pl.col("paper").shift(-1)).then(first_later)
    leaves_lookback = pl.col("listed_on") + pl.duration(days=_LOOKBACK_DAYS)
    after_last = pl.lit(dates["ranked_on"].max(), pl.Date) + pl.duration(days=1)
    return (
        seen.join_asof(dates, left_on="captured_at", right_on="ends_at", strategy="forward")
        .filter(pl.col("ranked_on").is_not_null())
        .join(listed, on=_PAPER, how="semi")
        .sort("paper", "listed_on", "captured_at")
        .select(*_PAPER, "upvote_count", observed_at="captured_at", seen_from=seen_from)
        .with_columns(seen_until=pl.min_horizontal(later_from, leaves_lookback, after_last))
        .filter(pl.col("seen_from") < pl.col("seen_until"))
        .with_columns(ranked_on=pl.date_ranges("seen_from", "seen_until", closed="left"))
        .explode("ranked_on")
        .join(dates, on="ranked_on")
        .with_row_index("observation")
    )


def _vote_history(observations: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """The captures of each observation's paper up to the observed one, oldest first, including its earlier lists.

    `remaining` is the number of votes at a capture that were not taken back later.
    """
    steps = seen.select(
        "paper",
        on_list="listed_on",
        at="captured_at",
        votes="upvote_count",
        stars="github_star_count",
        opened_at=opens_at(pl.col("listed_on")),
    )
    is_earlier = (pl.col("at") < pl.col("observed_at")) & _is_in_lookback("on_list")
    is_observed = (pl.col("at") == pl.col("observed_at")) & (pl.col("on_list") == pl.col("listed_on"))
    return (
        observations.select("observation", "ranked_on", "paper", "listed_on", "observed_at", "ends_at", "ended_before")
        .join(steps, on="paper", maintain_order="left_right")
        .filter(is_earlier | is_observed)
        .with_columns(remaining=_min_of_following(pl.col("votes"), "observation"))
    )


def _min_of_following(value: pl.Expr, group: str) -> pl.Expr:
    """The minimum of `value` from each row to the last row of its `group`; rows must be sorted by group.

    A window function over groups is slow, because nearly all groups are a single row. Here one pass over all rows is
    enough: the group is the high part of the number, so rows of later groups never give the minimum.
    """
    above = pl.col(group).cast(pl.Int64) * 2**32
    return (above + value).cum_min(reverse=True) - above


def _total_weight(history: pl.DataFrame, half_life_h: float) -> pl.DataFrame:
    """`total_weight`: the sum of the weights of an observation's votes at the end of its date."""
    is_first = (pl.col("observation") != pl.col("observation").shift(1)).fill_null(value=True)
    opened_at = pl.min_horizontal("opened_at", "at")
    since = pl.when(is_first).then(opened_at).otherwise(pl.col("at").shift(1))
    came_at = since + (pl.col("at") - since) / 2
    weight = (
        (pl.lit(0.5).pow(_hours(pl.col("ends_at") - came_at) / half_life_h) * _NEW_VOTE_WEIGHT).round().cast(pl.Int64)
    )
    before = pl.when(is_first).then(0).otherwise(pl.col("remaining").shift(1))
    total_weight = (pl.col("remaining") - before) * weight
    return history.select("observation", total_weight=total_weight).group_by("observation").agg(pl.sum("total_weight"))


def _previous_counts(history: pl.DataFrame) -> pl.DataFrame:
    """The counts at the last capture before the end of the date before, if a later capture exists."""
    return (
        history.filter(pl.col("at") <= pl.col("ended_before"), pl.col("observed_at") > pl.col("ended_before"))
        .unique("observation", keep="last", maintain_order=True)
        .select("observation", votes_before="votes", stars_before="stars")
    )


def _mean_weight() -> pl.Expr:
    """The mean weight of an observation's votes, rounded down so that the score is exactly votes times freshness."""
    votes = pl.col("upvote_count")
    return pl.when(votes > 0).then(pl.col("total_weight") // votes).otherwise(0)


def _hours(time: pl.Expr) -> pl.Expr:
    return time.dt.total_microseconds() / _HOUR_US


def _rank(scored: pl.DataFrame) -> pl.DataFrame:
    """The papers of each span by score, up to `MAX_RANK`."""
    age = (pl.col("ranked_on") - pl.col("listed_on")).dt.total_days()
    last_score = pl.col("score").top_k(MAX_RANK).min().over("ranked_on")
    rank = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("ranked_on")
    spans = [
        scored.filter(age < days)
        .filter(pl.col("score") >= last_score)  # sorting only the candidates is faster
        .sort("ranked_on", "score", "upvote_count", "paper", descending=[False, True, True, False])
        .with_columns(rank=rank, span=pl.lit(span))
        .filter(pl.col("rank") <= MAX_RANK)
        for span, days in SPANS.items()
    ]
    return pl.concat(spans)
