"""The census of fields: count all fields of the entries, known or unknown, with the types of their values."""

from __future__ import annotations

import atexit
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from itertools import islice
from typing import Any

import duckdb
import polars as pl

from schemas.field_days import RELATION_SEPARATOR
from transforms.drift import month_start
from transforms.hub.answers import ListPages, one_page_batches
from transforms.hub.values import parse_timestamp
from transforms.text import one_line

MAX_ENTRIES = 100
"""Entries counted of each date: the size of the Hub's largest page, and enough to detect changes."""
LONG_LIST = 200
"""The longest recorded list has 133 entries. Of a list longer than `LONG_LIST`, only `FEW_ENTRIES` are counted."""
FEW_ENTRIES = 20
_FEW_ENTRIES_LENGTH = 500_000
"""Characters that nearly always contain `FEW_ENTRIES`: a recorded entry has 3,000 on average, and 55,000 at most. The
whole list is parsed where they do not."""
_MAX_FIELDS = 1000
_MAX_DEPTH = 12
_SAMPLES = 3
_SAMPLE_LENGTH = 60
_MAX_NAME_LENGTH = 60
_KINDS = {
    "VARCHAR": "text",
    "BOOLEAN": "flag",
    "UBIGINT": "whole_number",
    "BIGINT": "whole_number",
    "HUGEINT": "whole_number",
    "DOUBLE": "number",
    "NULL": "null",
    "JSON": "mixed",
}
_NEXT_ENTRY = ',{"paper":'
_PUBLISHED_PATHS = ("$.publishedAt", "$.paper.publishedAt")
"""The same time by their names, but never by their values: until 2025-03-10 the first was shifted, and since then it is
New York time with a wrong Z."""
_PUT_ON_PATH = "$.paper.submittedOnDailyAt"
_PLACE = ["page_no", "item"]
_NESTED_TOO_DEEPLY = (duckdb.InternalException, duckdb.FatalException)
"""What json_structure raises for an entry with thousands of levels."""
_DATE_AND_PATH = ["listed_on", "field_path"]
_IS_OUTSIDE_LISTS = ~pl.col("field_path").str.contains("[]", literal=True)


@dataclass(frozen=True, slots=True)
class Census:
    """`days` has the columns of the table `field_days`; `samples` has example values (field_path, month, sample)."""

    days: pl.DataFrame
    samples: pl.DataFrame


def take_census(pages: ListPages, tally: pl.DataFrame, source: str) -> Census:
    """Count the fields of the newest valid capture of each date, whether it will be accepted or not."""
    first_pages = _first_pages(tally)
    try:
        return _census(pages.texts, first_pages, source)
    except _NESTED_TOO_DEEPLY:
        # The error makes the whole database unusable. Only the months with such an entry are counted without it.
        _engine.cache_clear()
        months = first_pages.with_columns(month=month_start("listed_on")).partition_by("month", include_key=False)
        parts = [_census_of_month(pages.texts, month, source) for month in months]
        return Census(pl.concat(part.days for part in parts), pl.concat(part.samples for part in parts))


def _census_of_month(texts: pl.DataFrame, first_pages: pl.DataFrame, source: str) -> Census:
    try:
        return _census(texts, first_pages, source)
    except _NESTED_TOO_DEEPLY:
        _engine.cache_clear()
        return _census(texts, first_pages, source, max_depth=_MAX_DEPTH)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """A database for the census alone: an error that makes it unusable must not affect other reads."""
    atexit.register(_engine.cache_clear)  # for the reason given in `answers.engine`
    return duckdb.connect(config={"threads": 1})


