"""The table `trends`: from lists and signals of the last dates, what the community turns to on each date."""

from __future__ import annotations

from datetime import date

import polars as pl

from schemas.trends import GRACE_H, HALF_LIFE_H, MOST_RANKED, SPANS, TRENDS
from transforms.conform import conform
from transforms.hub.verdicts import closes_at

_PAPER = ["listed_on", "paper"]
"""A paper is a number here, its place in the order of ids: there are many rows, and ids are slow to compare."""
_REACH_DAYS = max(SPANS.values())
_ONE = 1_000_000
"""The weight of a new vote. Weights are whole numbers, so that sums do not depend on the order of adding."""
_HOUR_US = 3_600_000_000


def opens_at(day: pl.Expr) -> pl.Expr:
    """When a date opens: when the one before it closes."""
    return closes_at(day.dt.offset_by("-1d"))


def trends(month: str, listings: pl.DataFrame, signals: pl.DataFrame, half_life_h: float = HALF_LIFE_H) -> pl.DataFrame:
    """The rows of the table `trends` of a month (`2025-11`).

    `listings` and `signals` hold those tables' rows of the 30 dates up to each date of the month; more do no harm.
    """
    papers = signals.select("paper_id").unique().sort("paper_id").with_row_index("paper")
    seen = (
        signals.filter(pl.col("upvote_count").is_not_null())
        .join(papers, on="paper_id")
        .select(*_PAPER, "captured_at", "upvote_count", "comment_count", "github_star_count")
        .sort("captured_at", *_PAPER)
    )
    listed = listings.filter("is_listed").join(papers, on="paper_id").select(_PAPER)
    observed = _observed(_dates(month, seen), listed, seen)
    curves = _curves(observed, seen)
    weighed = (
        observed.join(_heat(curves, half_life_h), on="place", how="left")
        .with_columns(weight=_mean_weight())
        .with_columns(score=(pl.col("upvote_count") * pl.col("weight") / _ONE).round(6))
    )
    told = (
        _ranked(weighed)
        .join(_before(curves), on="place", how="left")
        .join(papers, on="paper")
        .join(seen, left_on=[*_PAPER, "observed_at"], right_on=[*_PAPER, "captured_at"])
        .with_columns(
            freshness=(pl.col("weight") / _ONE).round(6),
            votes_gained=pl.col("upvote_count") - pl.col("votes_before"),
            stars_gained=pl.col("github_star_count") - pl.col("stars_before"),
            age_hours=_hours(pl.col("observed_at") - opens_at(pl.col("listed_on"))).round(2),
        )
    )
    return conform(told, TRENDS)


def _dates(month: str, seen: pl.DataFrame) -> pl.DataFrame:
    """The dates of the month to rank, with `ends_at`, and `ended_before`, the end of the date before.

    They are those of which anything that can be ranked was captured between opening and end.
    """
    first = date.fromisoformat(f"{month}-01")
    grace, day = pl.duration(hours=GRACE_H), pl.col("ranked_on")
    days = pl.date_range(first, pl.lit(first).dt.month_end(), eager=True).alias("ranked_on").to_frame()
    dates = days.with_columns(ends_at=closes_at(day) + grace, ended_before=opens_at(day) + grace)
    captures = seen.select("listed_on", "captured_at").unique()
    was_seen = pl.col("captured_at").is_between(opens_at(day), "ends_at") & _is_within_reach("listed_on")
    ranked = dates.join(captures, how="cross").filter(was_seen).select("ranked_on").unique()
    return dates.join(ranked, on="ranked_on", how="semi")


def _is_within_reach(listed_on: str) -> pl.Expr:
    days = (pl.col("ranked_on") - pl.col(listed_on)).dt.total_days()
    return days.is_between(0, _REACH_DAYS - 1)


