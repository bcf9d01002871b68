"""The path, layout and navigation that all pages of the site share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from paperlake.render.period import Period
from paperlake.render.templating import FOLDER, render_template

SECTIONS = {
    "index.html": "Newest",
    "trends.html": "Trends",
    "topics.html": "Topics",
    "organizations.html": "Organisations",
    "calendar.html": "Calendar",
    "search.html": "Search",
    "feeds.html": "Feeds",
}
ASSETS = ("style.css", "search.js")


@dataclass(frozen=True, slots=True)
class Page:
    """A file of the site: its path with forward slashes, and its text."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A feed that browsers and feed readers discover on a page: its path in the site, media type and title."""

    path: str
    media_type: str
    title: str


def render_page(path: str, template: str, feeds: Sequence[FeedLink] = (), **variables: Any) -> Page:
    """Render a template of `templates/web/`. The template gets `root`, the relative path to the site's root.

    `feeds` are the feeds that the page announces.
    """
    root = "../" * path.count("/")
    text = render_template(
        f"web/{template}",
        root=root,
        current=path,
        sections=SECTIONS,
        paper_path=paper_path,
        feeds=feeds,
        **variables,
    )
    return Page(path, text)


def assets() -> list[Page]:
    """The stylesheet and the search script."""
    return [Page(name, (FOLDER / "web" / name).read_text(encoding="utf-8")) for name in ASSETS]


def period_path(period: Period) -> str:
    """The path of the page of a day, week or month."""
    return f"{period.span}/{period.name}.html"


def paper_path(paper_id: str) -> str:
    """The path of a paper's page. Old arXiv ids contain a slash, which would make a folder."""
    return f"paper/{paper_id.replace('/', '-')}.html"
