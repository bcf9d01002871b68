"""Entries of the Hub's lists: the mapping of JSON paths to columns, and the faults of unreadable entries and values.

`ENTRY_FIELDS` and `AUTHOR_FIELDS` are the whole mapping. A column has several fields where the source renamed its key:
old and new answers are read alike.
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
from transforms.hub import fast_path
from transforms.hub.answers import ListPages, open_pages
from transforms.hub.bodies import REPLACEMENT
from transforms.hub.extract import extract
from transforms.hub.values import JsonField, parse_hub_timestamp, parse_timestamp, read_fields, value_faults
from transforms.text import one_line

ENTRY_FIELDS = (
    JsonField("title", "$.paper.title", "text"),
    JsonField("abstract", "$.paper.summary", "text"),
    # Not `$.publishedAt`: until 2025-03-10 it was shifted, and since then it is New York time with a wrong Z.
    JsonField("published_at", "$.paper.publishedAt", "timestamp"),
    JsonField(None, "$.submittedBy", "object"),
    JsonField("submitted_by", "$.submittedBy.name", "text"),
    JsonField(None, "$.organization", "object"),
    JsonField("organization", "$.organization.name", "text"),
    JsonField("organization_name", "$.organization.fullname", "text"),
    # Only from 2025-09-29 to 2025-10-02; then renamed to `organization`.
    JsonField(None, "$.submitterOrganization", "object"),
    JsonField("organization", "$.submitterOrganization.name", "text"),
    JsonField("organization_name", "$.submitterOrganization.fullname", "text"),
    JsonField("github_repo_url", "$.paper.githubRepo", "text"),
    JsonField("project_page_url", "$.paper.projectPage", "text"),
    JsonField("thumbnail_url", "$.thumbnail", "text"),
    JsonField("media_urls", "$.mediaUrls", "texts"),
    JsonField("media_urls", "$.mediaUrl", "one_text"),  # until 2024-06-11
    JsonField("media_urls", "$.paper.mediaUrls", "texts"),
    JsonField("discussion_id", "$.paper.discussionId", "text"),
    JsonField("ai_summary", "$.paper.ai_summary", "text"),
    JsonField("ai_keywords", "$.paper.ai_keywords", "keywords"),
    JsonField("is_author_participating", "$.isAuthorParticipating", "flag"),
    JsonField("upvote_count", "$.paper.upvotes", "count"),
    JsonField("comment_count", "$.numComments", "count"),
    JsonField("github_star_count", "$.paper.githubStars", "count"),
    JsonField(None, "$.paper.authors", "array"),
)
AUTHOR_FIELDS = (
    JsonField("name", "$.name", "text"),
    JsonField(None, "$.user", "object"),
    JsonField("hub_user", "$.user.user", "text"),
    JsonField("status", "$.status", "text"),
    JsonField("is_hidden", "$.hidden", "flag"),
)
# Paths that are no columns: the entry itself, its paper, the identifier, the date of its list, and the authors.
ID_PATH = "$.paper.id"
PUT_ON_PATH = "$.paper.submittedOnDailyAt"
AUTHORS_PATH = "$.paper.authors"
_KEY_PATHS = ("$", "$.paper", ID_PATH, PUT_ON_PATH)
_PLACE = ["page_no", "item"]
_ID_PATTERN = next(check.pattern for check in LISTINGS["paper_id"].checks if isinstance(check, Matches))
_IRREGULAR_ENTRIES = "select page_no, item, entry from irregular_entries"
_IRREGULAR_AUTHORS = """
    select page_no, item, unnest(authors) as entry, generate_subscripts(authors, 1) as author
    from (select page_no, item, json_extract(entry, '$.paper.authors[*]') as authors from entries_of_irregular_authors)
