"""Entries of the Hub's lists, and what is wrong with them, in plain Python."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

MAX_COUNT = 2**31 - 1
ARXIV_ID = re.compile(r"\d\d(0[1-9]|1[0-2])\.\d{4,5}", re.ASCII)


@dataclass(frozen=True)
class Unreadable:
    """A refused entry, author or value."""

    field: str
    reason: str
    entry: Any
    is_row_kept: bool
    table: str = "listings"


def value_at(entry: Any, path: str) -> Any:
    for key in path.split("."):
        entry = entry.get(key) if isinstance(entry, dict) else None
    return entry


def fault_of(entry: Any, met: set[str]) -> Unreadable | None:
    """The fault of a refused entry; `met` has the ids of the entries before it on its page."""
    paper, paper_id = value_at(entry, "paper"), value_at(entry, "paper.id")
    rules = (
        (not isinstance(entry, dict), "$", "not_an_object"),
        (paper is None, "$.paper", "paper_missing"),
        (not isinstance(paper, dict), "$.paper", "wrong_type"),
        (paper_id is None or paper_id == "", "$.paper.id", "id_missing"),
        (not isinstance(paper_id, str), "$.paper.id", "wrong_type"),
        (not ARXIV_ID.fullmatch(str(paper_id)), "$.paper.id", "id_invalid"),
        (paper_id in met, "$.paper.id", "key_repeated"),
    )
    faults = (Unreadable(path, reason, entry, is_row_kept=False) for is_broken, path, reason in rules if is_broken)
    return next(faults, None)


def count_fault(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        return "wrong_type"
    return "below_zero" if value < 0 else "too_large" if value > MAX_COUNT else None


def text_fault(value: Any) -> str | None:
    return None if value is None or isinstance(value, str) else "wrong_type"


VALUES = {
    "paper.title": ("title", text_fault),
    "paper.upvotes": ("upvote_count", count_fault),
    "numComments": ("comment_count", count_fault),
    "paper.githubStars": ("github_star_count", count_fault),
}
"""The values that the model reads, by path: the column, and the function for faults."""


def faults_within(entry: Any) -> Iterator[Unreadable]:
    """The faults of values and authors in a valid entry."""
    for path, (_, fault) in VALUES.items():
        reason = fault(value_at(entry, path))
        if reason:
            yield Unreadable(f"$.{path}", reason, entry, is_row_kept=True)
    for place, person in enumerate(value_at(entry, "paper.authors") or ()):
        path = f"$.paper.authors[{place}]"
        if not isinstance(person, dict):
            yield Unreadable(path, "not_an_object", person, is_row_kept=False, table="authors")
        elif not person.get("name"):
            yield Unreadable(f"{path}.name", "name_missing", person, is_row_kept=False, table="authors")


def values(entry: Any) -> Row:
    """The columns of an entry; unreadable values are null."""
    columns = {
        column: None if fault(value) else value
        for path, (column, fault) in VALUES.items()
        for value in [value_at(entry, path)]
    }
    return columns | {"title": " ".join(columns["title"].split()) if columns["title"] else None}
