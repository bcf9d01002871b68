"""Pages about the whole archive: organisations, topics, trends over time, and the calendar of complete dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import polars as pl

from paperlake.render import sanitize
from paperlake.render.charts import plot_series, sparkline
from paperlake.render.paper import Paper, plain_line
from paperlake.render.period import Span, period_of
from paperlake.render.web.lists import VERDICT_LABELS, ListStatus
from paperlake.render.web.page import FeedLink, Page, period_path, render_page
from paperlake.text import plural

_WORKDAYS = 5
_MAX_GROUPS, _BEST_PAPERS, _PLOTTED_MONTHS, _PLOTTED_TOPICS = 100, 5, 24, 5
_MARKS = {"complete": "●", "settled": "●", "confirmed_empty": "·", "in_doubt": "?", "partial": "◐", "failed": "✕"}


@dataclass(frozen=True, slots=True)
class Group:
    """An organisation or a topic: its counts, a sparkline of papers per month, and its papers with the most votes."""

    name: str
    papers: int
    votes: int
    bars: str
    best: Sequence[tuple[str, str, int]]


def organizations_page(listed: pl.DataFrame, feeds: Sequence[FeedLink] = ()) -> Page:
    """The organisations of the listed papers. `listed` are the listed rows of `listings`."""
    display_name = pl.coalesce("organization_name", "organization")
    rows = listed.filter(pl.col("organization").is_not_null()).with_columns(group="organization", name=display_name)
    return _groups_page("organizations.html", "Organisations", "Organisations that papers are filed under", rows, feeds)


def topics_page(topics: pl.DataFrame, feeds: Sequence[FeedLink] = ()) -> Page:
    """The topics of the listed papers: keywords chosen by the Hub's model. `topics` is the result of `paper_topics`."""
    return _groups_page("topics.html", "Topics", "Keywords, chosen by a Hugging Face model", topics, feeds)


def paper_topics(listed: pl.DataFrame) -> pl.DataFrame:
    """One row for each paper and keyword; `group` is the keyword in lower case."""
    rows = listed.explode("ai_keywords", empty_as_null=True).rename({"ai_keywords": "name"})
    return rows.filter(pl.col("name").is_not_null()).with_columns(group=pl.col("name").str.to_lowercase())


def _groups_page(path: str, title: str, what: str, rows: pl.DataFrame, feeds: Sequence[FeedLink]) -> Page:
    latest = rows.sort("listed_on").unique(["group", "paper_id"], keep="last", maintain_order=True)
    months = sorted(latest["listed_on"].dt.truncate("1mo").unique().to_list())[-_PLOTTED_MONTHS:]
    return render_page(
        path,
        "groups.html.j2",
        feeds,
        title=title,
        what=what,
        groups=list(_top_groups(latest, months)),
        group_count=latest["group"].n_unique(),
        span=f"{months[0]:%Y-%m} to {months[-1]:%Y-%m}" if months else "",
    )


def _top_groups(latest: pl.DataFrame, months: Sequence[date]) -> Iterator[Group]:
    counts = latest.group_by("group").agg(
        pl.len().alias("papers"), pl.col("upvote_count").cast(pl.Int64).sum().alias("votes"), pl.col("name").last()
    )
    top = counts.sort("papers", "votes", "group", descending=[True, True, False]).head(_MAX_GROUPS)
    rows = latest.join(top.select("group"), on="group", how="semi")
    monthly = rows.group_by("group", month=pl.col("listed_on").dt.truncate("1mo")).len()
    by_month = {(row["group"], row["month"]): row["len"] for row in monthly.iter_rows(named=True)}
    best = (
        rows.sort("upvote_count", "paper_id", descending=[True, False], nulls_last=True)
        .group_by("group", maintain_order=True)
        .head(_BEST_PAPERS)
    )
    best_by_group: dict[str, list[tuple[str, str, int]]] = {}
    for row in best.iter_rows(named=True):
        if sanitize.is_paper_id(row["paper_id"]):
            paper = (row["paper_id"], plain_line(row["title"]) or row["paper_id"], row["upvote_count"] or 0)
            best_by_group.setdefault(row["group"], []).append(paper)
    for row in top.iter_rows(named=True):
        counts_by_month = [by_month.get((row["group"], month), 0) for month in months]
        label = f"papers per month, newest {counts_by_month[-1]}" if counts_by_month else ""
        name = plain_line(row["name"]) or "unnamed"
        yield Group(
            name,
            row["papers"],
            row["votes"] or 0,
            sparkline(counts_by_month, label),
            best_by_group.get(row["group"], []),
        )


