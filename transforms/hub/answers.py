"""Kept replies to pages, and pages to raw entries: what the Hub sent, before anything is made of it."""

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

# Python writes lone surrogates into JSON as escapes that strict readers refuse; one in a title must not
# cost a day. Pairs and escaped backslashes are kept, lone halves removed.
_LONE_SURROGATE = r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
MOST_ENTRIES = 10_000
"""No list was ever that long; a few megabytes of `[1,1,1,…]` would take gigabytes."""
_BYTE_ORDER_MARK = "\ufeff"
_MANY_COMMAS = 200_000
"""A page with fewer cannot hold more entries than that, which take half a gigabyte to lay out. Others are counted
before; a recorded entry has about 120."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Pages that may be lists, ready to be read: the view `listed_pages` (page_no, text) of `database`."""

    database: duckdb.DuckDBPyConnection
    texts: pl.DataFrame

    def entry_counts(self, entries: pl.DataFrame) -> pl.DataFrame:
        """How many entries each page holds, by the `entries` (page_no, item) found; what is no list has no row.

        Only where none were found it is not known whether the page is an empty list, or none.
        """
        found = entries.group_by("page_no").agg(entry_count=pl.col("item").max().cast(pl.Int32))
        silent = self.texts.join(found, on="page_no", how="anti")
        told = [found, _entry_counts(self.database, silent)] if silent.height else [found]
        return pl.concat(told).filter(pl.col("entry_count") <= MOST_ENTRIES)

    def take_out(self, wanted: pl.DataFrame, name: str) -> None:
        """Make a table `name` (page_no, item counted from 1, raw JSON `entry`) of `wanted` (page_no, item)."""
        pages = self.texts.join(wanted, on="page_no", how="semi")
        self.database.register("whole_pages", batched(pages))
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
def engine() -> duckdb.DuckDBPyConnection:
    """The process's own, empty database: opening one takes longer than reading a small month."""
    # Where threads outlive a process, as Prefect's do, DuckDB calls what is still open then a leak, at great length.
    atexit.register(engine.cache_clear)
    return duckdb.connect()


def use_one_thread() -> None:
    """Let this process read on one core: where others have the rest, more threads only cost."""
    engine().execute("set threads = 1")


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
    return chosen.select(
        "page_no",
        listed_on="requested_on",
        captured_at="capture_started_at",
        page="page",
        body_sha256="body_sha256",
        status_code="status_code",
        limit=pl.col("url").str.extract(r"[?&]limit=([0-9]{1,9})").cast(pl.Int64),
        has_next=pl.col("headers").str.json_path_match("$.link").str.contains(r'(?i)rel\s*=\s*"?[^",;]*\bnext\b'),
        text=_texts(chosen),
    )


def _texts(pages: pl.DataFrame) -> pl.Series:
    """The bodies as text, null where one is not UTF-8, without marks of byte order and lone surrogates."""
    text = decoded(pages["body"])
    # Asked of all at once: most months have neither, and whatever makes a new text of a body copies it.
    if text.str.starts_with(_BYTE_ORDER_MARK).any():
        text = text.str.strip_prefix(_BYTE_ORDER_MARK)
    return without_lone_surrogates(text)


def without_lone_surrogates(json_texts: pl.Series) -> pl.Series:
    """Texts of JSON without the escapes of half a pair, which make all of a text unreadable."""
    if json_texts.str.contains(r"\\u[dD][89a-fA-F]").any():
        return json_texts.str.replace_all(_LONE_SURROGATE, "$1")
    return json_texts


def decoded(bodies: pl.Series) -> pl.Series:
    """Bytes as text, null where they are not UTF-8. Polars has no cast of bytes that leaves the others be."""
    try:
        return bodies.cast(pl.String)
    except pl.exceptions.PolarsError:
        with engine().cursor() as database:
            database.register("bodies", bodies.to_frame("body").with_row_index("row").to_arrow())
            texts: pl.DataFrame = database.sql("select try(decode(body)) as text from bodies order by row").pl()
        return texts["text"]


@contextmanager
def opened(pages: pl.DataFrame) -> Iterator[Opened]:
    """The pages of `pages` that may be lists, for reading: they begin like one, with status 200 or none told."""
    text = pl.col("text")
    answered = pages.filter(
        pl.col("status_code").is_null() | (pl.col("status_code") == HTTPStatus.OK),
        text.str.contains(r"\A[ \t\r\n]*\["),
    ).select("page_no", "text")
    is_large = text.str.len_bytes() > 2 * _MANY_COMMAS
    with engine().cursor() as database:
        endless = answered.filter(is_large).filter(text.str.count_matches(",", literal=True) > _MANY_COMMAS)
        if endless.height:
            counts = _entry_counts(database, endless).filter(pl.col("entry_count") > MOST_ENTRIES)
            answered = answered.join(counts, on="page_no", how="anti")
        database.register("listed_pages", batched(answered))
        yield Opened(database, answered)


def _entry_counts(database: duckdb.DuckDBPyConnection, pages: pl.DataFrame) -> pl.DataFrame:
    """How many entries each page holds; a page that is not valid has no row."""
    database.register("counted", batched(pages))
    counts: pl.DataFrame = database.sql(
        "select page_no, try(json_array_length(text))::integer as entry_count from counted"
    ).pl()
    return counts.drop_nulls()


def batched(pages: pl.DataFrame) -> pa.Table:
    """Pages in batches of one: DuckDB gives each thread a batch, and a page is large."""
    texts = pages.to_arrow(compat_level=pl.CompatLevel.newest())  # as views: nothing is copied
    return pa.Table.from_batches(texts.to_batches(max_chunksize=1), texts.schema)
