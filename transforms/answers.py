"""Kept replies to pages, and pages to raw entries: what the Hub sent, before anything is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
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


@dataclass(frozen=True, slots=True)
class Opened:
    """Valid pages, ready to be read: the view `valid_pages` (page_no, text) of `database`, and `entry_counts`."""

    database: duckdb.DuckDBPyConnection
    texts: pl.DataFrame
    entry_counts: pl.DataFrame

    def take_out(self, wanted: pl.DataFrame, name: str) -> None:
        """Make a table `name` (page_no, item counted from 1, raw JSON `entry`) of `wanted` (page_no, item)."""
        pages = self.texts.join(wanted, on="page_no", how="semi")
        self.database.register("whole_pages", _batched(pages))
        self.database.register("wanted", wanted.select("page_no", "item").unique().to_arrow())
        self.database.execute(
            f"""
            create or replace temp table {name} as select page_no, item, entry from (
                select page_no, unnest(json_extract(text, '$[*]')) as entry,
                       generate_subscripts(json_extract(text, '$[*]'), 1) as item from whole_pages
            ) semi join wanted using (page_no, item)
            """  # noqa: S608 - a name of this package's
        )


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """The process's own, empty database: opening one takes longer than reading a small month."""
    return duckdb.connect()


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
    bodies = pages.select("page_no", "body")
    try:
        return bodies.select("page_no", text=pl.col("body").cast(pl.String))
    except pl.exceptions.PolarsError:
        with _engine().cursor() as database:
            database.register("bodies", bodies.to_arrow())
            texts: pl.DataFrame = database.sql("select page_no, try(decode(body)) as text from bodies").pl()
        return texts


@contextmanager
def opened(pages: pl.DataFrame) -> Iterator[Opened]:
    """The valid pages of `pages`, for reading: a JSON array, with status 200 or none told."""
    answered = pages.filter(
        pl.col("status_code").is_null() | (pl.col("status_code") == HTTPStatus.OK),
        pl.col("text").str.strip_chars_start(_JSON_SPACE).str.starts_with("["),
    ).select("page_no", "text")
    with _engine().cursor() as database:
        database.register("answered", _batched(answered))
        # What is valid and begins with a bracket is an array: asking for its type would parse it all once more.
        counts: pl.DataFrame = database.sql(
            """
            select page_no, case when json_valid(text) then json_array_length(text)::integer end as entry_count
            from answered
            """
        ).pl()
        counts = counts.filter(pl.col("entry_count") <= MOST_ENTRIES)
        database.unregister("answered")
        valid = answered.join(counts, on="page_no", how="semi", maintain_order="left")
        database.register("valid_pages", _batched(valid))
        yield Opened(database, valid, counts)


def _batched(pages: pl.DataFrame) -> pa.Table:
    """Pages in batches of one: DuckDB gives each thread a batch, and a page is large."""
    texts = pages.to_arrow().combine_chunks()
    return pa.Table.from_batches(texts.to_batches(max_chunksize=1), texts.schema)