def _census(texts: pl.DataFrame, first_pages: pl.DataFrame, source: str, max_depth: int | None = None) -> Census:
    """The census of the first entries of `first_pages`; an entry nested deeper than `max_depth` counts as empty."""
    with _engine().cursor() as database:
        _create_entries(database, texts, first_pages, max_depth)
        shapes: pl.DataFrame = database.sql(
            "select listed_on, coalesce(json_structure(entry), '\"NULL\"') as shape, count(*) as entries, "
            "min({page_no: page_no, item: item}) as example from census_entries group by all"
        ).pl()
        if shapes.is_empty():
            return Census(pl.DataFrame(schema=_DAYS), pl.DataFrame(schema=_SAMPLE))
        shapes = shapes.with_columns(month=month_start("listed_on"))
        fields = _most_common_fields(shapes)
        texts_by_kind = _count_texts(database, fields)
        relations = _count(_relations(database, fields))
        samples = _samples(database, shapes, fields)
    counted = (
        shapes.join(fields, on=["month", "shape"])
        .group_by("listed_on", "field_path", "kind")
        .agg(present_count=pl.col("entries").sum().cast(pl.Int32))
    )
    is_classified = (pl.col("kind") == "text") & _IS_OUTSIDE_LISTS
    # A name with quotes has no address, so its texts keep the kind `text`.
    others = [
        counted.filter(~is_classified),
        counted.filter(is_classified).join(texts_by_kind, on=_DATE_AND_PATH, how="anti"),
    ]
    totals = shapes.group_by("listed_on").agg(entry_count=pl.col("entries").sum().cast(pl.Int32))
    rows = pl.concat([*others, texts_by_kind, relations])
    days = rows.join(totals, on="listed_on").with_columns(source=pl.lit(source))
    return Census(days.select(*_DAYS), samples)


def _most_common_fields(shapes: pl.DataFrame) -> pl.DataFrame:
    """The fields (month, shape, field_path, address, kind) of `shapes`: of each month the `_MAX_FIELDS` most common."""
    of_shapes = pl.concat(_fields(shape) for shape in shapes["shape"].unique())
    by_shape = shapes.group_by("month", "shape").agg(pl.col("entries").sum())
    fields = by_shape.join(of_shapes, on="shape")
    if of_shapes["field_path"].n_unique() > _MAX_FIELDS:
        counts = fields.group_by("month", "field_path").agg(pl.col("entries").sum())
        by_count = counts.sort("month", "entries", "field_path", descending=[False, True, False])
        common = by_count.group_by("month", maintain_order=True).head(_MAX_FIELDS)
        fields = fields.join(common, on=["month", "field_path"], how="semi")
    return fields.drop("entries")


_SAMPLE = {"field_path": pl.String, "month": pl.Date, "sample": pl.String}
_DAYS = {
    "source": pl.String,
    "listed_on": pl.Date,
    "field_path": pl.String,
    "kind": pl.String,
    "entry_count": pl.Int32,
    "present_count": pl.Int32,
}


def _first_pages(tally: pl.DataFrame) -> pl.DataFrame:
    """The pages with entries to count (page_no, listed_on, before, max_count): the first `max_count` of each date."""
    valid = tally.filter(pl.col("entry_count") > 0)
    newest = valid.filter(pl.col("captured_at") == pl.col("captured_at").max().over("listed_on"))
    is_long = pl.col("entry_count").sum().over("listed_on") > LONG_LIST
    max_count = pl.when(is_long).then(FEW_ENTRIES).otherwise(MAX_ENTRIES)
    pages = newest.select("page_no", "listed_on", "before", max_count=max_count)
    return pages.filter(pl.col("before") < pl.col("max_count"))


def _create_entries(
    database: duckdb.DuckDBPyConnection, page_texts: pl.DataFrame, first_pages: pl.DataFrame, max_depth: int | None
) -> None:
    """Create the table `census_entries` (page_no, item, listed_on, entry) from the first entries of `first_pages`."""
    texts = page_texts.join(first_pages, on="page_no").with_columns(start=pl.lit(None, pl.String))
    is_long = texts["max_count"] == FEW_ENTRIES
    if is_long.any():
        # A long list is cut between two entries, so that only its start is parsed. If the cut is not valid JSON, the
        # query below parses the whole list.
        pieces = pl.col("text").str.head(_FEW_ENTRIES_LENGTH).str.splitn(_NEXT_ENTRY, FEW_ENTRIES + 1).struct.unnest()
        cut = texts.select("page_no", pieces).drop(f"field_{FEW_ENTRIES}")
        start = pl.concat_str(pl.exclude("page_no"), separator=_NEXT_ENTRY) + "]"
        texts = texts.with_columns(start=pl.when(is_long).then(cut.select(start).to_series()))
    pages = texts.select("page_no", "listed_on", "before", "max_count", "text", "start")
    database.register("census_pages", one_page_batches(pages))
    database.execute(
        """
        create or replace temp table census_entries as select page_no, item, listed_on, entry from (
            select page_no, listed_on, before, max_count,
                   unnest(entries) as entry, generate_subscripts(entries, 1) as item
            from (
                select page_no, listed_on, before, max_count,
                       coalesce(try(from_json(start, '["JSON"]')), from_json(text, '["JSON"]')) as entries
                from census_pages
            )
        ) where before + item <= max_count
        """
    )
    if max_depth is not None:
        entries: pl.DataFrame = database.sql("select page_no, item, listed_on, entry from census_entries").pl()
        is_deep = pl.Series([entry is not None and _depth(entry) > max_depth for entry in entries["entry"]])
        shallow = pl.when(is_deep).then(pl.lit("{}")).otherwise("entry").alias("entry")
        database.register("shallow_entries", entries.with_columns(shallow).to_arrow())
        database.execute("create or replace temp table census_entries as from shallow_entries")


