"""Atom, RSS 2.0 and JSON Feed of an edition. Each paper is an entry; its id contains the edition and the paper id."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Literal
from uuid import UUID, uuid5

from feedgenerator import Atom1Feed, Rss201rev2Feed, SyndicationFeed

from paperlake.render.issue import Issue
from paperlake.render.paper import Paper, metric_labels

FeedFormat = Literal["atom", "rss", "json"]
FEED_FILES: dict[FeedFormat, str] = {"atom": "atom.xml", "rss": "rss.xml", "json": "feed.json"}
MEDIA_TYPES: dict[FeedFormat, str] = {
    "atom": "application/atom+xml",
    "rss": "application/rss+xml",
    "json": "application/feed+json",
}
MAX_BYTES = 1_000_000
"""Some readers refuse larger feeds."""
FORMER_PREFIX = "tag:paperlake,2023-05-04:"
"""The prefix of ids in feeds of earlier versions. Never change it: feed readers recognize entries by their ids."""
RANDOM_PREFIX = "urn:uuid:"
"""The prefix is this and the UUID of a namespace, and each id is a name-based UUID in it (RFC 9562)."""
_SOURCE = "https://huggingface.co/papers"


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says about itself. `id_prefix`: see `entry_id`; `updated_at` is the date of a feed without entries.

    `folder_url` is the URL of its files, with a trailing slash, and `page_url` that of its page; both may be None.
    """

    name: str
    title: str
    description: str
    id_prefix: str
    updated_at: datetime
    folder_url: str | None = None
    page_url: str | None = None

    @property
    def id(self) -> str:
        """The id of the feed."""
        return entry_id(self.id_prefix, self.name)


@dataclass(frozen=True, slots=True)
class DatedIssue:
    """An issue, when it was first released, which is the date of its entries, and the prefix of their ids."""

    issue: Issue
    at: datetime
    id_prefix: str


@dataclass(frozen=True, slots=True)
class _Entry:
    paper: Paper
    id: str
    at: datetime
    content: str


def entry_id(prefix: str, name: str) -> str:
    """The id of `name`, which is an edition, or an edition and a paper with a slash between them."""
    if prefix.startswith(RANDOM_PREFIX):
        return uuid5(UUID(prefix.removeprefix(RANDOM_PREFIX)), name).urn
    return f"{prefix}{name}"


def render_feed(feed: Feed, issues: Sequence[DatedIssue], feed_format: FeedFormat) -> bytes:
    """The feed of `issues`, newest first. It drops its oldest issues to stay below MAX_BYTES.

    A newest issue that is larger has shortened abstracts, and, if that is not enough, only its first papers.
    """

    def render(entries: Sequence[_Entry]) -> bytes:
        return _json(feed, entries) if feed_format == "json" else _xml(feed, entries, feed_format)

    return (
        _largest(len(issues), lambda count: render(_entries(issues[:count])))
        or _largest(len(issues[0].issue.papers), lambda count: render(_entries(issues[:1], is_short=True)[:count]))
        or render([])
    )


def _largest(count: int, render: Callable[[int], bytes]) -> bytes | None:
    """`render(n)` of the largest n up to `count` with fewer than MAX_BYTES; None if n is 0 and `count` is not."""
    data = render(count)
    if len(data) < MAX_BYTES:
        return data
    best: bytes | None = None
    low, high = 1, count - 1
    while low <= high:
        middle = (low + high) // 2
        data = render(middle)
        if len(data) < MAX_BYTES:
            best, low = data, middle + 1
        else:
            high = middle - 1
    return best


def _entries(issues: Sequence[DatedIssue], *, is_short: bool = False) -> list[_Entry]:
    return [
        _Entry(
            paper,
            entry_id(dated.id_prefix, f"{dated.issue.edition.name}/{paper.paper_id}"),
            dated.at,
            _content(paper, paper.short if is_short else paper.abstract),
        )
        for dated in issues
        for paper in dated.issue.papers
    ]


def _xml(feed: Feed, entries: Sequence[_Entry], feed_format: FeedFormat) -> bytes:
    document = (_Atom if feed_format == "atom" else _Rss)(
        title=feed.title,
        link=feed.page_url or _SOURCE,
        description=feed.description,
        language="en",
        author_name="Paperlake",
        feed_url=f"{feed.folder_url}{FEED_FILES[feed_format]}" if feed.folder_url else None,
        feed_guid=feed.id,
    )
    document.updated_at = max((entry.at for entry in entries), default=feed.updated_at)
    for entry in entries:
        document.add_item(
            title=entry.paper.title,
            link=entry.paper.page,
            description=entry.content,
            unique_id=entry.id,
            unique_id_is_permalink=False,
            pubdate=entry.at,
            updateddate=entry.at,
            author_name=entry.paper.byline or "unknown",
            categories=entry.paper.keywords,
        )
    return str(document.writeString("utf-8")).encode()


class _DatedFeed(SyndicationFeed):  # type: ignore[misc] # the library has no types
    updated_at: datetime

    def latest_post_date(self) -> datetime:
        """When the newest issue was released. The library would use the clock for a feed without entries."""
        return self.updated_at


class _Atom(_DatedFeed, Atom1Feed):  # type: ignore[misc]
    pass


class _Rss(_DatedFeed, Rss201rev2Feed):  # type: ignore[misc]
    pass


def _json(feed: Feed, entries: Sequence[_Entry]) -> bytes:
    document: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "description": feed.description,
        "home_page_url": feed.page_url or _SOURCE,
        **({"feed_url": f"{feed.folder_url}{FEED_FILES['json']}"} if feed.folder_url else {}),
        "language": "en",
        "authors": [{"name": "Paperlake"}],
        "items": [
            {
                "id": entry.id,
                "url": entry.paper.page,
                "title": entry.paper.title,
                "content_html": entry.content,
                "date_published": entry.at.isoformat(),
                "date_modified": entry.at.isoformat(),
                "authors": [{"name": entry.paper.byline or "unknown"}],
                "tags": list(entry.paper.keywords),
            }
            for entry in entries
        ],
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _content(paper: Paper, abstract: str) -> str:
    """The HTML that a feed reader shows for a paper."""
    details = [paper.organization, paper.byline, *metric_labels(paper)]
    links = {"arXiv": paper.arxiv, "PDF": paper.pdf, "code": paper.code, "project": paper.project}
    parts = [f"<p>{escape(' · '.join(filter(None, details)))}</p>"]
    if paper.summary:
        parts.append(f"<p><em>AI summary:</em> {escape(paper.summary)}</p>")
    if abstract:
        parts.append(f"<p>{escape(abstract)}</p>")
    anchors = (f'<a href="{escape(url)}">{name}</a>' for name, url in links.items() if url)
    return "".join([*parts, f"<p>{' · '.join(anchors)}</p>"])