def trends_page(
    listed: pl.DataFrame,
    topics: pl.DataFrame,
    trending: Mapping[Span, Sequence[Paper]],
    newest: date | None,
    feeds: Sequence[FeedLink] = (),
) -> Page:
    """The ranking of the `newest` complete date, and the history of lists, votes and topics up to it.

    The week of that date is included from Friday on, because nothing is listed on weekends.
    """
    is_over = pl.col("week") + pl.duration(days=_WORKDAYS - 1) <= pl.lit(newest, pl.Date)
    weekly = (
        listed.group_by(week=pl.col("listed_on").dt.truncate("1w"))
        .agg(papers=pl.len(), votes=pl.col("upvote_count").median())
        .filter(is_over)
        .sort("week")
    )
    all_weeks = weekly.upsample("week", every="1w") if weekly.height else weekly
    names = [period_of("week", week).name for week in all_weeks["week"]]
    papers, votes = all_weeks["papers"].to_list(), all_weeks["votes"].to_list()
    return render_page(
        "trends.html",
        "trends.html.j2",
        feeds,
        title="Trends",
        trending=trending,
        ranked_on=newest if any(trending.values()) else None,
        papers_plot=plot_series({"papers": papers}, names, "Papers listed per week", "papers per week"),
        votes_plot=plot_series({"votes": votes}, names, "Median votes of a paper, by week", "votes (median)"),
        weekly=list(zip(names, papers, votes, strict=True))[::-1],
        topics_plot=_topics_plot(listed, topics) if listed.height else None,
    )


def _topics_plot(listed: pl.DataFrame, topics: pl.DataFrame) -> dict[str, Any]:
    """The most frequent topics of the newest months, as a percentage of each month's papers."""
    month = pl.col("listed_on").dt.truncate("1mo")
    dated = topics.with_columns(month=month)
    recent = dated.filter(pl.col("month") >= pl.col("month").max().dt.offset_by(f"-{_PLOTTED_MONTHS}mo")).unique(
        ["group", "paper_id", "month"]
    )
    top = recent.group_by("group").len().sort("len", "group", descending=[True, False]).head(_PLOTTED_TOPICS)
    months = recent["month"].unique().sort().to_list()
    paper_counts = dict(
        listed.with_columns(month=month).group_by("month").agg(pl.col("paper_id").n_unique()).iter_rows()
    )
    counts = {(row[0], row[1]): row[2] for row in recent.group_by("group", "month").len().iter_rows()}
    series = {
        plain_line(group): [
            100 * counts.get((group, month_start), 0) / paper_counts[month_start] for month_start in months
        ]
        for group in top["group"].to_list()
    }
    names = [f"{month_start:%Y-%m}" for month_start in months]
    label = "Share of a month's papers by topic: " + "; ".join(
        f"{name}, {v[-1]:.0f} % last" for name, v in series.items()
    )
    return {"names": list(series), "plot": plot_series(series, names, label, "% of papers")}


def calendar_page(statuses: Sequence[ListStatus], feeds: Sequence[FeedLink] = ()) -> Page:
    """The verdict on every date since the first captured one: a table for each year, a row for each month."""
    years: dict[int, list[dict[str, Any]]] = {}
    for month, days in groupby(statuses, lambda status: status.listed_on.replace(day=1)):
        years.setdefault(month.year, []).append(_month_row(month, list(days)))
    counts = {verdict: sum(status.verdict == verdict for status in statuses) for verdict in VERDICT_LABELS}
    return render_page(
        "calendar.html",
        "calendar.html.j2",
        feeds,
        title="Calendar",
        years=list(years.items())[::-1],
        legend=[
            (verdict, _MARKS[verdict], VERDICT_LABELS[verdict], counts[verdict])
            for verdict in VERDICT_LABELS
            if counts[verdict]
        ],
    )


def _month_row(month: date, statuses: Sequence[ListStatus]) -> dict[str, Any]:
    by_day = {status.listed_on.day: status for status in statuses}
    cells = [
        {
            "day": day,
            "verdict": status.verdict if status else "never",
            "mark": _MARKS.get(status.verdict, "") if status else "",
            "words": f"{month.replace(day=day)}: {VERDICT_LABELS[status.verdict]}, {plural(status.papers, 'paper')}"
            if status
            else "",
            "path": period_path(period_of("day", status.listed_on)) if status and status.papers else None,
        }
        for day in range(1, period_of("month", month).last.day + 1)
        for status in [by_day.get(day)]
    ]
    period = period_of("month", month)
    has_papers = any(status.papers for status in statuses)
    return {"period": period, "path": period_path(period), "has_papers": has_papers, "cells": cells}
