"""Entries that name a key twice. DuckDB reads the first value of such a key, nearly every other reader the last."""

from __future__ import annotations

import json

import duckdb
import polars as pl

_HAS_REPEATED = "len(list_filter({keys}, lambda k: len(k) > len(list_distinct(k)))) > 0"
_PAGES = f"""
    select page_no from (
        select page_no, try(list_concat(json_keys(text, '$[*]'), json_keys(text, '$[*].paper'))) as keys
        from listed_pages
    ) where {_HAS_REPEATED.format(keys="keys")}
"""  # noqa: S608 - made of constants
_ENTRIES = f"""
    select page_no, item from (
        select page_no, unnest(json_extract(text, '$[*]')) as entry,
               generate_subscripts(json_extract(text, '$[*]'), 1) as item
        from listed_pages semi join repeating using (page_no)
    ) where {_HAS_REPEATED.format(keys="[json_keys(entry), json_keys(entry, '$.paper')]")}
"""  # noqa: S608 - made of constants


def entries_with_repeated_keys(database: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The places (page_no, item) of entries in `listed_pages` with a key twice, in them or in their paper."""
    pages: pl.DataFrame = database.sql(_PAGES).pl()
    if pages.is_empty():
        return pl.DataFrame(schema={"page_no": pl.UInt32, "item": pl.Int64})
    database.register("repeating", pages.to_arrow())
    entries: pl.DataFrame = database.sql(_ENTRIES).pl()
    return entries


def with_last_values(texts: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """`texts` (page_no, text) with every key once, and its last value, in the pages of `places`, which are very few."""
    repeating = texts.join(places, on="page_no", how="semi")
    rewritten = repeating.with_columns(
        text=pl.Series([_last_values(text) for text in repeating["text"]], dtype=pl.String)
    )
    return texts.update(rewritten, on="page_no")


def _last_values(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
