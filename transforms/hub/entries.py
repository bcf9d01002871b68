"""Entries of the Hub's list: which JSON path becomes which column, and what cannot be read.

The table of reads is the whole mapping. Drift is tolerated here in both directions: a column that the
source called differently at different times has several reads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import duckdb
import polars as pl

from schemas.authors import AUTHORS
from schemas.listings import LISTINGS
from schemas.table import Matches
from transforms.hub import fast_path as regular
from transforms.hub.answers import Opened, opened
from transforms.hub.extract import extract
from transforms.hub.values import Read, instant, typed, usual_instant, value_faults
from transforms.text import one_line

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
PEOPLE = "$.paper.authors"
_FACTS = ("$", "$.paper", ID, PUT_ON)
_PLACE = ["page_no", "item"]
_ID_STYLE = next(check.pattern for check in LISTINGS["paper_id"].checks if isinstance(check, Matches))
_ODD_ENTRIES = "select page_no, item, entry from odd_entries"
_ODD_PEOPLE = """
    select page_no, item, unnest(people) as entry, generate_subscripts(people, 1) as author
    from (select page_no, item, json_extract(entry, '$.paper.authors[*]') as people from odd_people)
"""

FAULT_COLUMNS = (
    *("table_name", "listed_on", "captured_at", "place", "field", "reason", "message", "is_row_kept"),
    *("page_no", "item", "author"),
)


@dataclass(frozen=True, slots=True)
class Entries:
    """Every entry of the valid pages.

    `rows` holds the typed columns of each, its `position`, and its `refusal` if any. `odd` holds what was found
    in the few that were read carefully: their faults are told from it. `people` are the authors of the others.
    """

    rows: pl.DataFrame
    odd: pl.DataFrame
    people: pl.DataFrame


def laid_out(pages: Opened) -> pl.DataFrame:
    """Every entry of `pages`, laid out as if it were regular, with its authors as a list."""
    # Authors are most of an entry, so they are laid out with it: taking them out as text to parse would cost half as
    # much again. What is not a list becomes null like what is absent, so both are odd.
    authors = [json.loads(regular.structure(AUTHOR_READS))]
    whole = regular.structure(ENTRY_READS, more={ID: "JSON", PUT_ON: "VARCHAR", PEOPLE: authors})
    parsed = f"from_json(text, '[{whole}]')"
    try:
        found: pl.DataFrame = pages.database.sql(_laid_out_sql(parsed)).pl()
    except duckdb.InvalidInputException:
        # Some page is no JSON. Asking of each whether it can be parsed costs a seventh more.
        found = pages.database.sql(_laid_out_sql(f"try({parsed})")).pl()
    return found


def _laid_out_sql(parsed: str) -> str:
    """A row for each item of the lists that `parsed` gives of the text of a page."""
    held = regular.columns(ENTRY_READS, "e") | {name: regular.member("e", name) for name in (ID, PUT_ON)}
    people = regular.member("e", PEOPLE)
    held[PEOPLE] = f"case when {people} is not null then '[' end"
    told = ", ".join(f'{value} as "{name}"' for name, value in held.items())
    author = ", ".join(f'"{name}" := {value}' for name, value in regular.columns(AUTHOR_READS, "a").items())
    return f"""
        select page_no, item, {told}, list_transform({people}, lambda a: struct_pack({author})) as people
        from (
            select page_no, unnest(es) as e, generate_subscripts(es, 1) as item
            from (select page_no, {parsed} as es from listed_pages)
        )
    """  # noqa: S608 - made of constants of this package


def entries(pages: Opened, found: pl.DataFrame, tally: pl.DataFrame) -> Entries:
    """The entries `found`. `tally` says which capture a page belongs to, and how many entries come before."""
    valid = tally.filter(pl.col("entry_count").is_not_null())
    placed = found.join(valid.select("page_no", "listed_on", "captured_at", "before"), on="page_no")
    laid = regular.read_plainly(
        placed,
        ENTRY_READS,
        LISTINGS,
        pl.col(ID).str.slice(1, pl.col(ID).str.len_bytes() - 2).alias("paper_id"),
        usual_instant(pl.col(PUT_ON)).dt.date().alias("put_on"),
        pl.col("people").list.len().cast(pl.Int32).alias("author_count"),
        pl.lit(None, pl.String).alias("refusal"),
    )
    is_odd = laid["is_odd"] | laid.select(_is_odd_beside()).to_series()
    plain = laid.filter(~is_odd) if is_odd.any() else laid
    places = placed.filter(is_odd).select(*_PLACE, "listed_on", "captured_at", "before")
    odd = _read_carefully(pages, places.select(_PLACE))
    columns = [*_PLACE, "listed_on", "captured_at", "before", "paper_id", "put_on", "author_count", "refusal"]
    columns += _named(ENTRY_READS)
    rows = (
        pl.concat([plain.select(columns), odd.join(places, on=_PLACE).select(columns)])
        .with_columns(position=(pl.col("before") + pl.col("item")).cast(pl.Int32))
        .sort("listed_on", "captured_at", "position")
    )
    repeated = pl.col("refusal").is_null() & ~pl.struct("page_no", "paper_id", "refusal").is_first_distinct()
    refusal = pl.when(repeated).then(pl.lit("key_repeated")).otherwise("refusal")
    return Entries(rows.with_columns(refusal=refusal), odd, plain.select(*_PLACE, "people"))


def papers(entries: Entries) -> pl.DataFrame:
    """The readable entries, each paper once a capture: a list that moves between two pages repeats one."""
    return entries.rows.filter(pl.col("refusal").is_null()).unique(
        subset=["listed_on", "captured_at", "paper_id"], keep="first", maintain_order=True
    )


def people(pages: Opened, entries: Entries, papers: pl.DataFrame) -> pl.DataFrame:
    """Every author of `papers` with typed columns and `refusal`, in no particular order."""
    # In the order of the table already, as long as they are few.
    owners = papers.select(*_PLACE, "listed_on", "captured_at", "paper_id", place="position").sort(
        "listed_on", "paper_id", "captured_at"
    )
    count = pl.col("people").list.len()
    found = (
        owners.join(entries.people, on=_PLACE, maintain_order="left")
        .filter(count > 0)
        .with_columns(author=pl.int_ranges(1, count + 1))
        .explode("people", "author")
        .unnest("people")
    )
    found = regular.read_plainly(found, AUTHOR_READS, AUTHORS, pl.lit(None, pl.String).alias("refusal"))
    strange = found.filter(pl.col("is_odd") | pl.col("name").is_null()).select(_PLACE).unique()
    plain = found.join(strange, on=_PLACE, how="anti") if strange.height else found
    careful = pl.concat([strange, owners.select(_PLACE).join(entries.odd.select(_PLACE), on=_PLACE, how="semi")])
    odd = _people_read_carefully(pages, careful).join(owners, on=_PLACE)
    columns = [*owners.columns, "author", *_named(AUTHOR_READS), "refusal"]
    every = pl.concat([plain.select(columns), odd], how="diagonal")
    return every.with_columns(position=pl.col("author").cast(pl.Int32))


def _named(reads: tuple[Read, ...]) -> list[str]:
    return list(dict.fromkeys(read.column for read in reads if read.column))


def _is_odd_beside() -> pl.Expr:
    """Whether what stands beside the columns may be odd. An id is told by its quotes from a number like it."""
    is_known = pl.col(ID).str.contains(rf'\A"(?:{_ID_STYLE})"\z').fill_null(value=False)
    return ~is_known | pl.col(PEOPLE).is_null() | (pl.col(PUT_ON).is_not_null() & pl.col("put_on").is_null())


def _read_carefully(pages: Opened, odd: pl.DataFrame) -> pl.DataFrame:
    """The typed columns of odd entries, value by value, with what was found of each."""
    if odd.is_empty():
        return _none_read_carefully()[0]
    pages.take_out(odd, "odd_entries")
    return _entries_found(pages)


def _entries_found(pages: Opened) -> pl.DataFrame:
    lists = [PEOPLE, *(read.path for read in ENTRY_READS if read.is_list)]
    raw = extract(pages.database, _ODD_ENTRIES, tuple(_PLACE), [*_FACTS, *(r.path for r in ENTRY_READS)], lists)
    put_on = pl.when(pl.col(f"{PUT_ON}:type") == "VARCHAR").then(instant(pl.col(PUT_ON)))
    authors = pl.when(pl.col(f"{PEOPLE}:type") == "ARRAY").then(pl.col(f"{PEOPLE}:items").list.len().cast(pl.Int32))
    return typed(raw, ENTRY_READS, LISTINGS).with_columns(
        paper_id=ID, put_on=put_on.dt.date(), author_count=authors, refusal=_refusal()
    )


def _people_read_carefully(pages: Opened, odd: pl.DataFrame) -> pl.DataFrame:
    """The typed authors of odd entries, value by value, with what was found of each."""
    if odd.is_empty():
        return _none_read_carefully()[1]
    pages.take_out(odd, "odd_people")
    return _people_found(pages)


def _people_found(pages: Opened) -> pl.DataFrame:
    facts = extract(pages.database, _ODD_PEOPLE, (*_PLACE, "author"), ["$", *(r.path for r in AUTHOR_READS)], [])
    kind, name = pl.col("$:type"), pl.col("name")
    refusal = (
        pl.when(kind.is_null() | (kind != "OBJECT"))
        .then(pl.lit("not_an_object"))
        .when(pl.col("$.name:reason").is_not_null())
        .then("$.name:reason")
        .when(name.is_null())
        .then(pl.lit("name_missing"))
    )
    return typed(facts, AUTHOR_READS, AUTHORS).with_columns(refusal=refusal)


@cache
def _none_read_carefully() -> tuple[pl.DataFrame, pl.DataFrame]:
    """What reading no entry and no author carefully gives: most months hold nothing odd."""
    place = pl.DataFrame(schema={"page_no": pl.UInt32, "item": pl.Int64})
    with opened(pl.DataFrame(schema={"page_no": pl.UInt32, "status_code": pl.Int32, "text": pl.String})) as pages:
        pages.take_out(place, "odd_entries")
        pages.take_out(place, "odd_people")
        return _entries_found(pages), _people_found(pages)


def entry_faults(entries: Entries, papers: pl.DataFrame) -> pl.DataFrame:
    """What was refused of `entries`: whole ones, and single values of those that became `papers`."""
    needed = {
        "not_an_object": ("$", "an entry is an object"),
        "paper_missing": ("$.paper", "an entry holds a paper"),
        "id_missing": (ID, "a paper has an id"),
        "id_invalid": (ID, "an arXiv id has the form 2511.01234 or hep-th/9901001"),
        "key_repeated": (ID, "a paper stands once on a page"),
    }
    refused = entries.rows.filter(pl.col("refusal").is_not_null())
    found = refused.join(entries.odd.select(*_PLACE, ID, "$.paper:type"), on=_PLACE, how="left")
    shown = one_line(pl.coalesce(ID, "paper_id")).fill_null("nothing").str.slice(0, 60)
    wrong_place = pl.when(pl.col("$.paper:type") != "OBJECT").then(pl.lit("$.paper")).otherwise(pl.lit(ID))
    whole = found.with_columns(
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
    placed = papers.select(*_PLACE, "listed_on", "captured_at", "position")
    odd = entries.odd.join(placed, on=_PLACE)
    values = value_faults(odd, ENTRY_READS, LISTINGS, pl.lit("$")).with_columns(is_row_kept=pl.lit(value=True))
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
    readable = people.filter(pl.col("refusal").is_null(), pl.col("$:type").is_not_null())
    values = value_faults(readable, AUTHOR_READS, AUTHORS, inside).with_columns(is_row_kept=pl.lit(value=True))
    return pl.concat(_fault_columns(faults) for faults in (whole, values))


def _refusal() -> pl.Expr:
    """Why an entry cannot become a row; null where it can."""
    whole, paper, paper_id = pl.col("$:type"), pl.col("$.paper:type"), pl.col(f"{ID}:type")
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
        .when(~pl.col(ID).str.contains(rf"\A(?:{_ID_STYLE})\z"))
        .then(pl.lit("id_invalid"))
    )


def _fault_columns(faults: pl.DataFrame) -> pl.DataFrame:
    return faults.select(FAULT_COLUMNS)
