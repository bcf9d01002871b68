"""Compose an issue: the papers of a period that an edition's rules select. A recorded issue does not change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from paperlake.render.editions import Edition
from paperlake.render.keywords import has_keyword
from paperlake.render.paper import PAPER_KEY, Paper, papers
from paperlake.render.period import Period, Span
from paperlake.render.sanitize import shorten

_KEYWORD_COLUMNS = ("title", "abstract")
_WINDOW_DAYS: dict[Span, int] = {"day": 1, "week": 7, "month": 30}
"""The same lengths as the spans of the table `trends`."""
NUMBERS = ("upvote_count", "comment_count", "github_star_count")


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an edition, with its papers in order, possibly none."""

    edition: Edition
    period: Period
    papers: tuple[Paper, ...]

    @property
    def name(self) -> str:
        """Its id in the tables: `daily/2025-11-06`."""
        return f"{self.edition.name}/{self.period.name}"

    @property
    def title(self) -> str:
        """The edition's title and the period."""
        return f"{self.edition.title}: {self.period.title}"

    @property
    def subject(self) -> str:
        """The subject of its letter: edition, period and first paper."""
        first = f": {self.papers[0].title}" if self.papers else ""
        return shorten(f"{self.edition.title} {self.period.name}{first}", 150)


@dataclass(frozen=True, slots=True)
class IssueInputs:
    """The rows that issues are composed of, from the tables of these names.

    `issued` are rows of `issues`. `categories` are the columns paper_id and categories of `papers`; they are used only
    if the edition has the rule `categories`.
    """

    listings: pl.DataFrame
    authors: pl.DataFrame
    trends: pl.DataFrame
    issued: pl.DataFrame
    categories: pl.DataFrame


def compose(edition: Edition, period: Period, inputs: IssueInputs) -> Issue:
    """The issue of a period: as recorded, or else the papers that the rules select and no issue of the edition had."""
    recorded = inputs.issued.filter(pl.col("edition") == edition.name)
    this_issue = recorded.filter(pl.col("issue") == period.name)
    rows = (
        _as_issued(inputs.listings, this_issue) if this_issue.height else _selected(edition, period, inputs, recorded)
    )
    return Issue(edition, period, tuple(papers(rows, inputs.authors)))


def window_of(edition: Edition, period: Period) -> Period:
    """The dates whose papers an issue can have: its period, or the edition's longer window up to the period's end."""
    if edition.window == edition.every:
        return period
    first = period.last - timedelta(days=_WINDOW_DAYS[edition.window] - 1)
    return Period(min(period.first, first), period.last, edition.window)


def _as_issued(listings: pl.DataFrame, this_issue: pl.DataFrame) -> pl.DataFrame:
    recorded = this_issue.select(*PAPER_KEY, "position", "score", *NUMBERS)
    return listings.drop("position", *NUMBERS).join(recorded, on=PAPER_KEY).sort("position")


def _selected(edition: Edition, period: Period, inputs: IssueInputs, recorded: pl.DataFrame) -> pl.DataFrame:
    window = window_of(edition, period)
    listed = inputs.listings.filter("is_listed", pl.col("listed_on").is_between(window.first, window.last))
    latest = listed.sort("listed_on").unique("paper_id", keep="last", maintain_order=True)
    unused = latest.join(recorded, on="paper_id", how="anti")
    scores = inputs.trends.filter(
        pl.col("ranked_on").is_between(window.first, period.last), pl.col("span") == window.span
    )
    newest = scores.filter(pl.col("ranked_on") == pl.col("ranked_on").max()).select("paper_id", "score")
    candidates = unused.join(newest, on="paper_id", how="left").filter(*_filters(edition, inputs))
    order = ["score", "upvote_count"] if edition.order == "trend" else ["upvote_count", "score"]
    return candidates.sort(*order, "paper_id", descending=[True, True, False], nulls_last=True).head(edition.papers)


def _filters(edition: Edition, inputs: IssueInputs) -> list[pl.Expr]:
    """The conditions on a paper, one for each rule that is set."""
    conditions = [pl.col("upvote_count").fill_null(0) >= edition.min_votes]
    if edition.keywords:
        conditions.append(has_keyword(_KEYWORD_COLUMNS, edition.keywords))
    if edition.organizations:
        names = [name.lower() for name in edition.organizations]
        conditions.append(
            pl.any_horizontal(
                pl.col(column).str.to_lowercase().is_in(names).fill_null(value=False)
                for column in ("organization", "organization_name")
            )
        )
    if edition.authors:
        names = [name.lower() for name in edition.authors]
        matching = inputs.authors.filter(
            pl.any_horizontal(
                pl.col("name").str.to_lowercase().is_in(names), pl.col("hub_user").str.to_lowercase().is_in(names)
            )
        )
        conditions.append(pl.col("paper_id").is_in(matching["paper_id"].unique().to_list()))
    if edition.categories:
        archive = pl.element().str.split(".").list.first()
        is_match = pl.element().is_in(list(edition.categories)) | archive.is_in(list(edition.categories))
        matching = inputs.categories.filter(pl.col("categories").list.eval(is_match).list.any())
        conditions.append(pl.col("paper_id").is_in(matching["paper_id"].unique().to_list()))
    return conditions
