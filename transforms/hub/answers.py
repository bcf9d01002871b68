"""Raw answers of the Hub: choose the pages of each capture, and extract their entries as JSON."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus

import duckdb
import polars as pl
import pyarrow as pa

# Python writes lone surrogates into JSON as escapes that strict parsers refuse; one in a title must not make a whole
# date unreadable. The pattern keeps pairs and escaped backslashes (group 1) and removes lone halves.
_LONE_SURROGATE = r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
MAX_ENTRIES = 10_000
"""Far more than any list had. Without a limit, a few megabytes of `[1,1,1,…]` would take gigabytes of memory."""
_BYTE_ORDER_MARK = "\ufeff"
_MANY_COMMAS = 200_000
"""A page with fewer commas has at most this many entries, which take half a gigabyte of memory to parse. The entries of
other pages are counted first. A recorded entry has about 120 commas."""


@dataclass(frozen=True, slots=True)
class ListPages:
    """Pages that may be lists, in the view `listed_pages` (page_no, text) of `database`."""

    database: duckdb.DuckDBPyConnection
    texts: pl.DataFrame

    def entry_counts(self, entries: pl.DataFrame) -> pl.DataFrame:
        """The number of entries of each page, from the parsed `entries` (page_no, item). Only lists have a row.

        Pages without a parsed entry are counted by DuckDB: each is either an empty list or not a list.
        """
        counts = entries.group_by("page_no").agg(entry_count=pl.col("item").max().cast(pl.Int32))
        without_entries = self.texts.join(counts, on="page_no", how="anti")
        parts = [counts, _entry_counts(self.database, without_entries)] if without_entries.height else [counts]
        return pl.concat(parts).filter(pl.col("entry_count") <= MAX_ENTRIES)

    def extract_entries(self, places: pl.DataFrame, name: str) -> None:
        """Create the table `name` (page_no, item, raw JSON `entry`) for `places` (page_no, item counted from 1)."""
        pages = self.texts.join(places, on="page_no", how="semi")
        self.database.register("whole_pages", one_page_batches(pages))
        self.database.register("places", places.select("page_no", "item").unique().to_arrow())
        self.database.execute(
            f"""
            create or replace temp table {name} as select page_no, item, entry from (
                select page_no, unnest(json_extract(text, '$[*]')) as entry,
                       generate_subscripts(json_extract(text, '$[*]'), 1) as item from whole_pages
            ) semi join places using (page_no, item)
            """  # noqa: S608 - a name of this package's
        )


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """The empty in-memory database of this process: opening one takes longer than parsing a small month."""
    # Threads such as Prefect's run until the interpreter exits, where DuckDB prints long warnings about open objects.
    atexit.register(engine.cache_clear)
    return duckdb.connect()


def use_one_thread() -> None:
    """Limit DuckDB to one thread, for processes that share the machine with other workers."""
    engine().execute("set threads = 1")


def capture_pages(replies: pl.DataFrame) -> pl.DataFrame:
    """One row for each page of a capture, with its text where the body is UTF-8.

    Of several answers for the same page of a capture the newest counts; with equal times, the one with the lower hash.
    A list of several pages ends with its first page, asked for again (`is_first_again`).
    """
    capture = ["requested_on", "capture_started_at"]
    newest_first = [*capture, "page", "captured_at", "body_sha256", "url"]
    distinct = (
        replies.sort(newest_first, descending=[False] * 3 + [True, False, False], nulls_last=True)
        .unique(subset=[*capture, "page"], keep="first", maintain_order=True)
        .with_row_index("page_no")
    )
    return distinct.select(
        "page_no",
        listed_on="requested_on",
        captured_at="capture_started_at",
        page="page",
        body_sha256="body_sha256",
        status_code="status_code",
        limit=_parameter("limit"),
        is_first_again=(_parameter("p") == 0) & (pl.col("page") > 0),
        has_next=pl.col("headers").str.json_path_match("$.link").str.contains(r'(?i)rel\s*=\s*"?[^",;]*\bnext\b'),
        text=_texts(distinct),
    )


def _parameter(name: str) -> pl.Expr:
    """A whole number in the query of the requested address; null for an imported answer."""
    return pl.col("url").str.extract(rf"[?&]{name}=([0-9]{{1,9}})(?:&|$)").cast(pl.Int64)


def _texts(pages: pl.DataFrame) -> pl.Series:
    """The bodies as text without byte order marks and lone surrogates; null where a body is not UTF-8."""
    text = decode(pages["body"])
    # Most months have neither, and a replacement copies every body, so search all bodies first.
    if text.str.starts_with(_BYTE_ORDER_MARK).any():
        text = text.str.strip_prefix(_BYTE_ORDER_MARK)
    return without_lone_surrogates(text)


def without_lone_surrogates(json_texts: pl.Series) -> pl.Series:
    """JSON texts without escapes of lone surrogates, which would make the whole text unreadable."""
    if json_texts.str.contains(r"\\u[dD][89a-fA-F]").any():
        return json_texts.str.replace_all(_LONE_SURROGATE, "$1")
    return json_texts


def decode(bodies: pl.Series) -> pl.Series:
    """Bytes as text, null where they are not UTF-8. Polars fails for all of them if one is invalid, DuckDB does not."""
    try:
        return bodies.cast(pl.String)
    except pl.exceptions.PolarsError:
        with engine().cursor() as database:
            database.register("bodies", bodies.to_frame("body").with_row_index("row").to_arrow())
            texts: pl.DataFrame = database.sql("select try(decode(body)) as text from bodies order by row").pl()
        return texts["text"]


@contextmanager
def open_pages(pages: pl.DataFrame) -> Iterator[ListPages]:
    """Open the pages that may be lists: status 200 or unknown, and text that begins with a bracket."""
    text = pl.col("text")
    answered = pages.filter(
        pl.col("status_code").is_null() | (pl.col("status_code") == HTTPStatus.OK),
        text.str.contains(r"\A[ \t\r\n]*\["),
    ).select("page_no", "text")
    is_large = text.str.len_bytes() > 2 * _MANY_COMMAS
    with engine().cursor() as database:
        long_pages = answered.filter(is_large).filter(text.str.count_matches(",", literal=True) > _MANY_COMMAS)
        if long_pages.height:
            counts = _entry_counts(database, long_pages).filter(pl.col("entry_count") > MAX_ENTRIES)
            answered = answered.join(counts, on="page_no", how="anti")
        database.register("listed_pages", one_page_batches(answered))
        yield ListPages(database, answered)


def _entry_counts(database: duckdb.DuckDBPyConnection, pages: pl.DataFrame) -> pl.DataFrame:
    """The number of entries of each page; an invalid page has no row."""
    database.register("counted", one_page_batches(pages))
    counts: pl.DataFrame = database.sql(
        "select page_no, try(json_array_length(text))::integer as entry_count from counted"
    ).pl()
    return counts.drop_nulls()


def one_page_batches(pages: pl.DataFrame) -> pa.Table:
    """Pages in record batches of one: DuckDB gives each thread a batch, and a page is large."""
    texts = pages.to_arrow(compat_level=pl.CompatLevel.newest())  # string views, so nothing is copied
    return pa.Table.from_batches(texts.to_batches(max_chunksize=1), texts.schema)
