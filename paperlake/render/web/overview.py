"""Pages about all that is listed: organisations, topics, trends over time, the calendar of what is complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import polars as pl

from paperlake.render import sanitize as harmless
from paperlake.render.charts import bars, over_time
from paperlake.render.paper import Paper
from paperlake.render.period import Span, period
from paperlake.render.web.lists import WORDS, Known
from paperlake.render.web.page import Page, page, period_path

_WORKDAYS = 5
_GROUPS, _BEST, _MONTHS_DRAWN, _TOPICS_DRAWN = 100, 5, 24, 5
_MARKS = {"complete": "●", "settled": "●", "confirmed_empty": "·", "partial": "◐", "failed": "✕"}


@dataclass(frozen=True, slots=True)
class Group:
    """An organisation, or a topic: how many papers, how many a month, and those with most votes."""

    name: str
    papers: int
    votes: int
    bars: str
    best: Sequence[tuple[str, str, int]]


def organizations_page(listed: pl.DataFrame) -> Page:
    """Who publishes what is listed. `listed` are rows of `listings` that stand on their list."""
    named = pl.coalesce("organization_name", "organization")
    rows = listed.filter(pl.col("organization").is_not_null()).with_columns(group="organization", name=named)
    return _groups("organizations.html", "Organisations", "organisations that papers are filed under", rows)


def topics_page(by_topic: pl.DataFrame) -> Page:
    """What papers are about, by the keywords that the Hub's model chose. `by_topic` is what `topics` tells."""
    return _groups("topics.html", "Topics", "keywords, chosen by a model of Hugging Face's", by_topic)


def topics(listed: pl.DataFrame) -> pl.DataFrame:
    """A row a paper and keyword; keywords that differ in case only are one."""
    rows = listed.explode("ai_keywords", empty_as_null=True).rename({"ai_keywords": "name"})
    return rows.filter(pl.col("name").is_not_null()).with_columns(group=pl.col("name").str.to_lowercase())


def _groups(path: str, title: str, what: str, rows: pl.DataFrame) -> Page:
    once = rows.sort("listed_on").unique(["group", "paper_id"], keep="last", maintain_order=True)
    months = sorted(once["listed_on"].dt.truncate("1mo").unique().to_list())[-_MONTHS_DRAWN:]
    return page(
        path,
        "groups.html.j2",
        title=title,
        what=what,
        groups=list(_told(once, months)),
        many_groups=once["group"].n_unique(),
        span=f"{months[0]:%Y-%m} to {months[-1]:%Y-%m}" if months else "",
    )


def _told(once: pl.DataFrame, months: Sequence[date]) -> Iterator[Group]:
    counts = once.group_by("group").agg(
        pl.len().alias("papers"), pl.col("upvote_count").cast(pl.Int64).sum().alias("votes"), pl.col("name").last()
    )
    top = counts.sort("papers", "votes", "group", descending=[True, True, False]).head(_GROUPS)
    mine = once.join(top.select("group"), on="group", how="semi")
    drawn = mine.group_by("group", month=pl.col("listed_on").dt.truncate("1mo")).len()
    by_month = {(row["group"], row["month"]): row["len"] for row in drawn.iter_rows(named=True)}
    best = (
        mine.sort("upvote_count", "paper_id", descending=[True, False], nulls_last=True)
        .group_by("group", maintain_order=True)
        .head(_BEST)
    )
    chosen: dict[str, list[tuple[str, str, int]]] = {}
    for row in best.iter_rows(named=True):
        if harmless.is_paper_id(row["paper_id"]):
            one = (row["paper_id"], harmless.line(row["title"]) or row["paper_id"], row["upvote_count"] or 0)
            chosen.setdefault(row["group"], []).append(one)
    for row in top.iter_rows(named=True):
        monthly = [by_month.get((row["group"], month), 0) for month in months]
        label = f"papers a month, newest {monthly[-1]}" if monthly else ""
        name = harmless.line(row["name"]) or "unnamed"
        yield Group(name, row["papers"], row["votes"] or 0, bars(monthly, label), chosen.get(row["group"], []))