"""

FAULT_COLUMNS = (
    *("table_name", "listed_on", "captured_at", "place", "field", "reason", "message", "is_row_kept"),
    *("page_no", "item", "author"),
)


@dataclass(frozen=True, slots=True)
class Entries:
    """All entries of the valid pages.

    `rows` has the columns of each entry, its `position`, and its `refusal` if any. `irregular` has the raw values and
    JSON types of the entries read on the slow path; their faults are derived from it. `authors` has the authors of the
    others, as a list in the column `people`. `repeating` (page_no, item) are the entries that name a key twice.
    """

    rows: pl.DataFrame
    irregular: pl.DataFrame
    authors: pl.DataFrame
    repeating: pl.DataFrame


def parse_entries(pages: ListPages) -> pl.DataFrame:
    """Parse every entry of `pages` on the fast path, with its authors as a list."""
    # Authors are most of an entry, so they are parsed with it: a second parse of their text would take half as long
    # again. A value that is not a list becomes null, like an absent one, so both make the entry irregular.
    authors = [json.loads(fast_path.json_structure(AUTHOR_FIELDS))]
    more = {ID_PATH: "JSON", PUT_ON_PATH: "VARCHAR", AUTHORS_PATH: authors}
    expression = f"from_json(text, '[{fast_path.json_structure(ENTRY_FIELDS, more=more)}]')"
    try:
        parsed: pl.DataFrame = pages.database.sql(_entries_sql(expression)).pl()
    except duckdb.InvalidInputException:
        # Some page is not JSON. try() for each page takes a seventh longer.
        parsed = pages.database.sql(_entries_sql(f"try({expression})")).pl()
    return parsed


def _entries_sql(parsed: str) -> str:
    """A query for the items of the lists that the expression `parsed` makes of the pages' texts."""
    columns = fast_path.sql_columns(ENTRY_FIELDS, "e") | {
        name: fast_path.sql_member("e", name) for name in (ID_PATH, PUT_ON_PATH)
    }
    authors = fast_path.sql_member("e", AUTHORS_PATH)
    columns[AUTHORS_PATH] = f"case when {authors} is not null then '[' end"
    selected = ", ".join(f'{value} as "{name}"' for name, value in columns.items())
    author = ", ".join(f'"{name}" := {value}' for name, value in fast_path.sql_columns(AUTHOR_FIELDS, "a").items())
    return f"""
        select page_no, item, {selected}, list_transform({authors}, lambda a: struct_pack({author})) as people
        from (
            select page_no, unnest(es) as e, generate_subscripts(es, 1) as item
            from (select page_no, {parsed} as es from listed_pages)
        )
    """  # noqa: S608 - made of constants of this package


def read_entries(pages: ListPages, parsed: pl.DataFrame, tally: pl.DataFrame) -> Entries:
    """The `parsed` entries with their columns. `tally` gives each page's capture and the number of entries before."""
    valid = tally.filter(pl.col("entry_count").is_not_null())
    placed = parsed.join(valid.select("page_no", "listed_on", "captured_at", "before"), on="page_no")
    rows = fast_path.read_columns(
        placed,
        ENTRY_FIELDS,
        LISTINGS,
        pl.col(ID_PATH).str.slice(1, pl.col(ID_PATH).str.len_bytes() - 2).alias("paper_id"),
        parse_hub_timestamp(pl.col(PUT_ON_PATH)).dt.date().alias("put_on"),
        pl.col("people").list.len().cast(pl.Int32).alias("author_count"),
        pl.lit(None, pl.String).alias("refusal"),
    )
    is_irregular = rows["is_irregular"] | rows.select(_has_irregular_key()).to_series()
    if pages.damaged.len():
        is_irregular |= rows["page_no"].is_in(pages.damaged.implode())
    fast_path_rows = rows.filter(~is_irregular) if is_irregular.any() else rows
    places = placed.filter(is_irregular).select(*_PLACE, "listed_on", "captured_at", "before")
    irregular = _read_irregular_entries(pages, places.select(_PLACE))
    columns = [*_PLACE, "listed_on", "captured_at", "before", "paper_id", "put_on", "author_count", "refusal"]
    columns += _column_names(ENTRY_FIELDS)
    rows = (
        pl.concat([fast_path_rows.select(columns), irregular.join(places, on=_PLACE).select(columns)])
        .with_columns(position=(pl.col("before") + pl.col("item")).cast(pl.Int32))
        .sort("listed_on", "captured_at", "position")
    )
    is_repeated = pl.col("refusal").is_null() & ~pl.struct("page_no", "paper_id", "refusal").is_first_distinct()
    refusal = pl.when(is_repeated).then(pl.lit("key_repeated")).otherwise("refusal")
    return Entries(
        rows.with_columns(refusal=refusal), irregular, fast_path_rows.select(*_PLACE, "people"), pages.repeating
    )


def readable_papers(entries: Entries) -> pl.DataFrame:
    """The readable entries, each paper once per capture: a list that shifts between two requests repeats a paper."""
    return entries.rows.filter(pl.col("refusal").is_null()).unique(
        subset=["listed_on", "captured_at", "paper_id"], keep="first", maintain_order=True
    )


