"""One paper as digests show it: everything that came from the internet has been made harmless."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from paperlake.render import sanitize as harmless
from paperlake.text import many

PAPER = ["listed_on", "paper_id"]
HUB, ARXIV = "https://huggingface.co/papers/", "https://arxiv.org/"


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper with what a reader wants to know of it. Numbers are None where they are not told."""

    paper_id: str
    listed_on: date
    title: str
    abstract: str
    summary: str
    organization: str
    organization_slug: str
    authors: tuple[str, ...]
    author_count: int | None
    keywords: tuple[str, ...]
    published_at: datetime | None
    votes: int | None
    comments: int | None
    stars: int | None
    code: str | None
    project: str | None
    score: float | None = None

    @property
    def page(self) -> str:
        """Where people vote on it and discuss it."""
        return f"{HUB}{self.paper_id}"

    @property
    def arxiv(self) -> str:
        """Its page at the arXiv."""
        return f"{ARXIV}abs/{self.paper_id}"

    @property
    def pdf(self) -> str:
        """The paper itself."""
        return f"{ARXIV}pdf/{self.paper_id}"

    @property
    def byline(self) -> str:
        """First and last author, and how many there are."""
        count = max(self.author_count or 0, len(self.authors))
        if not self.authors:
            return f"{count} authors" if count else ""
        if count <= 1:
            return self.authors[0]
        last = self.authors[-1]
        return f"{self.authors[0]} and {last}" if count == 2 else f"{self.authors[0]}, …, {last} ({count} authors)"  # noqa: PLR2004

    @property
    def short(self) -> str:
        """What a mail says of it: its abstract, shortened."""
        return harmless.shortened(self.abstract, 420)


def papers(listings: pl.DataFrame, authors: pl.DataFrame) -> Iterator[Paper]:
    """The papers of rows of `listings`, in their order, with their authors of `authors` who are not hidden.

    `score` may stand beside the columns of `listings`. A row whose id is no identifier is left out.
    """
    names = (
        authors.filter(~pl.col("is_hidden").fill_null(value=False))
        .join(listings.select(PAPER), on=PAPER, how="semi")
        .sort(*PAPER, "position")
        .group_by(PAPER, maintain_order=True)
        .agg(author_names="name")
    )
    rows = listings.join(names, on=PAPER, how="left", maintain_order="left")
    for row in rows.iter_rows(named=True):
        if harmless.is_paper_id(row["paper_id"]):
            yield _paper(row)


def _paper(row: Mapping[str, Any]) -> Paper:
    return Paper(
        paper_id=row["paper_id"],
        listed_on=row["listed_on"],
        title=harmless.line(row["title"]) or f"arXiv:{row['paper_id']}",
        abstract=harmless.line(row["abstract"]),
        summary=harmless.line(row["ai_summary"]),
        organization=harmless.line(row["organization_name"] or row["organization"]),
        organization_slug=harmless.line(row["organization"]),
        authors=tuple(filter(None, map(harmless.line, row["author_names"] or ()))),
        author_count=row["author_count"],
        keywords=tuple(filter(None, map(harmless.line, row["ai_keywords"] or ()))),
        published_at=row["published_at"],
        votes=row["upvote_count"],
        comments=row["comment_count"],
        stars=row["github_star_count"],
        code=harmless.link(row["github_repo_url"]),
        project=harmless.link(row["project_page_url"]),
        score=row.get("score"),
    )


def counted(one: Paper) -> Iterator[str]:
    """Votes, comments and stars of a paper, where they are told; comments and stars where there are any."""
    if one.votes is not None:
        yield many(one.votes, "vote")
    if one.comments:
        yield many(one.comments, "comment")
    if one.stars and one.code:
        yield many(one.stars, "star")
