"""What the search page looks through: a script a month, loaded as it is needed, which also works from a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence

from paperlake.render.paper import Paper
from paperlake.render.web.page import Page, page, paper_path


def shard(month: str, papers: Sequence[Paper]) -> Page:
    """The papers of a month: path, date, votes, title, organisation, abstract. Pure ASCII, no markup."""
    held = [
        [paper_path(one.paper_id), one.listed_on.isoformat(), one.votes, one.title, one.organization, one.abstract]
        for one in papers
    ]
    text = json.dumps(held, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
    return Page(f"search/{month}.js", f'paperlake("{month}",{text});\n')


def search_page(months: Sequence[str]) -> Page:
    """The page to search with, which knows the `months` that there are."""
    return page("search.html", "search.html.j2", title="Search", months=sorted(months, reverse=True))
