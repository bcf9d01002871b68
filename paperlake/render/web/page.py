"""What every page of the site shares: its place, and the frame around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paperlake.render.period import Period, Span
from paperlake.render.templating import FOLDER, render

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
    """A file of the site: its path, with forward slashes, and its text."""

    path: str
    text: str


def page(path: str, template: str, **given: Any) -> Page:
    """A page from a template of `templates/web/`, which knows how far it is from the root."""
    root = "../" * path.count("/")
    text = render(f"web/{template}", root=root, here=path, sections=SECTIONS, paper_path=paper_path, **given)
    return Page(path, text)


def assets() -> list[Page]:
    """The style and the script of the site."""
    return [Page(name, (FOLDER / "web" / name).read_text(encoding="utf-8")) for name in ASSETS]


def period_path(about: Period) -> str:
    """Where the page of a day, week or month lies."""
    return f"{about.span}/{about.name}.html"


def paper_path(paper_id: str) -> str:
    """Where the page of a paper lies. Ids of the old form have a slash, which would be a folder."""
    return f"paper/{paper_id.replace('/', '-')}.html"


SPAN_TITLES: dict[Span, str] = {"day": "Day", "week": "Week", "month": "Month"}
