"""Raw answers of the Hub: choose the pages of each capture, and extract their entries as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

import duckdb
import polars as pl
import pyarrow as pa

from transforms.hub.bodies import read_bodies
from transforms.hub.database import engine
from transforms.hub.repeated_keys import entries_with_repeated_keys, with_last_values

MAX_ENTRIES = 10_000
"""Far more than any list had. Without a limit, a few megabytes of `[1,1,1,…]` would take gigabytes of memory."""
_PAGE = ["requested_on", "capture_started_at", "page"]
_MANY_COMMAS = 200_000
"""A page with fewer commas has at most this many entries, which take half a gigabyte of memory to parse. The entries of
other pages are counted first. A recorded entry has about 120 commas."""


@dataclass(frozen=True, slots=True)
class ListPages:
    """Pages that may be lists, in the view `listed_pages` (page_no, text) of `database`.

    In the texts of the pages `damaged` (page_no), bytes that are not UTF-8 were replaced. The entries `repeating`
    (page_no, item) named a key twice; in the text it has its last value.
    """

    database: duckdb.DuckDBPyConnection
    texts: pl.DataFrame
    damaged: pl.Series
    repeating: pl.DataFrame

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


def capture_pages(replies: pl.DataFrame) -> pl.DataFrame:
    """One row for each page of a capture, with its text where the body can be read.

    Of several answers for the same page of a capture the newest counts; with equal times a readable one, and of several
    the one with the lower hash. A list of several pages ends with its first page, asked for again (`is_first_again`).
    """
    newest_first = [*_PAGE, "captured_at", "is_unreadable", "body_sha256", "url"]
    distinct = (
        replies.with_columns(is_unreadable=_is_unreadable(replies))
        .sort(newest_first, descending=[False] * 3 + [True, False, False, False], nulls_last=True)
        .unique(subset=_PAGE, keep="first", maintain_order=True)
        .with_row_index("page_no")
    )
    bodies = read_bodies(distinct["body"])
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
        text=bodies["text"],
        is_damaged=bodies["is_damaged"],
        form=bodies["form"],
    )


def unused_answers(replies: pl.DataFrame) -> pl.DataFrame:
    """The answers that lost against another one for the same page and time, and what they are.

    Columns: listed_on, captured_at (of the capture), page, body_sha256, `form` (null for a list).
    """
    rivals = replies.filter(pl.col("body_sha256").n_unique().over(*_PAGE, "captured_at") > 1)
    used = capture_pages(rivals).select(
        "page", "body_sha256", requested_on="listed_on", capture_started_at="captured_at"
    )
    unused = rivals.join(used, on=[*_PAGE, "body_sha256"], how="anti").unique([*_PAGE, "body_sha256"]).sort(_PAGE)
    is_list = ~_is_unreadable(rivals).alias("is_list")
    readable = rivals.filter(is_list)["body_sha256"].implode()
    return unused.select(
        *("page", "body_sha256"),
        listed_on="requested_on",
        captured_at="capture_started_at",
        form=pl.when(~pl.col("body_sha256").is_in(readable)).then(read_bodies(unused["body"])["form"]),
    )


def _is_unreadable(replies: pl.DataFrame) -> pl.Series:
    """Whether each answer is no list, though another answer for the same page and time may be one."""
    rivals = pl.col("body_sha256").n_unique().over(*_PAGE, "captured_at") > 1
    several = replies.with_row_index("page_no").filter(rivals).unique("body_sha256")
    if several.is_empty():
        return pl.repeat(value=False, n=replies.height, dtype=pl.Boolean, eager=True)
    texts = read_bodies(several["body"])
    pages = several.select("page_no", "body_sha256", "status_code").with_columns(texts["text"], texts["is_damaged"])
    with open_pages(pages) as lists:
        counted = _entry_counts(lists.database, lists.texts)
    readable = pages.join(counted, on="page_no", how="semi")["body_sha256"]
    return ~replies["body_sha256"].is_in(readable.implode()) & replies["body_sha256"].is_in(
        pages["body_sha256"].implode()
    )


def _parameter(name: str) -> pl.Expr:
    """A whole number in the query of the requested address; null for an imported answer."""
    return pl.col("url").str.extract(rf"[?&]{name}=([0-9]{{1,9}})(?:&|$)").cast(pl.Int64)


@contextmanager
def open_pages(pages: pl.DataFrame) -> Iterator[ListPages]:
    """Open the pages that may be lists: status 200 or unknown, and text that begins with a bracket.

    `pages` needs page_no, status_code, text and is_damaged.
    """
    text = pl.col("text")
    damaged = pages.filter("is_damaged")["page_no"]
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
        repeating = entries_with_repeated_keys(database)
        if repeating.height:
            answered = with_last_values(answered, repeating)
            database.register("listed_pages", one_page_batches(answered))
        yield ListPages(database, answered, damaged, repeating)


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
