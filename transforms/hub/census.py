"""The census of fields: what entries carry, known or not, and in what form. Names and types only; nothing is judged."""

from __future__ import annotations

import atexit
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from typing import Any

import duckdb
import polars as pl

from schemas.field_days import RELATES
from transforms.drift import month_of
from transforms.hub.answers import Opened, batched
from transforms.hub.values import instant
from transforms.text import one_line

MOST_ENTRIES = 100
"""Of a date: a page of the Hub holds no more, and what changed shows in these."""
LONGEST = 200
"""The longest recorded list has 133 entries. Of one beyond that, a few tell as much, and cost less than its tables."""
FEW_ENTRIES = 20
_ENOUGH_FOR_FEW = 500_000
"""Letters that nearly always hold so few: a recorded entry has 3,000 at the mean, 55,000 at most. Where they do not,
the whole list is parsed."""
_MOST_FIELDS = 1000
_MOST_DEPTH = 12
_SAMPLES = 3
_SAMPLE_LENGTH = 60
_LONGEST_NAME = 60
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
_AGREE = ("$.publishedAt", "$.paper.publishedAt")
"""By their names the same instant. They never were: to 2025-03-10 the first was shifted, since then it is New York's
clock with a false Z."""
_DATED = "$.paper.submittedOnDailyAt"
_PLACE = ["page_no", "item"]
_OF_DATE = ["listed_on", "field_path"]


@dataclass(frozen=True, slots=True)
class Census:
    """`days` has the columns of the table `field_days`; `samples` are some values (field_path, month, sample)."""

    days: pl.DataFrame
    samples: pl.DataFrame


def census(pages: Opened, tally: pl.DataFrame, source: str) -> Census:
    """Count the fields of the newest valid capture of each date, whether it will be let in or not."""
    chosen = _first_pages(tally)
    try:
        return _census(pages.texts, chosen, source)
    except (duckdb.InternalException, duckdb.FatalException):
        # Nested too deep for DuckDB to tell its structure, which ruins the whole engine.
        _engine.cache_clear()
        return _census(pages.texts, chosen, source, most_depth=_MOST_DEPTH)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """An engine apart: what ruins it must not cost anybody else's reading."""
    atexit.register(_engine.cache_clear)  # as of every engine that is remembered
    return duckdb.connect(config={"threads": 1})


def _census(texts: pl.DataFrame, chosen: pl.DataFrame, source: str, most_depth: int | None = None) -> Census:
    """The census of the first entries of the `chosen` pages; of one nested deeper than that only that it is there."""
    with _engine().cursor() as database:
        _take_out(database, texts, chosen, most_depth)
        shapes: pl.DataFrame = database.sql(
            "select listed_on, coalesce(json_structure(entry), '\"NULL\"') as shape, count(*) as entries, "
            "min({page_no: page_no, item: item}) as example from census_entries group by all"
        ).pl()
        if shapes.is_empty():
            return Census(pl.DataFrame(schema=_DAYS), pl.DataFrame(schema=_SAMPLE))
        fields = _commonest(shapes)
        values = _values(database, fields.select("field_path", "address").unique().drop_nulls())
    counted = (
        shapes.join(fields, on="shape")
        .group_by("listed_on", "field_path", "kind")
        .agg(present_count=pl.col("entries").sum().cast(pl.Int32))
    )
    is_outside_lists = ~pl.col("field_path").str.contains("[]", literal=True)
    told_apart = _counted(values.filter("is_text", is_outside_lists))
    is_told_apart = (pl.col("kind") == "text") & is_outside_lists
    # A name with quotes in it has no address: its texts stay what they are.
    others = [counted.filter(~is_told_apart), counted.filter(is_told_apart).join(told_apart, on=_OF_DATE, how="anti")]
    related = _counted(_relations(values))
    totals = shapes.group_by("listed_on").agg(entry_count=pl.col("entries").sum().cast(pl.Int32))
    every = pl.concat([*others, told_apart, related])
    days = every.join(totals, on="listed_on").with_columns(source=pl.lit(source))
    return Census(days.select(*_DAYS), _samples(values, shapes, fields))


