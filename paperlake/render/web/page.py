"""The path, layout and navigation that all pages of the site share."""

from __future__ import annotations

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


def render_page(path: str, template: str, **variables: Any) -> Page:
    """Render a template of `templates/web/`. The template gets `root`, the relative path to the site's root."""
    root = "../" * path.count("/")
    text = render_template(
        f"web/{template}", root=root, current=path, sections=SECTIONS, paper_path=paper_path, **variables
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
