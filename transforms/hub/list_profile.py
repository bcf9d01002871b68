"""The table `list_profile`: figures of each list, compared with earlier lists, for the validator's warnings."""

from __future__ import annotations

import polars as pl

from schemas.list_profile import LIST_PROFILE
from transforms.conform import conform
from transforms.hub.verdicts import FINAL

_MIN_PAPERS = 5
_MIN_PAPERS_FOR_AGE = 8
_DATES_BEFORE, _WEEKDAYS_BEFORE = 20, 8
_AROUND_DAYS = 30
_SATURDAY = 6
_DAY = "listed_on"
_ONLY_CLOSED = ("zero_votes_share", "ai_drop", "votes_factor")
"""Figures of values that every list gains while its date is open: they are null before it closes."""


def profile_lists(
    listings: pl.DataFrame, signals: pl.DataFrame, captures: pl.DataFrame, rejects: pl.DataFrame, days: pl.DataFrame
) -> pl.DataFrame:
    """One row for each date with a list, from rows of the tables of those names (`days` are of `source_days`)."""
    listed = listings.filter("is_listed")
    figures = (
        listings.select(_DAY)
        .unique()
        .join(_list_figures(listed), on=_DAY, how="left")
        .join(_capture_figures(captures, signals, rejects), on=_DAY, how="left")
        .join(_elsewhere_share(listed), on=_DAY, how="left")
        .join(_fallen_share(signals), on=_DAY, how="left")
        .join(_gone_share(listings), on=_DAY, how="left")
        .join(days.select(_DAY, is_final=pl.col("verdict").is_in(list(FINAL))), on=_DAY, how="left")
        .with_columns(pl.col("paper_count").fill_null(0), weekday=pl.col(_DAY).dt.weekday())
        .sort(_DAY)
    )
    compared = _compare(figures)
    is_long = pl.col("paper_count") >= _MIN_PAPERS
    for_any_length = (_DAY, "paper_count", "shortfall", "gone_share")
    long_list_figures = [name for name in LIST_PROFILE.arrow().names if name not in for_any_length]
    masked = compared.with_columns(pl.when(is_long).then(pl.col(name).cast(pl.Float64)) for name in long_list_figures)
    profile = masked.with_columns(pl.when("is_closed").then(name).alias(name) for name in _ONLY_CLOSED)
    return conform(profile, LIST_PROFILE)


def _list_figures(listed: pl.DataFrame) -> pl.DataFrame:
    """Figures of a list by itself."""
    age = (pl.col(_DAY) - pl.col("published_at").dt.date()).dt.total_days()
    votes = pl.col("upvote_count")
    is_of_one_capture = pl.col("last_seen_at").n_unique() == 1
    rises = (votes.sort_by("position").diff() > 0).sum() / (pl.len() - 1)
    return listed.group_by(_DAY).agg(
        paper_count=pl.len().cast(pl.Int32),
        no_title_share=pl.col("title").is_null().mean(),
        no_abstract_share=pl.col("abstract").is_null().mean(),
        no_date_share=pl.col("published_at").is_null().mean(),
        no_votes_share=votes.is_null().mean(),
        no_authors_share=(pl.col("author_count").fill_null(0) == 0).mean(),
        zero_votes_share=(votes == 0).mean(),
        same_title_share=1 - pl.col("title").n_unique() / pl.len(),
        future_share=(age <= 0).mean(),
        weekend_share=(pl.col(_DAY).first().dt.weekday() >= _SATURDAY).cast(pl.Float64),
        disorder_share=pl.when(is_of_one_capture).then(rises),
        youngest_days=age.min(),
        abstract_length=pl.col("abstract").str.len_chars().median(),
        ai_share=(pl.col("ai_summary").is_not_null() | pl.col("ai_keywords").is_not_null()).mean(),
        median_votes=votes.median(),
    )


