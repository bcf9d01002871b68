"""The quality of each capture, and the verdict on each date."""

from __future__ import annotations

from http import HTTPStatus

import polars as pl

from schemas.calendar import CLOSING_TIME, NEW_YORK, SETTLED_AFTER, first_day
from transforms.hub.doubts import doubts

CAPTURE = ["listed_on", "captured_at"]
FULL_PAGE_SIZES = (50, 100)
"""The Hub's default and largest page sizes: a list of exactly this length may be truncated."""
FINAL = ("settled", "complete", "confirmed_empty")
"""Verdicts of complete dates: those that are not gaps."""
_DEFAULT_LIMIT = 50


def closes_at(day: pl.Expr) -> pl.Expr:
    """The UTC time at which a date closes: 21:30 in New York, which is 01:30 or 02:30 of the next day."""
    evening = day.cast(pl.Datetime("us")) + pl.duration(hours=CLOSING_TIME.hour, minutes=CLOSING_TIME.minute)
    return evening.dt.replace_time_zone(NEW_YORK.key).dt.convert_time_zone("UTC")


def count_entries(pages: pl.DataFrame, entry_counts: pl.DataFrame) -> pl.DataFrame:
    """`pages` with `entry_count` (null for an invalid page) and `before`, the number of entries on earlier pages."""
    return (
        pages.drop("text")
        .join(entry_counts, on="page_no", how="left")
        .sort(*CAPTURE, "page")
        .with_columns(
            before=pl.col("entry_count").fill_null(0).cum_sum().over(CAPTURE) - pl.col("entry_count").fill_null(0)
        )
    )


def captures(tally: pl.DataFrame, entries: pl.DataFrame, changes: pl.DataFrame, source: str) -> pl.DataFrame:
    """The columns of each capture, before validation: none is refused, accepted or in doubt yet.

    `changes` (listed_on, captured_at, change) are the captures whose list changed between their pages.
    """
    dated = entries.filter(pl.col("put_on").is_not_null())
    other_dates = dated.group_by(CAPTURE).agg(
        dated_count=pl.len(), other_date_count=(pl.col("put_on") != pl.col("listed_on")).sum().cast(pl.Int32)
    )
    refused = entries.group_by(CAPTURE).agg(refused_count=pl.col("refusal").is_not_null().sum().cast(pl.Int32))
    valid = pl.col("entry_count").is_not_null()
    return (
        tally.with_columns(fault=_page_fault())
        .sort(*CAPTURE, "page")
        .group_by(CAPTURE, maintain_order=True)
        .agg(
            page_count=pl.len().cast(pl.Int32),
            entry_count=pl.col("entry_count").fill_null(0).sum().cast(pl.Int32),
            is_valid=valid.any(),
            fault=pl.col("fault").drop_nulls().first(),
        )
        .join(changes, on=CAPTURE, how="left")
        .join(refused, on=CAPTURE, how="left")
        .join(other_dates, on=CAPTURE, how="left")
        .with_columns(fault=pl.coalesce("fault", "change"))
        .with_columns(pl.col("refused_count", "dated_count", "other_date_count").fill_null(0))
        .with_columns(
            source=pl.lit(source),
            refused_share=_share("refused_count", "entry_count"),
            other_date_share=_share("other_date_count", "dated_count"),
            is_whole=pl.col("fault").is_null(),
            is_closed=pl.col("captured_at") >= closes_at(pl.col("listed_on")),
            is_refused=pl.lit(value=False),
            is_accepted=pl.lit(value=False),
            is_in_doubt=pl.lit(value=False),
        )
    )


def apply_decisions(
    captures: pl.DataFrame, papers: pl.DataFrame, refused: pl.DataFrame, accepted: pl.DataFrame
) -> pl.DataFrame:
    """`captures` with the refusals of the validator, the doubts that follow from `papers`, and manual decisions."""
    refusals = refused.select(*CAPTURE, refusal="message", fails_validation=pl.lit(value=True))
    acceptances = accepted.select(*CAPTURE, has_acceptance=pl.lit(value=True)).unique()
    decided = (
        captures.join(refusals, on=CAPTURE, how="left")
        .join(acceptances, on=CAPTURE, how="left")
        .with_columns(pl.col("fails_validation", "has_acceptance").fill_null(value=False))
        .with_columns(is_refused=pl.col("fails_validation") & ~pl.col("has_acceptance"))
    )
    is_doubtful = pl.col("doubt").is_not_null()
    return decided.join(doubts(decided, papers), on=CAPTURE, how="left").with_columns(
        is_accepted=pl.col("has_acceptance") & (pl.col("fails_validation") | is_doubtful),
        is_in_doubt=is_doubtful & ~pl.col("has_acceptance"),
        fault=pl.coalesce("refusal", "doubt", "fault"),
    )


