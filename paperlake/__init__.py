"""Paperlake: capture the papers that the research community lists, votes on and discusses, with proof of origin."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paperlake.retrieval.search import SearchResults

__all__ = ["search"]


def search(text: str = "", *, lake: str | Path = "lake", limit: int = 10, **filters: Any) -> SearchResults:
    """The papers of a lake that meet a query best.

    `filters` are the other fields of `paperlake.retrieval.query.SearchQuery`: `since`, `until` (dates), `organization`,
    `author`, `topic`, `category`, `min_votes`, `sort`. The index is updated first if the papers changed.

    Raises LakeNotFound, and NothingAsked without text and filters.
    """
    from paperlake.retrieval.query import SearchQuery  # noqa: PLC0415 - other users of the package do not need it
    from paperlake.retrieval.search import search as search_papers  # noqa: PLC0415
    from paperlake.retrieval.word_index import refresh_index  # noqa: PLC0415
    from paperlake.store.lake import Lake  # noqa: PLC0415

    folder = Lake(Path(lake).absolute())
    if warning := refresh_index(folder):
        warnings.warn(warning, stacklevel=2)
    return search_papers(folder, SearchQuery(text, **filters), limit)
