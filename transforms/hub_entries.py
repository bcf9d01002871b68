"""Entries of the Hub's list: which JSON path becomes which column, and what cannot be read.

The table of reads is the whole mapping. Drift is tolerated here in both directions: a column that the
source called differently at different times has several reads.
"""

from __future__ import annotations

import duckdb
import polars as pl

from schemas.authors import AUTHORS
from schemas.listings import LISTINGS
from schemas.table import Matches
from transforms.extract import extract
from transforms.text import one_line
from transforms.values import Read, instant, typed, value_faults

ENTRY_READS = (
    Read("title", "$.paper.title", "text"),
    Read("abstract", "$.paper.summary", "text"),
    # The paper's own date: the envelope's was shifted to 2025-03-10, and is New York time with a false Z since.
    Read("published_at", "$.paper.publishedAt", "instant"),
    Read(None, "$.submittedBy", "object"),
    Read("submitted_by", "$.submittedBy.name", "text"),
    Read(None, "$.organization", "object"),
    Read("organization", "$.organization.name", "text"),
    Read("organization_name", "$.organization.fullname", "text"),
    # 2025-09-29 to 2025-10-02 only; then renamed `organization`.
    Read(None, "$.submitterOrganization", "object"),
    Read("organization", "$.submitterOrganization.name", "text"),
    Read("organization_name", "$.submitterOrganization.fullname", "text"),
    Read("github_repo_url", "$.paper.githubRepo", "text"),
    Read("project_page_url", "$.paper.projectPage", "text"),
    Read("thumbnail_url", "$.thumbnail", "text"),
    Read("media_urls", "$.mediaUrls", "texts"),
    Read("media_urls", "$.mediaUrl", "one_text"),  # to 2024-06-11
    Read("media_urls", "$.paper.mediaUrls", "texts"),
    Read("discussion_id", "$.paper.discussionId", "text"),
    Read("ai_summary", "$.paper.ai_summary", "text"),
    Read("ai_keywords", "$.paper.ai_keywords", "keywords"),
    Read("is_author_participating", "$.isAuthorParticipating", "flag"),
    Read("upvote_count", "$.paper.upvotes", "count"),
    Read("comment_count", "$.numComments", "count"),
    Read("github_star_count", "$.paper.githubStars", "count"),
    Read(None, "$.paper.authors", "array"),
)
AUTHOR_READS = (
    Read("name", "$.name", "text"),
    Read(None, "$.user", "object"),
    Read("hub_user", "$.user.user", "text"),
    Read("status", "$.status", "text"),
    Read("is_hidden", "$.hidden", "flag"),
)
# Not columns, but needed: what the entry is, which paper, and the date it says that it was put on.
ID = "$.paper.id"
PUT_ON = "$.paper.submittedOnDailyAt"
_FACTS = ("$", "$.paper", ID, PUT_ON)
_ENTRIES = "select page_no, item, entry from entries"
_PEOPLE = """
    select page_no, item, unnest(people) as entry, generate_subscripts(people, 1) as author
    from (select page_no, item, json_extract(entry, '$.paper.authors[*]') as people from entries)
"""

FAULT_COLUMNS = (
    *("table_name", "listed_on", "captured_at", "place", "field", "reason", "message", "is_row_kept"),
    *("page_no", "item", "author"),
)


def entries(database: duckdb.DuckDBPyConnection, tally: pl.DataFrame) -> pl.DataFrame:
    """Every entry of the valid pages with its typed columns, its `position`, and its `refusal` if any.

    `tally` says of each page which capture it belongs to and how many entries come before it.
    """
    lists = [read.path for read in ENTRY_READS if read.is_list]
    raw = extract(database, _ENTRIES, ("page_no", "item"), [*_FACTS, *(r.path for r in ENTRY_READS)], lists)
    placed = (
        raw.join(tally.select("page_no", "listed_on", "captured_at", "before"), on="page_no")
        .with_columns(position=(pl.col("before") + pl.col("item")).cast(pl.Int32), refusal=_refusal())
        .sort("listed_on", "captured_at", "position")
    )
    nth_on_page = pl.int_range(pl.len()).over("page_no", ID, "refusal")
    repeated = pl.col("refusal").is_null() & (nth_on_page > 0)
    judged = placed.with_columns(refusal=pl.when(repeated).then(pl.lit("key_repeated")).otherwise("refusal"))
    put_on = pl.when(pl.col(f"{PUT_ON}:type") == "VARCHAR").then(instant(pl.col(PUT_ON)))
    return typed(judged, ENTRY_READS, LISTINGS).with_columns(paper_id=ID, put_on=put_on.dt.date())


def papers(entries: pl.DataFrame) -> pl.DataFrame:
    """The readable entries, each paper once a capture: a list that moves between two pages repeats one."""
    return entries.filter(pl.col("refusal").is_null()).unique(
        subset=["listed_on", "captured_at", "paper_id"], keep="first", maintain_order=True
    )


