"""Atom, RSS 2.0 and JSON Feed of an edition. Each paper is an entry; its id comes from the edition and the paper id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Literal

from feedgenerator import Atom1Feed, Rss201rev2Feed, SyndicationFeed

from paperlake.render.editions import Edition, rules_sentence
from paperlake.render.issue import Issue
from paperlake.render.paper import Paper, metric_labels

FeedFormat = Literal["atom", "rss", "json"]
FEED_FILES: dict[FeedFormat, str] = {"atom": "atom.xml", "rss": "rss.xml", "json": "feed.json"}
ID_PREFIX = "tag:paperlake,2023-05-04:"
"""The prefix of every id (RFC 4151). Never change it: feed readers recognize entries by their ids."""
_SOURCE = "https://huggingface.co/papers"


@dataclass(frozen=True, slots=True)
class DatedIssue:
    """An issue, and when it was first released, which is the date of its entries."""

    issue: Issue
    at: datetime


def render_feed(
    edition: Edition, issues: Sequence[DatedIssue], home: str | None, since: datetime, feed_format: FeedFormat
) -> bytes:
    """The feed of `issues`, newest first. `home` is the URL of the feed's folder, with a trailing slash, or None.

    `since` is the date of a feed without entries.
    """
    updated_at = max((dated.at for dated in issues), default=since)
    entries = [(paper, dated) for dated in issues for paper in dated.issue.papers]
    if feed_format == "json":
        return _json(edition, entries, home)
    feed_class = _Atom if feed_format == "atom" else _Rss
    feed = feed_class(
        title=edition.title,
        link=home or _SOURCE,
        description=rules_sentence(edition),
        language="en",
        author_name="Paperlake",
        feed_url=f"{home}{FEED_FILES[feed_format]}" if home else None,
        feed_guid=f"{ID_PREFIX}{edition.name}",
    )
    feed.updated_at = updated_at
    for paper, dated in entries:
        feed.add_item(
            title=paper.title,
            link=paper.page,
            description=_content(paper),
            unique_id=_entry_id(edition, paper),
            unique_id_is_permalink=False,
            pubdate=dated.at,
            updateddate=dated.at,
            author_name=paper.byline or "unknown",
            categories=paper.keywords,
        )
    return str(feed.writeString("utf-8")).encode()


class _DatedFeed(SyndicationFeed):  # type: ignore[misc] # the library has no types
    updated_at: datetime

    def latest_post_date(self) -> datetime:
        """When the newest issue was released. The library would use the clock for a feed without entries."""
        return self.updated_at


class _Atom(_DatedFeed, Atom1Feed):  # type: ignore[misc]
    pass


class _Rss(_DatedFeed, Rss201rev2Feed):  # type: ignore[misc]
    pass


def _entry_id(edition: Edition, paper: Paper) -> str:
    return f"{ID_PREFIX}{edition.name}/{paper.paper_id}"


def _json(edition: Edition, entries: Sequence[tuple[Paper, DatedIssue]], home: str | None) -> bytes:
    document: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": edition.title,
        "description": rules_sentence(edition),
        "home_page_url": home or _SOURCE,
        **({"feed_url": f"{home}{FEED_FILES['json']}"} if home else {}),
        "language": "en",
        "authors": [{"name": "Paperlake"}],
        "items": [
            {
                "id": _entry_id(edition, paper),
                "url": paper.page,
                "title": paper.title,
                "content_html": _content(paper),
                "date_published": dated.at.isoformat(),
                "date_modified": dated.at.isoformat(),
                "authors": [{"name": paper.byline or "unknown"}],
                "tags": list(paper.keywords),
            }
            for paper, dated in entries
        ],
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _content(paper: Paper) -> str:
    """The HTML that a feed reader shows for a paper."""
    details = [paper.organization, paper.byline, *metric_labels(paper)]
    links = {"arXiv": paper.arxiv, "PDF": paper.pdf, "code": paper.code, "project": paper.project}
    parts = [f"<p>{escape(' · '.join(filter(None, details)))}</p>"]
    if paper.summary:
        parts.append(f"<p><em>AI summary:</em> {escape(paper.summary)}</p>")
    if paper.abstract:
        parts.append(f"<p>{escape(paper.abstract)}</p>")
    anchors = (f'<a href="{escape(url)}">{name}</a>' for name, url in links.items() if url)
    return "".join([*parts, f"<p>{' · '.join(anchors)}</p>"])
