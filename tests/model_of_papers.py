"""A second implementation of the table `papers` in plain Python, for a lake without arXiv data."""

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]


def papers(listings: Iterable[Row], authors: Iterable[Row]) -> list[Row]:
    """The rows in order, with the columns that `tests.model` provides."""
    lists: dict[str, list[Row]] = {}
    for listing in listings:
        lists.setdefault(listing["paper_id"], []).append(listing)
    names: dict[tuple[Any, str], list[str]] = {}
    for author in authors:
        names.setdefault((author["listed_on"], author["paper_id"]), []).append(author["name"])
    return [paper(lists[paper_id], names) for paper_id in sorted(lists)]


def paper(lists: list[Row], names: dict[tuple[Any, str], list[str]]) -> Row:
    """The row of one paper, with values from the newest capture of any of its lists."""
    newest = max(lists, key=lambda row: (row["last_seen_at"], row["listed_on"]))
    author_names = names.get((newest["listed_on"], newest["paper_id"]))
    return {
        "paper_id": newest["paper_id"],
        "title": newest["title"],
        "title_from": "hub" if newest["title"] else None,
        "author_names": author_names,
        "author_names_from": "hub" if author_names else None,
        "author_count": newest["author_count"],
        "is_in_arxiv": False,
        "first_listed_on": min(row["listed_on"] for row in lists),
        "last_listed_on": max(row["listed_on"] for row in lists),
        "listing_count": sum(row["is_listed"] for row in lists),
        "counted_at": newest["last_seen_at"],
        **{name: newest[name] for name in ("upvote_count", "comment_count", "github_star_count")},
    }
