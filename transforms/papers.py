"""The table `papers`: one row for each paper, merged from arXiv and the Hub."""

from __future__ import annotations

import polars as pl

from schemas.papers import PAPERS
from transforms.conform import conform
from transforms.paper_ids import filed_on

_HUB_COLUMNS = (
    *("title", "abstract", "author_count", "published_at", "upvote_count", "comment_count", "github_star_count"),
    *("organization", "organization_name", "github_repo_url", "project_page_url", "ai_summary", "ai_keywords"),
)
_ARXIV_COLUMNS = (
    *("title", "abstract", "author_count", "updated_on", "primary_category", "categories", "dois", "license_url"),
    *("is_withdrawn", "is_deleted"),
)
LISTED_COLUMNS = ("listed_on", "paper_id", "is_listed", "last_seen_at", *_HUB_COLUMNS)
"""Columns that `papers` reads from `listings`."""
AUTHOR_COLUMNS = ("listed_on", "paper_id", "position", "name")
"""Columns that `papers` reads from `authors`."""


def papers(arxiv: pl.DataFrame, listed: pl.DataFrame, authors: pl.DataFrame) -> pl.DataFrame:
    """One row for each paper of `arxiv` (a month of `arxiv_papers`) or of `listed` with its `authors`.

    `authors` must be in the order of the table `authors`, at least within each list.
    """
    both = _from_arxiv(arxiv).join(_from_hub(listed, authors), on="paper_id", how="full", coalesce=True)
    merged = both.with_columns(
        *(pl.coalesce(f"{name}:arxiv", f"{name}:hub").alias(name) for name in _MERGED),
        *(_origin(name, column) for name, column in _ORIGINS.items()),
        filed_on=filed_on(pl.col("paper_id")),
        listing_count=pl.col("listing_count").fill_null(0),
        is_in_arxiv=pl.col("is_in_arxiv").fill_null(value=False),
    )
    return conform(merged, PAPERS)


_MERGED = ("title", "abstract", "author_names", "author_count", "published_on")
_ORIGINS = {
    "title": "title_from",
    "abstract": "abstract_from",
    "author_names": "author_names_from",
    "published_on": "published_from",
}


def _origin(name: str, column: str) -> pl.Expr:
    arxiv, hub = pl.col(f"{name}:arxiv"), pl.col(f"{name}:hub")
    return (
        pl.when(arxiv.is_not_null() & hub.is_not_null() & (arxiv == hub))
        .then(pl.lit("both"))
        .when(arxiv.is_not_null())
        .then(pl.lit("arxiv"))
        .when(hub.is_not_null())
        .then(pl.lit("hub"))
        .alias(column)
    )


def _from_hub(listed: pl.DataFrame, authors: pl.DataFrame) -> pl.DataFrame:
    """One row for each listed paper: values from its newest capture, and the dates of its lists."""
    newest_last = listed.sort("paper_id", "last_seen_at", "listed_on")
    # Grouping keeps the order of the authors within a list.
    names = authors.group_by("paper_id", "listed_on").agg(author_names="name")
    dates = newest_last.group_by("paper_id").agg(
        first_listed_on=pl.col("listed_on").min(),
        last_listed_on=pl.col("listed_on").max(),
        listing_count=pl.col("is_listed").sum().cast(pl.Int32),
    )
    return (
        newest_last.unique(subset="paper_id", keep="last", maintain_order=True)
        .join(names, on=["paper_id", "listed_on"], how="left")
        .join(dates, on="paper_id")
        .with_columns(published_on=pl.col("published_at").dt.date(), counted_at="last_seen_at")
        .drop("listed_on", "is_listed", "last_seen_at", "published_at")
        .rename({name: f"{name}:hub" for name in _MERGED})
    )


def _from_arxiv(arxiv: pl.DataFrame) -> pl.DataFrame:
    """One row for each arXiv paper, with authors written as forenames, keyname, suffix."""
    parts = [pl.element().struct.field(name) for name in ("forenames", "keyname", "suffix")]
    return arxiv.select(
        "paper_id",
        *_ARXIV_COLUMNS,
        author_names=pl.col("authors").list.eval(pl.concat_str(parts, separator=" ", ignore_nulls=True)),
        # Since March 2025 arXiv's server sends the newest version's date, which may be after the identifier's month.
        published_on=pl.when(pl.col("created_on") <= pl.col("filed_on").dt.month_end()).then("created_on"),
        is_in_arxiv=pl.lit(value=True),
    ).rename({name: f"{name}:arxiv" for name in _MERGED})
