"""How each list looks beside those before it: the rows of `list_profile`, which the judge warns by."""

from __future__ import annotations

import polars as pl

from schemas.list_profile import LIST_PROFILE
from transforms.conform import conform
from transforms.hub.verdicts import FINAL

_FEWEST = 5
_FEWEST_FOR_AGE = 8
_DATES_BEFORE, _WEEKDAYS_BEFORE = 20, 8
_AROUND_DAYS = 30
_SATURDAY = 6
_DAY = "listed_on"
_GROWING = ("zero_votes_share", "ai_drop", "votes_factor")
"""What every list begins without, and gets while its date is open."""


def profile(
    listings: pl.DataFrame, signals: pl.DataFrame, captures: pl.DataFrame, rejects: pl.DataFrame, days: pl.DataFrame
) -> pl.DataFrame:
    """A row for each date that has a list, from rows of the tables of those names (`days` of `source_days`)."""
    listed = listings.filter("is_listed")
    told = (
        listings.select(_DAY)
        .unique()
        .join(_own(listed), on=_DAY, how="left")
        .join(_of_captures(captures, signals, rejects), on=_DAY, how="left")
        .join(_elsewhere(listed), on=_DAY, how="left")
        .join(_fallen(signals), on=_DAY, how="left")
        .join(_gone(listings), on=_DAY, how="left")
        .join(days.select(_DAY, is_final=pl.col("verdict").is_in(list(FINAL))), on=_DAY, how="left")
        .with_columns(pl.col("paper_count").fill_null(0), weekday=pl.col(_DAY).dt.weekday())
        .sort(_DAY)
    )
    compared = _compared(told)
    is_long = pl.col("paper_count") >= _FEWEST
    told_of_any = (_DAY, "paper_count", "shortfall", "gone_share")
    shares = [name for name in LIST_PROFILE.arrow().names if name not in told_of_any]
    masked = compared.with_columns(pl.when(is_long).then(pl.col(name).cast(pl.Float64)) for name in shares)
    grown = masked.with_columns(pl.when("is_closed").then(name).alias(name) for name in _GROWING)
    return conform(grown, LIST_PROFILE)


def _own(listed: pl.DataFrame) -> pl.DataFrame:
    """What a list tells by itself."""
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


def _of_captures(captures: pl.DataFrame, signals: pl.DataFrame, rejects: pl.DataFrame) -> pl.DataFrame:
    """What the newest valid capture of each date tells, refused or not."""
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


def _gone(listings: pl.DataFrame) -> pl.DataFrame:
    """Papers that stood on a list and do not any more; a list that is empty now has lost them all."""
    gone = pl.when(pl.len() >= _FEWEST).then(1 - pl.col("is_listed").mean())
    return listings.group_by(_DAY).agg(gone_share=gone)


def _elsewhere(listed: pl.DataFrame) -> pl.DataFrame:
    stands = listed.select(_DAY, "paper_id")
    others = stands.join(stands.select("paper_id", other=_DAY), on="paper_id")
    apart = (pl.col(_DAY) - pl.col("other")).dt.total_days().abs()
    twice = others.filter(apart.is_between(1, _AROUND_DAYS)).unique([_DAY, "paper_id"]).group_by(_DAY).agg(pl.len())
    return (
        stands.group_by(_DAY)
        .agg(papers=pl.len())
        .join(twice, on=_DAY, how="left")
        .select(_DAY, elsewhere_share=pl.col("len").fill_null(0) / pl.col("papers"))
    )


def _fallen(signals: pl.DataFrame) -> pl.DataFrame:
    """Papers with fewer votes at the newest capture of a date than at the one before."""
    ordered = signals.sort(_DAY, "paper_id", "captured_at")
    before = pl.col("upvote_count").shift(1).over(_DAY, "paper_id", order_by="captured_at")
    newest = pl.col("captured_at") == pl.col("captured_at").max().over(_DAY)
    again = ordered.with_columns(before=before).filter(newest, pl.col("before").is_not_null())
    return again.group_by(_DAY).agg(fallen_share=(pl.col("upvote_count") < pl.col("before")).mean())


def _compared(told: pl.DataFrame) -> pl.DataFrame:
    """The figures that compare with lists before; short ones do not count among those."""
    is_long = pl.col("paper_count") >= _FEWEST

    def usual(name: str) -> pl.Expr:
        held = pl.when(is_long).then(pl.col(name).cast(pl.Float64))
        return held.shift(1).rolling_median(_DATES_BEFORE, min_samples=_FEWEST)

    def usual_weekday(name: str) -> pl.Expr:
        held = pl.when(is_long).then(pl.col(name).cast(pl.Float64))
        return held.shift(1).rolling_median(_WEEKDAYS_BEFORE, min_samples=3).over("weekday", order_by=_DAY)

    count = pl.col("paper_count")
    factor = (pl.col("median_votes") + 1) / (usual("median_votes") + 1)
    wanting = pl.min_horizontal(1 - count / usual("paper_count"), 1 - count / usual_weekday("paper_count"))
    return told.with_columns(
        age_surprise_days=pl.when(count >= _FEWEST_FOR_AGE).then(
            pl.col("youngest_days") - usual_weekday("youngest_days")
        ),
        abstract_shrinkage=1 - pl.col("abstract_length") / usual("abstract_length"),
        ai_drop=usual("ai_share") - pl.col("ai_share"),
        votes_factor=pl.max_horizontal(factor, 1 / factor),
        shortfall=pl.when("is_final").then(wanting),
        growth_factor=pl.min_horizontal(count / usual("paper_count"), count / usual_weekday("paper_count")),
    )