def _depth(text: str) -> int:
    """The nesting depth of a JSON text."""
    deepest = depth = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _count_texts(database: duckdb.DuckDBPyConnection, fields: pl.DataFrame) -> pl.DataFrame:
    """How many entries of each date have a text of each kind in each field outside of lists."""
    addresses = _addresses(fields.filter(_IS_OUTSIDE_LISTS))
    counts: pl.DataFrame = database.sql(
        f"""
        select listed_on, place, kind, count(*)::integer as present_count from (
            select listed_on, place,
                case
                when value = '' then 'empty_text'
                when length(value) <= 32 and regexp_full_match(value, '\\d{{4}}-\\d{{2}}-\\d{{2}}T\\d{{2}}:\\d{{2}}.*')
                    then case when contains(value, 'T00:00:00') then 'midnight' else 'instant' end
                when contains(value, chr(10)) then 'wrapped_text' else 'text' end as kind
            from ({_values_sql("census_entries", addresses)}) where type = 'VARCHAR'
        ) group by all
        """  # noqa: S608 - addresses are quoted
    ).pl()
    counted = counts.join(addresses, on="place").with_columns(month=month_start("listed_on"))
    known = counted.join(fields, on=["month", "field_path"], how="semi")
    return known.select("listed_on", "field_path", "kind", "present_count")


def _addresses(fields: pl.DataFrame) -> pl.DataFrame:
    """The distinct addresses of fields, and the `place` of each in a list of them."""
    distinct = fields.select("field_path", "address").unique().drop_nulls()
    return distinct.with_columns(place=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))


def _values_sql(entries: str, addresses: pl.DataFrame) -> str:
    """A query for the value at each address in each entry, and its JSON type."""
    paths = _sql_list(addresses["address"].to_list())
    return f"""
        select * from (
            select page_no, item, listed_on, unnest(json_values) as value, unnest(types) as type,
                   generate_subscripts(json_values, 1) as place
            from (
                select page_no, item, listed_on, json_extract_string(entry, {paths}) as json_values,
                       json_type(entry, {paths}) as types
                from {entries}
            )
        ) where value is not null
    """  # noqa: S608 - names of this package, and quoted addresses


def _count(values: pl.DataFrame) -> pl.DataFrame:
    return values.group_by("listed_on", "field_path", "kind").agg(present_count=pl.len().cast(pl.Int32))


def _relations(database: duckdb.DuckDBPyConnection, fields: pl.DataFrame) -> pl.DataFrame:
    """The relations between fields that should agree: listed_on, field_path, kind."""
    addresses = _addresses(fields.filter(pl.col("field_path").is_in([*_PUBLISHED_PATHS, _PUT_ON_PATH])))
    values: pl.DataFrame = database.sql(_values_sql("census_entries", addresses)).pl()
    timestamps = values.join(addresses, on="place").with_columns(at=parse_timestamp(pl.col("value")))
    outer, inner, put_on = (
        timestamps.filter(pl.col("field_path") == path).select("page_no", "item", "listed_on", "at").drop_nulls()
        for path in (*_PUBLISHED_PATHS, _PUT_ON_PATH)
    )
    clock = pl.col("at_other").dt.convert_time_zone("America/New_York").dt.replace_time_zone(None)
    agreement = (
        pl.when(pl.col("at") == pl.col("at_other"))
        .then(pl.lit("same_instant"))
        .when(pl.col("at").dt.replace_time_zone(None) == clock)
        .then(pl.lit("new_york_clock"))
        .otherwise(pl.lit("other_instant"))
    )
    is_dated = pl.when(pl.col("at").dt.date() == pl.col("listed_on")).then(pl.lit("same_date"))
    both = outer.join(inner, on=_PLACE, suffix="_other").with_columns(kind=agreement)
    dated = put_on.with_columns(kind=is_dated.otherwise(pl.lit("other_date")))
    names = (RELATION_SEPARATOR.join(_PUBLISHED_PATHS), RELATION_SEPARATOR.join((_PUT_ON_PATH, "listed_on")))
    return pl.concat(
        relation.select("listed_on", pl.lit(name).alias("field_path"), "kind")
        for name, relation in zip(names, (both, dated), strict=True)
    )