def _commonest(shapes: pl.DataFrame) -> pl.DataFrame:
    """The fields (shape, field_path, address, kind) of all `shapes`; of endless ones those that most entries have."""
    fields = pl.DataFrame(
        [(shape, *field) for shape in shapes["shape"].unique() for field in _fields(shape)],
        schema={"shape": pl.String, "field_path": pl.String, "address": pl.String, "kind": pl.String},
        orient="row",
    )
    if fields["field_path"].n_unique() <= _MOST_FIELDS:
        return fields
    held = shapes.group_by("shape").agg(pl.col("entries").sum()).join(fields, on="shape")
    count = held.group_by("field_path").agg(pl.col("entries").sum())
    common = count.sort("entries", "field_path", descending=[True, False]).head(_MOST_FIELDS)
    return fields.join(common, on="field_path", how="semi")


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
    """The pages (page_no, listed_on, before, most) that hold the entries to look at: `most` of each date."""
    valid = tally.filter(pl.col("entry_count") > 0)
    newest = valid.filter(pl.col("captured_at") == pl.col("captured_at").max().over("listed_on"))
    is_long = pl.col("entry_count").sum().over("listed_on") > LONGEST
    most = pl.when(is_long).then(FEW_ENTRIES).otherwise(MOST_ENTRIES)
    told = newest.select("page_no", "listed_on", "before", most=most)
    return told.filter(pl.col("before") < pl.col("most"))


def _take_out(
    database: duckdb.DuckDBPyConnection, page_texts: pl.DataFrame, chosen: pl.DataFrame, most_depth: int | None
) -> None:
    """Make the table `census_entries` (page_no, item, listed_on, entry) of the first entries of the `chosen` pages."""
    texts = page_texts.join(chosen, on="page_no").with_columns(start=pl.lit(None, pl.String))
    is_long = texts["most"] == FEW_ENTRIES
    if is_long.any():
        # It need not be parsed to its end, unless the cut is not at an entry's.
        pieces = pl.col("text").str.head(_ENOUGH_FOR_FEW).str.splitn(_NEXT_ENTRY, FEW_ENTRIES + 1).struct.unnest()
        cut = texts.select("page_no", pieces).drop(f"field_{FEW_ENTRIES}")
        start = pl.concat_str(pl.exclude("page_no"), separator=_NEXT_ENTRY) + "]"
        texts = texts.with_columns(start=pl.when(is_long).then(cut.select(start).to_series()))
    held = texts.select("page_no", "listed_on", "before", "most", "text", "start")
    database.register("census_pages", batched(held))
    database.execute(
        """
        create or replace temp table census_entries as select page_no, item, listed_on, entry from (
            select page_no, listed_on, before, most, unnest(entries) as entry, generate_subscripts(entries, 1) as item
            from (
                select page_no, listed_on, before, most,
                       coalesce(try(from_json(start, '["JSON"]')), from_json(text, '["JSON"]')) as entries
                from census_pages
            )
        ) where before + item <= most
        """
    )
    if most_depth is not None:
        entries: pl.DataFrame = database.sql("select page_no, item, listed_on, entry from census_entries").pl()
        is_deep = pl.Series([entry is not None and _depth(entry) > most_depth for entry in entries["entry"]])
        shallow = pl.when(is_deep).then(pl.lit("{}")).otherwise("entry").alias("entry")
        database.register("shallow_entries", entries.with_columns(shallow).to_arrow())
        database.execute("create or replace temp table census_entries as from shallow_entries")


def _depth(text: str) -> int:
    """How deep JSON is nested."""
    deepest = depth = 0
    for bracket in re.findall(r"[\[\]{}]", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _values(database: duckdb.DuckDBPyConnection, fields: pl.DataFrame) -> pl.DataFrame:
    """What stands at the addresses of `fields` in each entry: the beginning of the value, and its kind if it is text.

    Gives page_no, item, listed_on, value, kind and is_text beside the columns of `fields`.
    """
    addresses = _listed(fields["address"].to_list())
    found: pl.DataFrame = database.sql(
        f"""
        select page_no, item, listed_on, place, left(value, {_SAMPLE_LENGTH}) as value, type = 'VARCHAR' as is_text,
            case
            when value = '' then 'empty_text'
            when length(value) <= 32 and regexp_full_match(value, '\\d{{4}}-\\d{{2}}-\\d{{2}}T\\d{{2}}:\\d{{2}}.*')
                then case when contains(value, 'T00:00:00') then 'midnight' else 'instant' end
            when contains(value, chr(10)) then 'wrapped_text' else 'text' end as kind
        from (
            select page_no, item, listed_on, unnest(found) as value, unnest(types) as type,
                   generate_subscripts(found, 1) as place
            from (
                select page_no, item, listed_on, json_extract_string(entry, {addresses}) as found,
                       json_type(entry, {addresses}) as types
                from census_entries
            )
        ) where value is not null
        """  # noqa: S608 - addresses are quoted
    ).pl()
    return found.join(fields.with_columns(place=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)), on="place")


