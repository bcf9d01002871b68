"""Search for papers: the ranked hits of a query, with what people want to see of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import partial
from typing import Any

import polars as pl
import tantivy

from paperlake.errors import PaperlakeError
from paperlake.paper_id import parse_paper_id
from paperlake.retrieval.query import BuiltQuery, SearchQuery, build_query
from paperlake.retrieval.snippet import snippet
from paperlake.retrieval.word_index import open_index
from paperlake.store.lake import Lake
from paperlake.store.snapshot import Snapshot, read_consistent
from schemas.papers import PAPERS
from transforms.paper_ids import filed_on

_COLUMNS = (
    *("paper_id", "title", "abstract", "author_names", "organization_name", "first_listed_on", "published_on"),
    *("upvote_count", "primary_category"),
)
_MORE_HITS = 50
"""Hits of one score may be more than asked for: their order is by identifier."""


class PaperNotFound(PaperlakeError):
    """The lake does not have a paper."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A paper that was found. `snippet` is the part of its abstract that shows why."""

    paper_id: str
    title: str
    authors: tuple[str, ...]
    organization: str | None
    listed_on: date | None
    published_on: date | None
    votes: int | None
    category: str | None
    score: float | None
    snippet: str

    def as_dict(self) -> dict[str, object]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SearchResults:
    """The best `hits` of a query, how many papers meet it in all, and which words were taken for misspelt."""

    hits: tuple[Hit, ...]
    total: int
    corrected: Mapping[str, str] = field(default_factory=dict)


def search(lake: Lake, query: SearchQuery, limit: int = 10) -> SearchResults:
    """The papers that meet the query best. Raises NothingAsked, and IndexDamaged where the index cannot be opened."""
    index = open_index(lake)
    built = build_query(query, index)
    found, total = _ranked(index, query, built, limit)
    return SearchResults(tuple(_hits(lake, found, built.terms)), total, built.corrected)


def related(lake: Lake, paper_id: str, limit: int = 10, filters: SearchQuery | None = None) -> SearchResults:
    """The papers that are most like one, best first, without itself. Raises PaperNotFound, InvalidPaperId."""
    paper_id = parse_paper_id(paper_id)
    row = read_consistent(lake, partial(_read_papers, [paper_id])).get(paper_id)
    if row is None:
        raise PaperNotFound(f"the lake has no paper {paper_id}")
    words = " ".join([row["title"] or "", *(row["ai_keywords"] or ())]).replace('"', " ")
    query = replace(filters or SearchQuery(), text=" ".join(dict.fromkeys(words.split())))
    index = open_index(lake)
    built = build_query(query, index)
    itself = tantivy.Query.term_query(index.schema, "paper_id", paper_id)
    others = replace(built, query=built.query.and_must_not_match(itself))
    found, total = _ranked(index, query, others, limit)
    return SearchResults(tuple(_hits(lake, found, built.terms)), total)


def _ranked(
    index: tantivy.Index, query: SearchQuery, built: BuiltQuery, limit: int
) -> tuple[list[tuple[str, float | None]], int]:
    """Identifiers and scores of the best papers, and how many there are. Without words there are no scores."""
    searcher = index.searcher()
    # Without words nothing tells one paper from another, so the newest come first.
    order_by = {"votes": "votes", "date": "day"}.get(query.sort) or (None if query.text.strip() else "day")
    result = searcher.search(built.query, limit=limit + _MORE_HITS, order_by_field=order_by)
    ranked = [(float(score), str(searcher.doc(address).get_first("paper_id"))) for score, address in result.hits]
    # Equal papers: the newest first.
    ranked.sort(key=lambda hit: (hit[0], hit[1]), reverse=True)
    return [(paper_id, None if order_by else score) for score, paper_id in ranked[:limit]], int(result.count)  # type: ignore[attr-defined]


def _hits(lake: Lake, found: Sequence[tuple[str, float | None]], terms: Collection[str]) -> list[Hit]:
    rows = read_consistent(lake, partial(_read_papers, [paper_id for paper_id, _ in found]))
    # A paper may be gone from the lake since the index was updated.
    return [_hit(rows[paper_id], score, terms) for paper_id, score in found if paper_id in rows]


def _hit(row: Mapping[str, Any], score: float | None, terms: Collection[str]) -> Hit:
    return Hit(
        paper_id=row["paper_id"],
        title=row["title"] or "",
        authors=tuple(row["author_names"] or ()),
        organization=row["organization_name"],
        listed_on=row["first_listed_on"],
        published_on=row["published_on"],
        votes=row["upvote_count"],
        category=row["primary_category"],
        score=None if score is None else round(score, 4),
        snippet=snippet(row["abstract"], terms),
    )


def _read_papers(paper_ids: Sequence[str], seen: Snapshot) -> dict[str, dict[str, Any]]:
    """The rows of papers by identifier, from the months that their identifiers name."""
    ids = pl.DataFrame({"paper_id": list(paper_ids)}, schema={"paper_id": pl.String})
    months = ids.select(filed_on(pl.col("paper_id")).dt.strftime("%Y-%m")).to_series().unique().drop_nulls()
    published = set(seen.manifest.months(PAPERS.name))
    paths = [seen.path(PAPERS.name, month) for month in sorted(months) if month in published]
    if not paths:
        return {}
    rows = (
        pl.scan_parquet(paths, hive_partitioning=False, glob=False)
        .filter(pl.col("paper_id").is_in(list(paper_ids)))
        .select(*_COLUMNS, "ai_keywords")
        .collect()
    )
    return {row["paper_id"]: row for row in rows.iter_rows(named=True)}
