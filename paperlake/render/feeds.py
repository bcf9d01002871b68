"""Atom, RSS 2.0 and JSON Feed of an edition: an entry a paper, named for ever by the edition and the paper's id."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Literal

from feedgenerator import Atom1Feed, Rss201rev2Feed, SyndicationFeed

from paperlake.render.editions import Edition, sentence
from paperlake.render.issue import Issue
from paperlake.render.paper import Paper, counted

Form = Literal["atom", "rss", "json"]
FILES: dict[Form, str] = {"atom": "atom.xml", "rss": "rss.xml", "json": "feed.json"}
NAMED_BY = "tag:paperlake,2023-05-04:"
"""Begins every id (RFC 4151). Never to be changed: readers know by the id what they have shown before."""
_SOURCE = "https://huggingface.co/papers"


@dataclass(frozen=True, slots=True)
class Issued:
    """An issue, and when it came out: what the entries of its papers are dated by."""

    issue: Issue
    at: datetime


def feed(edition: Edition, issues: Sequence[Issued], home: str | None, since: datetime, form: Form) -> bytes:
    """The feed of `issues`, newest first. `home` is the address of its folder, with a slash at the end, if it has one.

    `since` dates a feed without entries, which is valid too.
    """
    at = max((one.at for one in issues), default=since)
    entries = [(paper, one) for one in issues for paper in one.issue.papers]
    if form == "json":
        return _json(edition, entries, home)
    kind = _Atom if form == "atom" else _Rss
    made = kind(
        title=edition.title,
        link=home or _SOURCE,
        description=sentence(edition),
        language="en",
        author_name="Paperlake",
        feed_url=f"{home}{FILES[form]}" if home else None,
        feed_guid=f"{NAMED_BY}{edition.name}",
    )
    made.at = at
    for paper, one in entries:
        made.add_item(
            title=paper.title,
            link=paper.page,
            description=_content(paper),
            unique_id=_name(edition, paper),
            unique_id_is_permalink=False,
            pubdate=one.at,
            updateddate=one.at,
            author_name=paper.byline or "unknown",
            categories=paper.keywords,
        )
    return str(made.writeString("utf-8")).encode()


class _Dated(SyndicationFeed):  # type: ignore[misc] # it ships no types
    at: datetime

    def latest_post_date(self) -> datetime:
        """When the newest issue came out; without one, the library would take the clock."""
        return self.at


class _Atom(_Dated, Atom1Feed):  # type: ignore[misc]
    pass


class _Rss(_Dated, Rss201rev2Feed):  # type: ignore[misc]
    pass


def _name(edition: Edition, paper: Paper) -> str:
    return f"{NAMED_BY}{edition.name}/{paper.paper_id}"


def _json(edition: Edition, entries: Sequence[tuple[Paper, Issued]], home: str | None) -> bytes:
    held: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": edition.title,
        "description": sentence(edition),
        "home_page_url": home or _SOURCE,
        **({"feed_url": f"{home}{FILES['json']}"} if home else {}),
        "language": "en",
        "authors": [{"name": "Paperlake"}],
        "items": [
            {
                "id": _name(edition, paper),
                "url": paper.page,
                "title": paper.title,
                "content_html": _content(paper),
                "date_published": one.at.isoformat(),
                "date_modified": one.at.isoformat(),
                "authors": [{"name": paper.byline or "unknown"}],
                "tags": list(paper.keywords),
            }
            for paper, one in entries
        ],
    }
    return (json.dumps(held, ensure_ascii=False, indent=1) + "\n").encode()


def _content(paper: Paper) -> str:
    """What a feed reader shows of a paper, as HTML."""
    facts = [paper.organization, paper.byline, *counted(paper)]
    links = {"arXiv": paper.arxiv, "PDF": paper.pdf, "code": paper.code, "project": paper.project}
    parts = [f"<p>{escape(' · '.join(filter(None, facts)))}</p>"]
    if paper.summary:
        parts.append(f"<p><em>AI summary:</em> {escape(paper.summary)}</p>")
    if paper.abstract:
        parts.append(f"<p>{escape(paper.abstract)}</p>")
    shown = (f'<a href="{escape(url)}">{name}</a>' for name, url in links.items() if url)
    return "".join([*parts, f"<p>{' · '.join(shown)}</p>"])
