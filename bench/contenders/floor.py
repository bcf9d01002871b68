"""The floor: the fastest known minimal path from these bytes to two sorted Parquet tables.

DuckDB parses into a declared shape; Polars flattens, collapses white space, sorts and writes. It has no evidence, no
captures, no validation, no rejects (a value of the wrong type becomes null), no fsync and no publish.
`floor_alternatives.md` has the alternatives and their speed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

# Each of the two processes uses one core.
os.environ["POLARS_MAX_THREADS"] = "1"

import duckdb
import polars as pl

from bench.contenders.task import Task, compete
from bench.corpora.corpus import Corpus

CHUNK_ENTRIES = 25_000
PROCESSES = 2

_TEXT, _TEXTS, _COUNT = "VARCHAR", ["VARCHAR"], "INTEGER"
_ENTRY = {
    "paper": {
        "id": _TEXT,
        "title": _TEXT,
        "summary": _TEXT,
        "publishedAt": "TIMESTAMP",
        "upvotes": _COUNT,
        "discussionId": _TEXT,
        "projectPage": _TEXT,
        "githubRepo": _TEXT,
        "githubStars": _COUNT,
        "ai_summary": _TEXT,
        "ai_keywords": _TEXTS,
        "mediaUrls": _TEXTS,
        "authors": [{"name": _TEXT, "user": {"user": _TEXT}, "status": _TEXT, "hidden": "BOOLEAN"}],
    },
    "thumbnail": _TEXT,
    "mediaUrls": _TEXTS,
    "mediaUrl": _TEXT,
    "numComments": _COUNT,
    "submittedBy": {"name": _TEXT},
    "organization": {"name": _TEXT, "fullname": _TEXT},
    "submitterOrganization": {"name": _TEXT, "fullname": _TEXT},
    "isAuthorParticipating": "BOOLEAN",
}
_ENTRIES = """
    select
        parse_filename(filename, true)::date as listed_on,
        entry.paper.id as paper_id,
        place as position,
        entry.paper.title as title,
        entry.paper.summary as abstract,
        len(entry.paper.authors)::integer as author_count,
        entry.paper."publishedAt" as published_at,
        entry."submittedBy".name as submitted_by,
        coalesce(entry.organization.name, entry."submitterOrganization".name) as organization,
        coalesce(entry.organization.fullname, entry."submitterOrganization".fullname) as organization_name,
        entry.paper."githubRepo" as github_repo_url,
        entry.paper."projectPage" as project_page_url,
        entry.thumbnail as thumbnail_url,
        coalesce(
            entry."mediaUrls",
            case when entry."mediaUrl" is not null then [entry."mediaUrl"] end,
            entry.paper."mediaUrls"
        ) as media_urls,
        entry.paper."discussionId" as discussion_id,
        entry.paper.ai_summary as ai_summary,
        entry.paper.ai_keywords as ai_keywords,
        entry."isAuthorParticipating" as is_author_participating,
        entry.paper.upvotes as upvote_count,
        entry."numComments" as comment_count,
        entry.paper."githubStars" as github_star_count,
        entry.paper.authors as authors
    from (
        select filename, unnest(entries) as entry, generate_subscripts(entries, 1)::integer as place
        from (select filename, from_json(content, $shape) as entries from read_text($files))
    )
"""


def set_up(task: Task) -> Callable[[], Mapping[str, object]]:
    """Start and warm up two processes."""
    workers = ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"))
    list(workers.map(abs, range(PROCESSES)))
    parts = chunks(task.corpus)

    def run() -> Mapping[str, object]:
        names = [task.out / f"{n:04}" for n in range(len(parts))]
        with workers:
            rows = list(workers.map(flatten, parts, names))
        return {"rows": {"listings": sum(n for n, _ in rows), "authors": sum(n for _, n in rows)}}

    return run


def chunks(corpus: Corpus) -> list[list[str]]:
    """The files in chunks of consecutive dates of about 25,000 entries, at least one chunk per process."""
    size = min(CHUNK_ENTRIES, corpus.entry_count // PROCESSES)
    parts: list[list[str]] = [[]]
    entry_count = 0
    for day in corpus.days:
        if corpus.entries[day]:
            parts[-1].append(str(corpus.file(day)))
            entry_count += corpus.entries[day]
        if entry_count >= size:
            parts.append([])
            entry_count = 0
    return [part for part in parts if part]


def flatten(files: Sequence[str], name: Path) -> tuple[int, int]:
    """Write the two tables of some dates to `name`. Returns their row counts."""
    parameters = {"shape": json.dumps([_ENTRY]), "files": list(files)}
    with duckdb.connect(config={"threads": 1}) as database:
        database.execute("set enable_progress_bar = false")
        entries: pl.DataFrame = database.sql(_ENTRIES, params=parameters).pl()
    placed = entries.with_columns(collapse_white_space("title"), collapse_white_space("abstract"))
    listings = placed.drop("authors").sort("listed_on", "position")
    # Sorting before exploding the authors sorts an eighth of the rows.
    owners = placed.select("listed_on", "paper_id", "authors").sort("listed_on", "paper_id")
    count = pl.col("authors").list.len()
    authors = (
        owners.filter(count > 0)
        .with_columns(position=pl.int_ranges(1, count + 1, dtype=pl.Int32))
        .explode("authors", "position")
        .unnest("authors")
        .select(
            "listed_on",
            "paper_id",
            "position",
            "name",
            hub_user=pl.col("user").struct.field("user"),
            status="status",
            is_hidden="hidden",
        )
    )
    listings.write_parquet(name.with_suffix(".listings.parquet"), compression="zstd", compression_level=1)
    authors.write_parquet(name.with_suffix(".authors.parquet"), compression="zstd", compression_level=1)
    return listings.height, authors.height


def collapse_white_space(column: str) -> pl.Expr:
    """Collapse white space. After the plain replacement only one text in twenty needs the regular expression."""
    plain = pl.col(column).str.replace_all("\n", " ", literal=True)
    tidy = plain.str.replace_all(r"\s{2,}|[^\S ]", " ").str.strip_chars()
    return pl.when(plain.str.contains(r"[^\S ]|  |^ | $")).then(tidy).otherwise(plain).alias(column)


if __name__ == "__main__":
    compete(set_up)