def people(database: duckdb.DuckDBPyConnection, papers: pl.DataFrame) -> pl.DataFrame:
    """Every author of `papers` with typed columns and `refusal`, in no particular order."""
    facts = extract(database, _PEOPLE, ("page_no", "item", "author"), ["$", *(r.path for r in AUTHOR_READS)], [])
    kind, name = pl.col("$:type"), pl.col("name")
    refusal = (
        pl.when(kind.is_null() | (kind != "OBJECT"))
        .then(pl.lit("not_an_object"))
        .when(pl.col("$.name:reason").is_not_null())
        .then("$.name:reason")
        .when(name.is_null())
        .then(pl.lit("name_missing"))
    )
    owners = papers.select("page_no", "item", "listed_on", "captured_at", "paper_id", place="position")
    return typed(facts.join(owners, on=["page_no", "item"]), AUTHOR_READS, AUTHORS).with_columns(
        refusal=refusal, position=pl.col("author").cast(pl.Int32)
    )


def entry_faults(entries: pl.DataFrame, papers: pl.DataFrame) -> pl.DataFrame:
    """What was refused: whole ones of `entries`, and single values of `papers`."""
    needed = {
        "not_an_object": ("$", "an entry is an object"),
        "paper_missing": ("$.paper", "an entry holds a paper"),
        "id_missing": (ID, "a paper has an id"),
        "id_invalid": (ID, "an arXiv id has the form 2511.01234 or hep-th/9901001"),
        "key_repeated": (ID, "a paper stands once on a page"),
    }
    shown = one_line(pl.col(ID)).fill_null("nothing").str.slice(0, 60)
    wrong_place = pl.when(pl.col("$.paper:type") != "OBJECT").then(pl.lit("$.paper")).otherwise(pl.lit(ID))
    whole = entries.filter(pl.col("refusal").is_not_null()).with_columns(
        table_name=pl.lit(LISTINGS.name),
        reason="refusal",
        field=pl.col("refusal").replace_strict({k: v[0] for k, v in needed.items()}, default=wrong_place),
        message=pl.format(
            "found {}; {}",
            shown,
            pl.col("refusal").replace_strict({k: v[1] for k, v in needed.items()}, default="the type is wrong"),
        ),
        is_row_kept=pl.lit(value=False),
    )
    values = value_faults(papers, ENTRY_READS, LISTINGS, pl.lit("$")).with_columns(is_row_kept=pl.lit(value=True))
    return pl.concat(
        _fault_columns(f.with_columns(place="position", author=pl.lit(0, pl.Int64))) for f in (whole, values)
    )


def people_faults(people: pl.DataFrame) -> pl.DataFrame:
    """What was refused of authors: whole ones, and single values of the others."""
    inside = pl.format("$.paper.authors[{}]", pl.col("author") - 1)
    named = pl.col("refusal") != "not_an_object"
    whole = people.filter(pl.col("refusal").is_not_null()).with_columns(
        table_name=pl.lit(AUTHORS.name),
        reason="refusal",
        field=pl.when(named).then(pl.format("{}.name", inside)).otherwise(inside),
        message=pl.format(
            "found {}; an author is an object with a name", one_line(pl.col("$")).fill_null("null").str.slice(0, 60)
        ),
        is_row_kept=pl.lit(value=False),
    )
    readable = people.filter(pl.col("refusal").is_null())
    values = value_faults(readable, AUTHOR_READS, AUTHORS, inside).with_columns(is_row_kept=pl.lit(value=True))
    return pl.concat(_fault_columns(faults) for faults in (whole, values))


def _refusal() -> pl.Expr:
    """Why an entry cannot become a row; null where it can."""
    whole, paper, paper_id = pl.col("$:type"), pl.col("$.paper:type"), pl.col(f"{ID}:type")
    (style,) = (check for check in LISTINGS["paper_id"].checks if isinstance(check, Matches))
    return (
        pl.when(whole.is_null() | (whole != "OBJECT"))
        .then(pl.lit("not_an_object"))
        .when(paper.is_null() | (paper == "NULL"))
        .then(pl.lit("paper_missing"))
        .when(paper != "OBJECT")
        .then(pl.lit("wrong_type"))
        .when(paper_id.is_null() | (paper_id == "NULL") | ((paper_id == "VARCHAR") & (pl.col(ID) == "")))
        .then(pl.lit("id_missing"))
        .when(paper_id != "VARCHAR")
        .then(pl.lit("wrong_type"))
        .when(~pl.col(ID).str.contains(rf"\A(?:{style.pattern})\z"))
        .then(pl.lit("id_invalid"))
    )


def _fault_columns(faults: pl.DataFrame) -> pl.DataFrame:
    return faults.select(FAULT_COLUMNS)