def _counted(told: pl.DataFrame) -> pl.DataFrame:
    return told.group_by("listed_on", "field_path", "kind").agg(present_count=pl.len().cast(pl.Int32))


def _relations(values: pl.DataFrame) -> pl.DataFrame:
    """How the values of fields relate that ought to agree: listed_on, field_path, kind."""
    at = values.filter(pl.col("field_path").is_in([*_AGREE, _DATED])).with_columns(at=instant(pl.col("value")))
    one, other, put = (
        at.filter(pl.col("field_path") == path).select("page_no", "item", "listed_on", "at").drop_nulls()
        for path in (*_AGREE, _DATED)
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
    both = one.join(other, on=_PLACE, suffix="_other").with_columns(kind=agreement)
    dated = put.with_columns(kind=is_dated.otherwise(pl.lit("other_date")))
    names = (RELATES.join(_AGREE), RELATES.join((_DATED, "listed_on")))
    return pl.concat(
        told.select("listed_on", pl.lit(name).alias("field_path"), "kind")
        for name, told in zip(names, (both, dated), strict=True)
    )


def _samples(values: pl.DataFrame, shapes: pl.DataFrame, fields: pl.DataFrame) -> pl.DataFrame:
    """Some values of every field that is no container: of one entry of each shape in each month."""
    placed = shapes.unnest("example").with_columns(month=month_of("listed_on")).sort(_PLACE)
    first = placed.unique(["shape", "month"], keep="first", maintain_order=True)
    containers = fields.filter(pl.col("kind").is_in(["object", "list"])).select("field_path")
    return (
        values.join(first.select(*_PLACE, "month"), on=_PLACE)
        .join(containers, on="field_path", how="anti")
        .select(*_PLACE, "field_path", "month", sample=one_line(pl.col("value")))
        .drop_nulls("sample")
        .sort("field_path", "month", *_PLACE)
        .unique(subset=["field_path", "month", "sample"], keep="first", maintain_order=True)
        .group_by("field_path", "month", maintain_order=True)
        .head(_SAMPLES)
        .select("field_path", "month", "sample")
    )


def _listed(addresses: Sequence[str]) -> str:
    """JSON paths as a list in SQL."""
    quoted = ", ".join("'" + address.replace("'", "''") + "'" for address in addresses)
    return f"[{quoted}]::varchar[]" if not quoted else f"[{quoted}]"


@lru_cache(maxsize=4096)
def _fields(shape: str) -> tuple[tuple[str, str | None, str], ...]:
    """The fields of a shape, as `json_structure` told it: path, where JSON can be asked for it, and kind."""
    found = []
    for field in _walk(json.loads(shape), "$", "$", 0):
        found.append(field)
        if len(found) == _MOST_FIELDS:
            break
    return tuple(dict.fromkeys(found))


def _walk(shape: Any, path: str, address: str | None, depth: int) -> Iterator[tuple[str, str | None, str]]:
    if isinstance(shape, str):
        # An empty object is told as `JSON`, and so are items of several types.
        yield path, address, "object" if shape == "JSON" and "[]" not in path else _KINDS.get(shape, "mixed")
        return
    yield path, address, "object" if isinstance(shape, dict) else "list"
    if depth == _MOST_DEPTH:
        return
    if isinstance(shape, list):
        for item in shape:
            yield from _walk(item, f"{path}[]", address and f"{address}[0]", depth + 1)
        return
    for name, inner in shape.items():
        is_plain = re.fullmatch(r"[A-Za-z0-9_]+", name)
        shown = name if is_plain else json.dumps(name)
        if len(shown) > _LONGEST_NAME:  # two that begin alike stay two
            shown = f"{shown[:_LONGEST_NAME]}…{sha256(name.encode(errors='replace')).hexdigest()[:8]}"
        # JSON paths have no way to ask for just any name.
        asked = f".{name}" if is_plain else f'."{name}"' if re.fullmatch(r"[\w .:/@-]{1,99}", name) else None
        yield from _walk(inner, f"{path}.{shown}", address and asked and address + asked, depth + 1)
