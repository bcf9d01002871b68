"""Kept replies to pages, and pages to raw entries: what the Hub sent, before anything is made of it."""

from __future__ import annotations

from http import HTTPStatus

import duckdb
import polars as pl
import pyarrow as pa

# Python writes lone surrogates into JSON as escapes that strict readers refuse; one in a title must not
# cost a day. Pairs and escaped backslashes are kept, lone halves removed.
_LONE_SURROGATE = r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
MOST_ENTRIES = 10_000
"""No list was ever that long; a few megabytes of `[1,1,1,…]` would take gigabytes."""
_JSON_SPACE = " \t\r\n"
_BATCH_ROWS = 16
"""DuckDB works on one batch per thread; a page is large, so small batches keep every core busy."""


def pages(replies: pl.DataFrame) -> pl.DataFrame:
    """One row a page of a capture, with its text where the body is UTF-8.

    A capture and page that was kept twice counts once: the newest answer, then the lower hash.
    """
    capture = ["requested_on", "capture_started_at"]
    newest_first = [*capture, "page", "captured_at", "body_sha256", "url"]
    chosen = (
        replies.sort(newest_first, descending=[False] * 3 + [True, False, False], nulls_last=True)
        .unique(subset=[*capture, "page"], keep="first", maintain_order=True)
        .with_row_index("page_no")
    )
    text = pl.col("text").str.strip_prefix("\ufeff")
    return (
        chosen.join(_texts(chosen), on="page_no")
        .sort("page_no")
        .select(
            "page_no",
            listed_on="requested_on",
            captured_at="capture_started_at",
            page="page",
            status_code="status_code",
            limit=pl.col("url").str.extract(r"[?&]limit=([0-9]{1,9})").cast(pl.Int64),
            has_next=pl.col("headers").str.json_path_match("$.link").str.contains(r'(?i)rel\s*=\s*"?[^",;]*\bnext\b'),
            text=pl.when(text.str.contains(r"\\u[dD][89a-fA-F]"))
            .then(text.str.replace_all(_LONE_SURROGATE, "$1"))
            .otherwise(text),
        )
    )


def _texts(pages: pl.DataFrame) -> pl.DataFrame:
    """The bodies as text, null where one is not UTF-8. Polars has no cast of bytes that leaves the others be."""
    with duckdb.connect() as database:
        database.register("bodies", pages.select("page_no", "body").to_arrow())
        texts: pl.DataFrame = database.sql("select page_no, try(decode(body)) as text from bodies").pl()
    return texts


def open_pages(pages: pl.DataFrame) -> duckdb.DuckDBPyConnection:
    """A private database with the table `entries` (page_no, item counted from 1, raw JSON) of the valid pages.

    A page is valid when its status is 200 (or not told) and its text is a JSON array.
    """
    database = duckdb.connect()
    answered = pages.filter(
        pl.col("status_code").is_null() | (pl.col("status_code") == HTTPStatus.OK),
        pl.col("text").str.strip_chars_start(_JSON_SPACE).str.starts_with("["),
    )
    texts = answered.select("page_no", "text").to_arrow().combine_chunks()
    database.register("answered", pa.Table.from_batches(texts.to_batches(max_chunksize=_BATCH_ROWS), texts.schema))
    # What is valid and begins with a bracket is an array: asking for its type would parse it all once more.
    database.execute(
        """
        create temp table arrays as
        select page_no, json_extract(text, '$[*]') as items from answered
        where json_valid(text) and json_array_length(text) <= $most
        """,
        {"most": MOST_ENTRIES},
    )
    database.execute(
        """
        create temp table entries as
        select page_no, unnest(items) as entry, generate_subscripts(items, 1) as item from arrays
        """
    )
    return database


def entry_counts(database: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """How many entries each valid page holds; a page that is not valid has no row."""
    counts: pl.DataFrame = database.sql("select page_no, len(items)::integer as entry_count from arrays").pl()
    return counts
