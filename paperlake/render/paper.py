"""One paper as issues and pages show it, with all untrusted text and URLs sanitized."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from paperlake.render import sanitize
from paperlake.render.tex import tex_to_text
from paperlake.text import plural

PAPER_KEY = ["listed_on", "paper_id"]
HUB_URL, ARXIV_URL = "https://huggingface.co/papers/", "https://arxiv.org/"


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper with everything that readers see. Numbers are None if the source did not give them."""

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
        """The URL of its page at Hugging Face, with votes and discussion."""
        return f"{HUB_URL}{self.paper_id}"

    @property
    def arxiv(self) -> str:
        """The URL of its arXiv page."""
        return f"{ARXIV_URL}abs/{self.paper_id}"

    @property
    def pdf(self) -> str:
        """The URL of its PDF."""
        return f"{ARXIV_URL}pdf/{self.paper_id}"

    @property
    def byline(self) -> str:
        """The first and last author, and the number of authors."""
        count = max(self.author_count or 0, len(self.authors))
        if not self.authors:
            return plural(count, "author") if count else ""
        if count <= 1:
            return self.authors[0]
        last = self.authors[-1]
        return f"{self.authors[0]} and {last}" if count == 2 else f"{self.authors[0]}, …, {last} ({count:,} authors)"  # noqa: PLR2004

    @property
    def short(self) -> str:
        """The shortened abstract, for letters."""
        return sanitize.shorten(self.abstract, 420)


def papers(listings: pl.DataFrame, authors: pl.DataFrame) -> Iterator[Paper]:
    """The papers of the rows of `listings`, in their order, with the visible authors from `authors`.

    `listings` may have an additional column `score`. Rows with an invalid paper id are skipped.
    """
    names = (
        authors.filter(~pl.col("is_hidden").fill_null(value=False))
        .join(listings.select(PAPER_KEY), on=PAPER_KEY, how="semi")
        .sort(*PAPER_KEY, "position")
        .group_by(PAPER_KEY, maintain_order=True)
        .agg(author_names="name")
    )
    rows = listings.join(names, on=PAPER_KEY, how="left", maintain_order="left")
    for row in rows.iter_rows(named=True):
        if sanitize.is_paper_id(row["paper_id"]):
            yield _paper(row)


def _paper(row: Mapping[str, Any]) -> Paper:
    return Paper(
        paper_id=row["paper_id"],
        listed_on=row["listed_on"],
        title=plain_line(row["title"]) or f"arXiv:{row['paper_id']}",
        abstract=plain_line(row["abstract"]),
        summary=plain_line(row["ai_summary"]),
        organization=sanitize.clean_line(row["organization_name"] or row["organization"]),
        organization_slug=sanitize.clean_line(row["organization"]),
        authors=tuple(filter(None, map(sanitize.clean_line, row["author_names"] or ()))),
        author_count=row["author_count"],
        keywords=tuple(filter(None, map(plain_line, row["ai_keywords"] or ()))),
        published_at=row["published_at"],
        votes=row["upvote_count"],
        comments=row["comment_count"],
        stars=row["github_star_count"],
        code=sanitize.safe_url(row["github_repo_url"]),
        project=sanitize.safe_url(row["project_page_url"]),
        score=row.get("score"),
    )


def plain_line(text: str | None) -> str:
    """A sanitized line, with plain text in place of TeX."""
    line = sanitize.clean_line(text)
    rendered = tex_to_text(line)
    return line if rendered == line else sanitize.clean_line(rendered)


def metric_labels(paper: Paper) -> Iterator[str]:
    """Votes, comments and stars as text: votes if known, comments and stars if there are any."""
    if paper.votes is not None:
        yield plural(paper.votes, "vote")
    if paper.comments:
        yield plural(paper.comments, "comment")
    if paper.stars and paper.code:
        yield plural(paper.stars, "star")
