"""Captures in doubt: whole answers that lost most of the list known before, or that show a weekday without papers.

A source that fails may answer with an empty or a torn list. In 14 recorded recaptures of seven dates no list lost a
single one of its 225 papers, and none of 499 recorded lists of weekdays is empty.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

DATE = ["listed_on"]
CAPTURE = ["listed_on", "captured_at"]
PAPER = ["listed_on", "paper_id"]
RANKED = ["listed_on", "rank"]
AGREES_AFTER = timedelta(hours=1)
"""A second answer confirms the first only after this time: both may come from one outage, or from one cache."""
_SATURDAY = 6


def doubts(captures: pl.DataFrame, papers: pl.DataFrame) -> pl.DataFrame:
    """The captures (listed_on, captured_at) whose list needs a second answer or a person's word, and why (`doubt`).

    `captures` needs is_whole, is_closed, is_refused and has_acceptance; `papers` has a row for each paper of each
    capture. A capture with less than half of the papers known before is in doubt until another one agrees, an hour or
    more later. A closed weekday without papers is in doubt until it was seen empty on two days. An accepted capture
    has a `doubt` too, but its list is the one known from then on.
    """
    whole = captures.filter(pl.col("is_whole") & ~pl.col("is_refused")).sort(CAPTURE)
    whole = whole.select(
        *CAPTURE, "is_closed", "has_acceptance", rank=pl.int_range(pl.len(), dtype=pl.Int32).over(DATE)
    )
    lists = papers.select(*PAPER, "captured_at").join(whole.select(*CAPTURE, "rank"), on=CAPTURE).drop("captured_at")
    whole = whole.join(lists.group_by(RANKED).agg(size=pl.len().cast(pl.Int32)), on=RANKED, how="left")
    whole = whole.with_columns(pl.col("size").fill_null(0))
    suspects = _suspects(whole, lists)
    if suspects.is_empty():
        return whole.select(CAPTURE).clear().with_columns(doubt=pl.lit(None, pl.String))
    return _judge_in_order(whole.join(suspects, on=DATE, how="semi"), lists.join(suspects, on=DATE, how="semi"))


def _suspects(whole: pl.DataFrame, lists: pl.DataFrame) -> pl.DataFrame:
    """The dates with an answer that lost most of the one before it, or with an empty weekday: nearly always none."""
    was_there = pl.col("rank") - pl.col("rank").shift().over(PAPER, order_by="rank") == 1
    kept = lists.filter(was_there).group_by(RANKED).agg(kept=pl.len())
    loses = pl.col("kept").fill_null(0) * 2 < pl.col("size").shift().over(DATE, order_by="rank")
    return whole.join(kept, on=RANKED, how="left").filter(loses | _is_empty_weekday()).select(DATE).unique()


def _is_empty_weekday() -> pl.Expr:
    return pl.col("is_closed") & (pl.col("size") == 0) & (pl.col("listed_on").dt.weekday() < _SATURDAY)


def _judge_in_order(whole: pl.DataFrame, lists: pl.DataFrame) -> pl.DataFrame:
    """`doubts` of a few dates: all their first captures, then all second ones, and so on."""
    known = lists.select(PAPER).clear()
    last = whole.select("listed_on", last_size="size", last_is_closed="is_closed").clear()
    waiting = whole.select(*CAPTURE, "rank", "size").clear()
    doubted, confirmed = [], []
    for rank in whole["rank"].unique().sort():
        current = lists.filter(pl.col("rank") == rank).select(PAPER)
        judged = (
            whole.filter(pl.col("rank") == rank)
            .join(last, on=DATE, how="left")
            .join(_common(current, known, DATE), on=DATE, how="left")
            .with_columns(pl.col("common", "last_size").fill_null(0))
            .with_columns(doubt=_doubt())
        )
        agreeing = _agreeing(judged, waiting, lists, current)
        judged = judged.join(agreeing.select(DATE).unique().with_columns(is_confirmed=True), on=DATE, how="left")
        is_known = pl.col("doubt").is_null() | pl.col("has_acceptance") | pl.col("is_confirmed").fill_null(value=False)
        believed = judged.filter(is_known)
        doubted.append(judged.filter(pl.col("doubt").is_not_null() & pl.col("is_confirmed").is_null()))
        confirmed.append(agreeing)
        known = pl.concat([known.join(believed, on=DATE, how="anti"), current.join(believed, on=DATE, how="semi")])
        last = pl.concat(
            [
                last.join(believed, on=DATE, how="anti"),
                believed.select("listed_on", last_size="size", last_is_closed="is_closed"),
            ]
        )
        waiting = pl.concat(
            [waiting.join(believed, on=DATE, how="anti"), judged.filter(~is_known).select(waiting.columns)]
        )
    return pl.concat(doubted).join(pl.concat(confirmed), on=RANKED, how="anti").select(*CAPTURE, "doubt")


def _doubt() -> pl.Expr:
    """Why a capture is in doubt, given the list known before; null where it is not."""
    lost = pl.col("last_size") - pl.col("common").cast(pl.Int32)
    was_empty = (pl.col("last_size") == 0) & pl.col("last_is_closed").fill_null(value=False)
    return (
        pl.when(pl.col("common") * 2 < pl.col("last_size"))
        .then(pl.format("the list lost {} of the {} papers it had", lost, "last_size"))
        .when(_is_empty_weekday() & ~was_empty)
        .then(pl.lit("the list of a weekday is empty, and was seen so on one day only"))
    )


def _agreeing(judged: pl.DataFrame, waiting: pl.DataFrame, lists: pl.DataFrame, current: pl.DataFrame) -> pl.DataFrame:
    """The captures in `waiting` (listed_on, rank) that show the list of the doubtful one in `judged`."""
    seen = lists.join(waiting, on=RANKED, how="semi")
    pairs = (
        judged.filter(pl.col("doubt").is_not_null())
        .select("listed_on", "last_size", judged_at="captured_at", judged_size="size")
        .join(waiting, on=DATE)
        .join(_common(seen, current, RANKED), on=RANKED, how="left")
    )
    is_later = pl.col("judged_at") - pl.col("captured_at") >= AGREES_AFTER
    is_another_day = (pl.col("last_size") > 0) | (pl.col("judged_at").dt.date() != pl.col("captured_at").dt.date())
    is_same = pl.col("common").fill_null(0) * 2 >= pl.max_horizontal("size", "judged_size")
    return pairs.filter(is_later & is_another_day & is_same).select(RANKED)


def _common(papers: pl.DataFrame, others: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """How many of `papers` are among `others`."""
    return papers.join(others, on=PAPER, how="semi").group_by(by).agg(common=pl.len())