def _samples(database: duckdb.DuckDBPyConnection, shapes: pl.DataFrame, fields: pl.DataFrame) -> pl.DataFrame:
    """Example values of every field that is not a container, from one entry of each shape in each month."""
    examples = shapes.unnest("example").sort(_PLACE)
    first = examples.unique(["shape", "month"], keep="first", maintain_order=True).select(*_PLACE, "month")
    database.register("sampled", first.to_arrow())
    addresses = _addresses(fields)
    entries = "(select page_no, item, listed_on, entry from census_entries semi join sampled using (page_no, item))"
    values: pl.DataFrame = database.sql(_values_sql(entries, addresses)).pl()
    containers = fields.filter(pl.col("kind").is_in(["object", "list"])).select("month", "field_path")
    return (
        values.join(addresses, on="place")
        .join(first, on=_PLACE)
        .join(fields, on=["month", "field_path"], how="semi")
        .join(containers, on=["month", "field_path"], how="anti")
        .select(*_PLACE, "field_path", "month", sample=one_line(pl.col("value").str.head(_SAMPLE_LENGTH)))
        .drop_nulls("sample")
        .sort("field_path", "month", *_PLACE)
        .unique(subset=["field_path", "month", "sample"], keep="first", maintain_order=True)
        .group_by("field_path", "month", maintain_order=True)
        .head(_SAMPLES)
        .select("field_path", "month", "sample")
    )


def _sql_list(addresses: Sequence[str]) -> str:
    """JSON paths as an SQL list."""
    quoted = ", ".join("'" + address.replace("'", "''") + "'" for address in addresses)
    return f"[{quoted}]::varchar[]" if not quoted else f"[{quoted}]"


@lru_cache(maxsize=4096)
def _fields(shape: str) -> pl.DataFrame:
    """The fields (shape, field_path, address, kind) of a shape as given by DuckDB's `json_structure`.

    The address is a JSON path that DuckDB can evaluate, or null.
    """
    fields = dict.fromkeys(islice(_walk(json.loads(shape), "$", "$", 0), _MAX_FIELDS))
    return pl.DataFrame(
        [(shape, *field) for field in fields],
        schema={"shape": pl.String, "field_path": pl.String, "address": pl.String, "kind": pl.String},
        orient="row",
    )


def _walk(shape: Any, path: str, address: str | None, depth: int) -> Iterator[tuple[str, str | None, str]]:
    if isinstance(shape, str):
        # DuckDB gives `JSON` for an empty object, and also for items of several types.
        yield path, address, "object" if shape == "JSON" and "[]" not in path else _KINDS.get(shape, "mixed")
        return
    yield path, address, "object" if isinstance(shape, dict) else "list"
    if depth == _MAX_DEPTH:
        return
    if isinstance(shape, list):
        for item in shape:
            yield from _walk(item, f"{path}[]", address and f"{address}[0]", depth + 1)
        return
    for name, inner in shape.items():
        is_plain = re.fullmatch(r"[A-Za-z0-9_]+", name)
        shown = name if is_plain else json.dumps(name)
        if len(shown) > _MAX_NAME_LENGTH:  # the hash keeps apart names with the same beginning
            shown = f"{shown[:_MAX_NAME_LENGTH]}…{sha256(name.encode(errors='replace')).hexdigest()[:8]}"
        # DuckDB's JSON paths do not support all names.
        step = f".{name}" if is_plain else f'."{name}"' if re.fullmatch(r"[\w .:/@-]{1,99}", name) else None
        yield from _walk(inner, f"{path}.{shown}", address and step and address + step, depth + 1)
