"""The search page and its data: a script for each month, loaded on demand, so that search works from a folder too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from urllib.parse import quote

from paperlake.render.paper import Paper
from paperlake.render.period import period_of
from paperlake.render.web.page import FeedLink, Page, paper_path, render_page


def month_script(month: str, papers: Sequence[Paper]) -> Page:
    """The papers of a month: path, date, votes, title, organisation, abstract, AI keywords. ASCII, without markup."""
    rows = [
        [
            paper_path(paper.paper_id),
            paper.listed_on.isoformat(),
            paper.votes,
            paper.title,
            paper.organization,
            paper.abstract,
            ", ".join(paper.keywords),
        ]
        for paper in papers
    ]
    text = json.dumps(rows, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
    return Page(f"search/{month}.js", f'paperlake("{month}",{text});\n')


def search_path(words: str, listed_on: date) -> str:
    """The path of a search for `words` that loads the month of `listed_on` first."""
    return f"search.html?q={quote(words, safe='')}&month={period_of('month', listed_on).name}"


def search_page(months: Sequence[str], feeds: Sequence[FeedLink] = ()) -> Page:
    """The search page. `months` are those that have a script."""
    return render_page("search.html", "search.html.j2", feeds, title="Search", months=sorted(months, reverse=True))
