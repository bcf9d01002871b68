"""An issue: what an edition's rules pick from a period's lists. What has come out keeps its papers and numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from paperlake.render.editions import Edition
from paperlake.render.paper import PAPER, Paper, papers
from paperlake.render.period import Period, Span
from paperlake.render.sanitize import shortened

_SOUGHT = ("title", "abstract")
_WINDOW_DAYS: dict[Span, int] = {"day": 1, "week": 7, "month": 30}
"""As in the spans of `trends`."""
NUMBERS = ("upvote_count", "comment_count", "github_star_count")


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an edition: its papers in order. There may be none."""

    edition: Edition
    period: Period
    papers: tuple[Paper, ...]

    @property
    def name(self) -> str:
        """How ledgers name it: `daily/2025-11-06`."""
        return f"{self.edition.name}/{self.period.name}"

    @property
    def title(self) -> str:
        """The edition's title, and what the issue is about."""
        return f"{self.edition.title}: {self.period.title}"

    @property
    def subject(self) -> str:
        """What a mail is called: the title, and its first paper."""
        first = f": {self.papers[0].title}" if self.papers else ""
        return shortened(f"{self.edition.title} {self.period.name}{first}", 150)


@dataclass(frozen=True, slots=True)
class Frames:
    """What issues are made of: rows of the tables of these names.

    `issued` are rows of `issues`; `categories` (paper_id, categories) is what is known from the arXiv.
    """

    listings: pl.DataFrame
    authors: pl.DataFrame
    trends: pl.DataFrame
    issued: pl.DataFrame
    categories: pl.DataFrame


def compose(edition: Edition, about: Period, frames: Frames) -> Issue:
    """The issue of `about`: as it was issued, if it was; else what the rules pick of what no other issue had."""
    mine = frames.issued.filter(pl.col("edition") == edition.name)
    this = mine.filter(pl.col("issue") == about.name)
    rows = _as_issued(frames.listings, this) if this.height else _picked(edition, about, frames, mine)
    return Issue(edition, about, tuple(papers(rows, frames.authors)))


def span_of(edition: Edition, about: Period) -> Period:
    """The dates that an issue about a period chooses from: its own, or as many up to its end as the window has."""
    if edition.window == edition.every:
        return about
    first = about.last - timedelta(days=_WINDOW_DAYS[edition.window] - 1)
    return Period(min(about.first, first), about.last, edition.window)


def _as_issued(listings: pl.DataFrame, this: pl.DataFrame) -> pl.DataFrame:
    said = this.select(*PAPER, "position", "score", *NUMBERS)
    return listings.drop("position", *NUMBERS).join(said, on=PAPER).sort("position")


def _picked(edition: Edition, about: Period, frames: Frames, mine: pl.DataFrame) -> pl.DataFrame:
    window = span_of(edition, about)
    listed = frames.listings.filter("is_listed", pl.col("listed_on").is_between(window.first, window.last))
    once = listed.sort("listed_on").unique("paper_id", keep="last", maintain_order=True)
    fresh = once.join(mine, on="paper_id", how="anti")
    scores = frames.trends.filter(
        pl.col("ranked_on").is_between(window.first, about.last), pl.col("span") == window.span
    )
    newest = scores.filter(pl.col("ranked_on") == pl.col("ranked_on").max()).select("paper_id", "score")
    found = fresh.join(newest, on="paper_id", how="left").filter(*_filters(edition, frames))
    by = ["score", "upvote_count"] if edition.order == "trend" else ["upvote_count", "score"]
    return found.sort(*by, "paper_id", descending=[True, True, False], nulls_last=True).head(edition.papers)


def _filters(edition: Edition, frames: Frames) -> list[pl.Expr]:
    """What a paper must meet: of each rule that is given, one entry."""
    met = [pl.col("upvote_count").fill_null(0) >= edition.min_votes]
    if edition.keywords:
        words = "|".join(map(re.escape, edition.keywords))
        pattern = rf"(?i)(^|[^\pL\pN])({words})($|[^\pL\pN])"
        met.append(pl.any_horizontal(pl.col(name).str.contains(pattern).fill_null(value=False) for name in _SOUGHT))
    if edition.organizations:
        wanted = [one.lower() for one in edition.organizations]
        met.append(
            pl.any_horizontal(
                pl.col(name).str.to_lowercase().is_in(wanted).fill_null(value=False)
                for name in ("organization", "organization_name")
            )
        )
    if edition.authors:
        wanted = [one.lower() for one in edition.authors]
        by = frames.authors.filter(
            pl.any_horizontal(
                pl.col("name").str.to_lowercase().is_in(wanted), pl.col("hub_user").str.to_lowercase().is_in(wanted)
            )
        )
        met.append(pl.col("paper_id").is_in(by["paper_id"].unique().to_list()))
    if edition.categories:
        wide = pl.element().str.split(".").list.first()
        held = pl.element().is_in(list(edition.categories)) | wide.is_in(list(edition.categories))
        of = frames.categories.filter(pl.col("categories").list.eval(held).list.any())
        met.append(pl.col("paper_id").is_in(of["paper_id"].unique().to_list()))
    return met