def _capture_figures(captures: pl.DataFrame, signals: pl.DataFrame, rejects: pl.DataFrame) -> pl.DataFrame:
    """Figures of the newest valid capture of each date, refused or not."""
    capture = [_DAY, "captured_at"]
    newest = captures.filter(pl.col("entry_count") > 0).sort(capture).unique(_DAY, keep="last")
    papers = signals.group_by(capture).agg(papers=pl.len())
    spoiled = rejects.filter("is_row_kept").group_by(capture).agg(spoiled=pl.col("place").n_unique())
    readable = pl.col("entry_count") - pl.col("refused_count")
    repeated = pl.when(pl.col("papers").is_not_null()).then(1 - pl.col("papers") / readable)
    return (
        newest.join(papers, on=capture, how="left")
        .join(spoiled, on=capture, how="left")
        .select(
            _DAY,
            unreadable_share="refused_share",
            spoiled_share=pl.col("spoiled").fill_null(0) / pl.col("entry_count"),
            repeated_share=repeated,
            is_closed="is_closed",
        )
    )


def _gone_share(listings: pl.DataFrame) -> pl.DataFrame:
    """The share of papers that are no longer on their list; 1 for a list that is empty now."""
    share = pl.when(pl.len() >= _MIN_PAPERS).then(1 - pl.col("is_listed").mean())
    return listings.group_by(_DAY).agg(gone_share=share)


def _elsewhere_share(listed: pl.DataFrame) -> pl.DataFrame:
    papers = listed.select(_DAY, "paper_id")
    others = papers.join(papers.select("paper_id", other=_DAY), on="paper_id")
    distance = (pl.col(_DAY) - pl.col("other")).dt.total_days().abs()
    twice = others.filter(distance.is_between(1, _AROUND_DAYS)).unique([_DAY, "paper_id"]).group_by(_DAY).agg(pl.len())
    return (
        papers.group_by(_DAY)
        .agg(papers=pl.len())
        .join(twice, on=_DAY, how="left")
        .select(_DAY, elsewhere_share=pl.col("len").fill_null(0) / pl.col("papers"))
    )


def _fallen_share(signals: pl.DataFrame) -> pl.DataFrame:
    """The share of papers with fewer votes at the newest capture of a date than at the one before."""
    ordered = signals.sort(_DAY, "paper_id", "captured_at")
    before = pl.col("upvote_count").shift(1).over(_DAY, "paper_id", order_by="captured_at")
    newest = pl.col("captured_at") == pl.col("captured_at").max().over(_DAY)
    captured_before = ordered.with_columns(before=before).filter(newest, pl.col("before").is_not_null())
    return captured_before.group_by(_DAY).agg(fallen_share=(pl.col("upvote_count") < pl.col("before")).mean())


def _compare(figures: pl.DataFrame) -> pl.DataFrame:
    """Add the figures that compare a list with earlier ones; short lists are left out of the comparison."""
    is_long = pl.col("paper_count") >= _MIN_PAPERS

    def usual(name: str) -> pl.Expr:
        values = pl.when(is_long).then(pl.col(name).cast(pl.Float64))
        return values.shift(1).rolling_median(_DATES_BEFORE, min_samples=_MIN_PAPERS)

    def usual_weekday(name: str) -> pl.Expr:
        values = pl.when(is_long).then(pl.col(name).cast(pl.Float64))
        return values.shift(1).rolling_median(_WEEKDAYS_BEFORE, min_samples=3).over("weekday", order_by=_DAY)

    count = pl.col("paper_count")
    factor = (pl.col("median_votes") + 1) / (usual("median_votes") + 1)
    shortfall = pl.min_horizontal(1 - count / usual("paper_count"), 1 - count / usual_weekday("paper_count"))
    return figures.with_columns(
        age_surprise_days=pl.when(count >= _MIN_PAPERS_FOR_AGE).then(
            pl.col("youngest_days") - usual_weekday("youngest_days")
        ),
        abstract_shrinkage=1 - pl.col("abstract_length") / usual("abstract_length"),
        ai_drop=usual("ai_share") - pl.col("ai_share"),
        votes_factor=pl.max_horizontal(factor, 1 / factor),
        shortfall=pl.when("is_final").then(shortfall),
        growth_factor=pl.min_horizontal(count / usual("paper_count"), count / usual_weekday("paper_count")),
    )