def read_authors(pages: ListPages, entries: Entries, papers: pl.DataFrame) -> pl.DataFrame:
    """All authors of `papers` with their columns and `refusal`, in no defined order."""
    # Sorted like the table, which makes its final sort cheap as long as there are few irregular authors.
    owners = papers.select(*_PLACE, "listed_on", "captured_at", "paper_id", place="position").sort(
        "listed_on", "paper_id", "captured_at"
    )
    count = pl.col("people").list.len()
    parsed = (
        owners.join(entries.authors, on=_PLACE, maintain_order="left")
        .filter(count > 0)
        .with_columns(author=pl.int_ranges(1, count + 1))
        .explode("people", "author")
        .unnest("people")
    )
    authors = fast_path.read_columns(parsed, AUTHOR_FIELDS, AUTHORS, pl.lit(None, pl.String).alias("refusal"))
    suspects = authors.filter(pl.col("is_irregular") | pl.col("name").is_null()).select(_PLACE).unique()
    fast_path_rows = authors.join(suspects, on=_PLACE, how="anti") if suspects.height else authors
    irregular_entries = owners.select(_PLACE).join(entries.irregular.select(_PLACE), on=_PLACE, how="semi")
    irregular = _read_irregular_authors(pages, pl.concat([suspects, irregular_entries])).join(owners, on=_PLACE)
    columns = [*owners.columns, "author", *_column_names(AUTHOR_FIELDS), "refusal"]
    rows = pl.concat([fast_path_rows.select(columns), irregular], how="diagonal")
    return rows.with_columns(position=pl.col("author").cast(pl.Int32))


def _column_names(fields: tuple[JsonField, ...]) -> list[str]:
    return list(dict.fromkeys(field.column for field in fields if field.column))


def _has_irregular_key() -> pl.Expr:
    """Whether the identifier, the authors or the date may be irregular. Quotes show that an identifier is text."""
    is_valid_id = pl.col(ID_PATH).str.contains(rf'\A"(?:{_ID_PATTERN})"\z').fill_null(value=False)
    is_invalid_date = pl.col(PUT_ON_PATH).is_not_null() & pl.col("put_on").is_null()
    return ~is_valid_id | pl.col(AUTHORS_PATH).is_null() | is_invalid_date


def _read_irregular_entries(pages: ListPages, places: pl.DataFrame) -> pl.DataFrame:
    """Read entries on the slow path, with the raw values and JSON types."""
    if places.is_empty():
        return _read_nothing()[0]
    pages.extract_entries(places, "irregular_entries")
    entries = _extract_entries(pages)
    is_damaged = pl.col("page_no").is_in(pages.damaged.implode()) & pl.col("$").str.contains(REPLACEMENT, literal=True)
    return entries.with_columns(refusal=pl.when(is_damaged).then(pl.lit("not_utf8")).otherwise("refusal"))


def _extract_entries(pages: ListPages) -> pl.DataFrame:
    lists = [AUTHORS_PATH, *(field.path for field in ENTRY_FIELDS if field.is_list)]
    paths = [*_KEY_PATHS, *(field.path for field in ENTRY_FIELDS)]
    raw = extract(pages.database, _IRREGULAR_ENTRIES, tuple(_PLACE), paths, lists)
    put_on = pl.when(pl.col(f"{PUT_ON_PATH}:type") == "VARCHAR").then(parse_timestamp(pl.col(PUT_ON_PATH)))
    count = pl.col(f"{AUTHORS_PATH}:items").list.len().cast(pl.Int32)
    author_count = pl.when(pl.col(f"{AUTHORS_PATH}:type") == "ARRAY").then(count)
    return read_fields(raw, ENTRY_FIELDS, LISTINGS).with_columns(
        paper_id=ID_PATH, put_on=put_on.dt.date(), author_count=author_count, refusal=_refusal()
    )


def _read_irregular_authors(pages: ListPages, places: pl.DataFrame) -> pl.DataFrame:
    """Read the authors of entries on the slow path, with the raw values and JSON types."""
    if places.is_empty():
        return _read_nothing()[1]
    pages.extract_entries(places, "entries_of_irregular_authors")
    return _extract_authors(pages)


def _extract_authors(pages: ListPages) -> pl.DataFrame:
    paths = ["$", *(field.path for field in AUTHOR_FIELDS)]
    raw = extract(pages.database, _IRREGULAR_AUTHORS, (*_PLACE, "author"), paths, [])
    kind, name = pl.col("$:type"), pl.col("name")
    refusal = (
        pl.when(kind.is_null() | (kind != "OBJECT"))
        .then(pl.lit("not_an_object"))
        .when(pl.col("$.name:reason").is_not_null())
        .then("$.name:reason")
        .when(name.is_null())
        .then(pl.lit("name_missing"))
    )
    return read_fields(raw, AUTHOR_FIELDS, AUTHORS).with_columns(refusal=refusal)


@cache
def _read_nothing() -> tuple[pl.DataFrame, pl.DataFrame]:
    """The cached slow-path result without entries and without authors: most months have no irregular ones."""
    places = pl.DataFrame(schema={"page_no": pl.UInt32, "item": pl.Int64})
    columns = {"page_no": pl.UInt32, "status_code": pl.Int32, "text": pl.String, "is_damaged": pl.Boolean}
    with open_pages(pl.DataFrame(schema=columns)) as pages:
        pages.extract_entries(places, "irregular_entries")
        pages.extract_entries(places, "entries_of_irregular_authors")
        return _extract_entries(pages), _extract_authors(pages)