def trends_page(
    listed: pl.DataFrame, by_topic: pl.DataFrame, trending: Mapping[Span, Sequence[Paper]], newest: date | None
) -> Page:
    """What gains attention on the `newest` complete date, and how lists, votes and topics changed by then.

    The week of that date counts if it is over: nothing is listed on weekends.
    """
    is_over = pl.col("week") + pl.duration(days=_WORKDAYS - 1) <= pl.lit(newest, pl.Date)
    weekly = (
        listed.group_by(week=pl.col("listed_on").dt.truncate("1w"))
        .agg(papers=pl.len(), votes=pl.col("upvote_count").median())
        .filter(is_over)
        .sort("week")
    )
    filled = weekly.upsample("week", every="1w") if weekly.height else weekly
    names = [period("week", week).name for week in filled["week"]]
    papers, votes = filled["papers"].to_list(), filled["votes"].to_list()
    return page(
        "trends.html",
        "trends.html.j2",
        title="Trends",
        trending=trending,
        ranked_on=newest if any(trending.values()) else None,
        papers_plot=over_time({"papers": papers}, names, "Papers listed a week", "papers a week"),
        votes_plot=over_time({"votes": votes}, names, "Median votes of a paper, by week", "votes (median)"),
        weekly=list(zip(names, papers, votes, strict=True))[::-1],
        topics_plot=_topics_plot(listed, by_topic) if listed.height else None,
    )


def _topics_plot(listed: pl.DataFrame, by_topic: pl.DataFrame) -> dict[str, Any]:
    """The commonest topics of the newest months, as the share of each month's papers."""
    month = pl.col("listed_on").dt.truncate("1mo")
    dated = by_topic.with_columns(month=month)
    recent = dated.filter(pl.col("month") >= pl.col("month").max().dt.offset_by(f"-{_MONTHS_DRAWN}mo")).unique(
        ["group", "paper_id", "month"]
    )
    # What only names the field says nothing of it.
    top = recent.group_by("group").len().sort("len", "group", descending=[True, False]).head(_TOPICS_DRAWN)
    months = recent["month"].unique().sort().to_list()
    every = dict(listed.with_columns(month=month).group_by("month").agg(pl.col("paper_id").n_unique()).iter_rows())
    counts = {(row[0], row[1]): row[2] for row in recent.group_by("group", "month").len().iter_rows()}
    series = {
        harmless.line(group): [100 * counts.get((group, one), 0) / every[one] for one in months]
        for group in top["group"].to_list()
    }
    names = [f"{one:%Y-%m}" for one in months]
    label = "Share of a month's papers by topic: " + "; ".join(
        f"{name}, {v[-1]:.0f} % last" for name, v in series.items()
    )
    return {"names": list(series), "plot": over_time(series, names, label, "% of papers")}


def calendar_page(known: Sequence[Known]) -> Page:
    """Every date since the first that was asked for, with its verdict: a year a table, a month a row."""
    years = [
        (year, [_row(month, list(days)) for month, days in groupby(held, lambda one: one.listed_on.replace(day=1))])
        for year, held in ((y, list(h)) for y, h in groupby(known, lambda one: one.listed_on.year))
    ]
    counts = {verdict: sum(one.verdict == verdict for one in known) for verdict in WORDS}
    return page(
        "calendar.html",
        "calendar.html.j2",
        title="Calendar",
        years=years[::-1],
        legend=[(verdict, _MARKS[verdict], WORDS[verdict], counts[verdict]) for verdict in WORDS if counts[verdict]],
    )


def _row(month: date, days: Sequence[Known]) -> dict[str, Any]:
    told = {one.listed_on.day: one for one in days}
    cells = [
        {
            "day": day,
            "verdict": one.verdict if one else "never",
            "mark": _MARKS.get(one.verdict, "") if one else "",
            "words": f"{month.replace(day=day)}: {WORDS[one.verdict]}, {one.papers} papers" if one else "",
            "path": period_path(period("day", one.listed_on)) if one and one.papers else None,
        }
        for day in range(1, period("month", month).last.day + 1)
        for one in [told.get(day)]
    ]
    about = period("month", month)
    return {"month": about, "path": period_path(about), "has_papers": any(one.papers for one in days), "cells": cells}