def reference_captures(captures: pl.DataFrame) -> pl.DataFrame:
    """The capture that defines each date's list: the newest whole one; if none is whole, the newest valid one.

    A capture that is refused or in doubt defines no list.
    """
    usable = captures.filter(pl.col("is_valid") & ~pl.col("is_refused") & ~pl.col("is_in_doubt"))
    return usable.sort("listed_on", "is_whole", "captured_at").unique(
        subset=["listed_on"], keep="last", maintain_order=True
    )


def source_days(captures: pl.DataFrame, listings: pl.DataFrame) -> pl.DataFrame:
    """The verdict on each captured date. Captures after closing are the newest, so the newest whole one decides."""
    is_usable = pl.col("is_whole") & ~pl.col("is_refused")
    dates = (
        captures.sort(CAPTURE)
        .group_by("listed_on", maintain_order=True)
        .agg(
            capture_count=pl.len().cast(pl.Int32),
            first_captured_at=pl.col("captured_at").min(),
            last_captured_at=pl.col("captured_at").max(),
            source=pl.col("source").first(),
            last_fault=pl.col("fault").last(),
            last_page_count=pl.col("page_count").last(),
            is_in_doubt=pl.col("is_in_doubt").filter(is_usable).last().fill_null(value=False),
            doubt=pl.col("fault").filter(is_usable).last(),
        )
    )
    reference = reference_captures(captures).select(
        "listed_on", "is_whole", "is_closed", "entry_count", "page_count", "fault", begun_at="captured_at"
    )
    listed = listings.group_by("listed_on").agg(paper_count=pl.col("is_listed").sum().cast(pl.Int32))
    return (
        dates.join(reference, on="listed_on", how="left")
        .join(listed, on="listed_on", how="left")
        .with_columns(pl.col("paper_count").fill_null(0), verdict=_verdict())
        .with_columns(reason=_reason(), page_count=pl.coalesce("page_count", "last_page_count"))
    )


def missing_dates(source_days: pl.DataFrame, source: str, month: str) -> list[str]:
    """The dates of `month` (`2025-11`) without a final verdict for `source`, including those never captured."""
    first = first_day(month)
    days = pl.date_range(first, pl.lit(first).dt.month_end(), eager=True).alias("listed_on").to_frame()
    final = source_days.filter(pl.col("source") == source, pl.col("verdict").is_in(FINAL))
    return [day.isoformat() for day in days.join(final, on="listed_on", how="anti").sort("listed_on")["listed_on"]]


def _verdict() -> pl.Expr:
    is_complete = pl.col("is_whole") & pl.col("is_closed")
    settled_at = closes_at(pl.col("listed_on")) + pl.lit(SETTLED_AFTER)
    return (
        pl.when("is_in_doubt")
        .then(pl.lit("in_doubt"))
        .when(is_complete & (pl.col("entry_count") == 0))
        .then(pl.lit("confirmed_empty"))
        .when(is_complete & (pl.col("begun_at") >= settled_at))
        .then(pl.lit("settled"))
        .when(is_complete)
        .then(pl.lit("complete"))
        .when(pl.col("begun_at").is_not_null())
        .then(pl.lit("partial"))
        .otherwise(pl.lit("failed"))
    )


def _reason() -> pl.Expr:
    verdict = pl.col("verdict")
    return (
        pl.when(verdict == "in_doubt")
        .then(pl.col("doubt"))
        .when(verdict == "failed")
        .then(pl.col("last_fault").fill_null("no valid answer"))
        .when((verdict == "partial") & pl.col("is_whole"))
        .then(pl.lit("captured before the date had closed"))
        .when(verdict == "partial")
        .then(pl.col("fault"))
    )


def _page_fault() -> pl.Expr:
    """Why this page makes its capture incomplete; null where it does not."""
    page, count, status = pl.col("page"), pl.col("entry_count"), pl.col("status_code")
    is_last = page == page.max().over(CAPTURE)
    announces_next = pl.col("has_next").fill_null(value=False)
    # A full last page may be truncated, even if the server announces no next page. A server may send fewer entries than
    # asked for: then a page of a usual size is full, and one as long as the page before it.
    is_full = (
        count.is_in(FULL_PAGE_SIZES)
        | (count >= pl.col("limit").fill_null(_DEFAULT_LIMIT)) & status.is_not_null()
        | ((count == count.shift().over(CAPTURE)) & (count > 0)).fill_null(value=False)
    )
    return (
        pl.when(page != pl.int_range(pl.len()).over(CAPTURE))
        .then(pl.format("a page before page {} is missing", page))
        .when(count.is_null() & (status != HTTPStatus.OK).fill_null(value=False))
        .then(pl.format("page {} was answered with status {}", page, status))
        .when(count.is_null())
        .then(pl.format("page {} {}", page, "form"))
        .when(is_last & announces_next)
        .then(pl.format("page {} announces a next page that was not captured", page))
        .when(is_last & is_full)
        .then(pl.format("page {} is full with {} entries: the list may be cut there", page, count))
    )


def _share(part: str, whole: str) -> pl.Expr:
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole)).otherwise(0.0)