def entry_faults(entries: Entries, papers: pl.DataFrame) -> pl.DataFrame:
    """Faults of refused entries, and of refused values of the entries that became `papers`."""
    requirements = {
        "not_an_object": ("$", "an entry is an object"),
        "paper_missing": ("$.paper", "an entry holds a paper"),
        "id_missing": (ID_PATH, "a paper has an id"),
        "id_invalid": (ID_PATH, "an arXiv id has the form 2511.01234 or hep-th/9901001"),
        "not_utf8": ("$", "the bytes of an entry are UTF-8"),
        "key_repeated": (ID_PATH, "a paper stands once on a page"),
    }
    refused = entries.rows.filter(pl.col("refusal").is_not_null())
    raw = refused.join(entries.irregular.select(*_PLACE, ID_PATH, "$.paper:type"), on=_PLACE, how="left")
    excerpt = one_line(pl.coalesce(ID_PATH, "paper_id")).fill_null("nothing").str.slice(0, 60)
    path_of_wrong_type = pl.when(pl.col("$.paper:type") != "OBJECT").then(pl.lit("$.paper")).otherwise(pl.lit(ID_PATH))
    paths = {reason: path for reason, (path, _) in requirements.items()}
    texts = {reason: text for reason, (_, text) in requirements.items()}
    whole = raw.with_columns(
        table_name=pl.lit(LISTINGS.name),
        reason="refusal",
        field=pl.col("refusal").replace_strict(paths, default=path_of_wrong_type),
        message=pl.format(
            "found {}; {}", excerpt, pl.col("refusal").replace_strict(texts, default="the type is wrong")
        ),
        is_row_kept=pl.lit(value=False),
    )
    published = papers.select(*_PLACE, "listed_on", "captured_at", "position")
    irregular = entries.irregular.join(published, on=_PLACE)
    values = value_faults(irregular, ENTRY_FIELDS, LISTINGS, pl.lit("$")).with_columns(is_row_kept=pl.lit(value=True))
    repeated = published.join(entries.repeating, on=_PLACE, how="semi").with_columns(
        table_name=pl.lit(LISTINGS.name),
        reason=pl.lit("key_twice"),
        field=pl.lit("$"),
        message=pl.lit("an object names a key twice; its last value counts"),
        is_row_kept=pl.lit(value=True),
    )
    return pl.concat(
        faults.with_columns(place="position", author=pl.lit(0, pl.Int64)).select(FAULT_COLUMNS)
        for faults in (whole, values, repeated)
    )


def author_faults(authors: pl.DataFrame) -> pl.DataFrame:
    """Faults of refused authors, and of refused values of the others."""
    path = pl.format("$.paper.authors[{}]", pl.col("author") - 1)
    is_object = pl.col("refusal") != "not_an_object"
    whole = authors.filter(pl.col("refusal").is_not_null()).with_columns(
        table_name=pl.lit(AUTHORS.name),
        reason="refusal",
        field=pl.when(is_object).then(pl.format("{}.name", path)).otherwise(path),
        message=pl.format(
            "found {}; an author is an object with a name", one_line(pl.col("$")).fill_null("null").str.slice(0, 60)
        ),
        is_row_kept=pl.lit(value=False),
    )
    readable = authors.filter(pl.col("refusal").is_null(), pl.col("$:type").is_not_null())
    values = value_faults(readable, AUTHOR_FIELDS, AUTHORS, path).with_columns(is_row_kept=pl.lit(value=True))
    return pl.concat(faults.select(FAULT_COLUMNS) for faults in (whole, values))


def _refusal() -> pl.Expr:
    """The reason to refuse an entry; null for a valid one."""
    whole, paper, paper_id = pl.col("$:type"), pl.col("$.paper:type"), pl.col(f"{ID_PATH}:type")
    return (
        pl.when(whole.is_null() | (whole != "OBJECT"))
        .then(pl.lit("not_an_object"))
        .when(paper.is_null() | (paper == "NULL"))
        .then(pl.lit("paper_missing"))
        .when(paper != "OBJECT")
        .then(pl.lit("wrong_type"))
        .when(paper_id.is_null() | (paper_id == "NULL") | ((paper_id == "VARCHAR") & (pl.col(ID_PATH) == "")))
        .then(pl.lit("id_missing"))
        .when(paper_id != "VARCHAR")
        .then(pl.lit("wrong_type"))
        .when(~pl.col(ID_PATH).str.contains(rf"\A(?:{_ID_PATTERN})\z"))
        .then(pl.lit("id_invalid"))
    )
