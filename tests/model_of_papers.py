"""The table `papers` once more, in plain Python, of a lake that has lists and nothing from arXiv."""

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]


def papers(listings: Iterable[Row], authors: Iterable[Row]) -> list[Row]:
    """The rows in order, without the columns that the model of the lists does not know."""
    lists: dict[str, list[Row]] = {}
    for listing in listings:
        lists.setdefault(listing["paper_id"], []).append(listing)
    names: dict[tuple[Any, str], list[str]] = {}
    for author in authors:
        names.setdefault((author["listed_on"], author["paper_id"]), []).append(author["name"])
    return [paper(lists[paper_id], names) for paper_id in sorted(lists)]


def paper(stood: list[Row], names: dict[tuple[Any, str], list[str]]) -> Row:
    """One paper, by what the newest capture of any of its lists told of it."""
    newest = max(stood, key=lambda one: (one["last_seen_at"], one["listed_on"]))
    named = names.get((newest["listed_on"], newest["paper_id"]))
    return {
        "paper_id": newest["paper_id"],
        "title": newest["title"],
        "title_from": "hub" if newest["title"] else None,
        "author_names": named,
        "author_names_from": "hub" if named else None,
        "author_count": newest["author_count"],
        "is_in_arxiv": False,
        "first_listed_on": min(one["listed_on"] for one in stood),
        "last_listed_on": max(one["listed_on"] for one in stood),
        "listing_count": sum(one["is_listed"] for one in stood),
        "counted_at": newest["last_seen_at"],
        **{name: newest[name] for name in ("upvote_count", "comment_count", "github_star_count")},
    }