def _observed(dates: pl.DataFrame, listed: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Every paper of every date ranked, in a `place` of its own.

    It has its newest list that was captured in time, and what that capture counted.
    """
    # A capture is the one observed from the first date that it is in time for until the first one that a later
    # capture, or a capture of a later list, is in time for; or until the list is out of reach.
    seen_from = pl.max_horizontal("listed_on", "ranked_on")
    least = _least_to_come(pl.col("seen_from").to_physical(), "paper").shift(-1).cast(pl.Int32).cast(pl.Date)
    later_from = pl.when(pl.col("paper") == pl.col("paper").shift(-1)).then(least)
    out_of_reach = pl.col("listed_on") + pl.duration(days=_REACH_DAYS)
    after_all = pl.lit(dates["ranked_on"].max(), pl.Date) + pl.duration(days=1)
    return (
        seen.join_asof(dates, left_on="captured_at", right_on="ends_at", strategy="forward")
        .filter(pl.col("ranked_on").is_not_null())
        .join(listed, on=_PAPER, how="semi")
        .sort("paper", "listed_on", "captured_at")
        .select(*_PAPER, "upvote_count", observed_at="captured_at", seen_from=seen_from)
        .with_columns(seen_until=pl.min_horizontal(later_from, out_of_reach, after_all))
        .filter(pl.col("seen_from") < pl.col("seen_until"))
        .with_columns(ranked_on=pl.date_ranges("seen_from", "seen_until", closed="left"))
        .explode("ranked_on")
        .join(dates, on="ranked_on")
        .with_row_index("place")
    )


def _curves(observed: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Of each place the captures up to the one observed, oldest first, also of lists that the paper stood on before.

    `still_there` are the votes of a capture that were not taken back later.
    """
    steps = seen.select(
        "paper",
        on_list="listed_on",
        at="captured_at",
        votes="upvote_count",
        stars="github_star_count",
        opened_at=opens_at(pl.col("listed_on")),
    )
    is_earlier = (pl.col("at") < pl.col("observed_at")) & _is_within_reach("on_list")
    is_observed = (pl.col("at") == pl.col("observed_at")) & (pl.col("on_list") == pl.col("listed_on"))
    return (
        observed.select("place", "ranked_on", "paper", "listed_on", "observed_at", "ends_at", "ended_before")
        .join(steps, on="paper", maintain_order="left_right")
        .filter(is_earlier | is_observed)
        .with_columns(still_there=_least_to_come(pl.col("votes"), "place"))
    )


def _least_to_come(value: pl.Expr, group: str) -> pl.Expr:
    """The least `value` from each row to the last of its `group`, where groups stand in rising order.

    A window over groups goes through them one by one, and nearly all are a single row. In one pass over all rows
    those of later groups do not count, for the group is the higher part of the number.
    """
    above = pl.col(group).cast(pl.Int64) * 2**32
    return (above + value).cum_min(reverse=True) - above


def _heat(curves: pl.DataFrame, half_life_h: float) -> pl.DataFrame:
    """`heat`: the weights of all votes of a place at the end of its date, added."""
    is_first = (pl.col("place") != pl.col("place").shift(1)).fill_null(value=True)
    opened_at = pl.min_horizontal("opened_at", "at")
    since = pl.when(is_first).then(opened_at).otherwise(pl.col("at").shift(1))
    came_at = since + (pl.col("at") - since) / 2
    weight = (pl.lit(0.5).pow(_hours(pl.col("ends_at") - came_at) / half_life_h) * _ONE).round().cast(pl.Int64)
    before = pl.when(is_first).then(0).otherwise(pl.col("still_there").shift(1))
    heat = (pl.col("still_there") - before) * weight
    return curves.select("place", heat=heat).group_by("place").agg(pl.col("heat").sum())


def _before(curves: pl.DataFrame) -> pl.DataFrame:
    """What a place had at its last capture until the end of the date before, if it was captured again after it."""
    return (
        curves.filter(pl.col("at") <= pl.col("ended_before"), pl.col("observed_at") > pl.col("ended_before"))
        .unique("place", keep="last", maintain_order=True)
        .select("place", votes_before="votes", stars_before="stars")
    )


def _mean_weight() -> pl.Expr:
    """The mean weight of the votes of a place, rounded down, so that the score is just the product of its parts."""
    votes = pl.col("upvote_count")
    return pl.when(votes > 0).then(pl.col("heat") // votes).otherwise(0)


def _hours(time: pl.Expr) -> pl.Expr:
    return time.dt.total_microseconds() / _HOUR_US


def _ranked(weighed: pl.DataFrame) -> pl.DataFrame:
    """The papers of each span by their score; who stands beyond the last rank is left out."""
    age = (pl.col("ranked_on") - pl.col("listed_on")).dt.total_days()
    last_score = pl.col("score").top_k(MOST_RANKED).min().over("ranked_on")
    rank = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("ranked_on")
    spans = [
        weighed.filter(age < days)
        .filter(pl.col("score") >= last_score)  # a few are sorted faster than all
        .sort("ranked_on", "score", "upvote_count", "paper", descending=[False, True, True, False])
        .with_columns(rank=rank, span=pl.lit(span))
        .filter(pl.col("rank") <= MOST_RANKED)
        for span, days in SPANS.items()
    ]
    return pl.concat(spans)
