"""The census of fields: what entries carry, known or not, and in what form. Names and types only; nothing is judged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl

from schemas.field_days import RELATES
from transforms.answers import Opened
from transforms.text import one_line

MOST_ENTRIES = 100
"""Of a date: a page of the Hub holds no more, and what changed shows in these."""
_MOST_FIELDS = 1000
_MOST_DEPTH = 12
_SAMPLES = 3
_SAMPLE_LENGTH = 60
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
_AGREE = (("$.publishedAt", "$.paper.publishedAt"),)
"""Pairs of instants that mean the same by their names. They never were: see `SAME` of which date."""
_DATED = "$.paper.submittedOnDailyAt"
_PLACE = ["page_no", "item"]


@dataclass(frozen=True, slots=True)
class Census:
    """`days` has the columns of the table `field_days`, `samples` (field_path, sample) some values of each field."""

    days: pl.DataFrame
    samples: pl.DataFrame


def census(pages: Opened, tally: pl.DataFrame, source: str) -> Census:
    """Count the fields of the newest valid capture of each date, whether it will be let in or not."""
    newest = _first_pages(tally)
    _take_out(pages, newest)
    shapes: pl.DataFrame = pages.database.sql(
        "select listed_on, json_structure(entry) as shape, count(*) as entries, "
        "min({page_no: page_no, item: item}) as example from census_entries group by all"
    ).pl()
    if shapes.is_empty():
        return Census(pl.DataFrame(schema=_DAYS), pl.DataFrame(schema={"field_path": pl.String, "sample": pl.String}))
    fields = pl.DataFrame(
        [(shape, *field) for shape in shapes["shape"].unique() for field in _fields(shape)],
        schema={"shape": pl.String, "field_path": pl.String, "address": pl.String, "kind": pl.String},
        orient="row",
    )
    counted = (
        shapes.join(fields, on="shape")
        .group_by("listed_on", "field_path", "kind")
        .agg(present_count=pl.col("entries").sum().cast(pl.Int32))
    )
    texts = fields.filter(pl.col("kind") == "text", ~pl.col("field_path").str.contains("[]", literal=True))
    values = _values(pages, texts.select("field_path", "address").unique().drop_nulls())
    by_value = values.group_by("listed_on", "field_path", "kind").agg(present_count=pl.len().cast(pl.Int32))
    told_apart = counted.join(by_value, on=["listed_on", "field_path"], how="anti")
    related = _relations(pages)
    totals = shapes.group_by("listed_on").agg(entry_count=pl.col("entries").sum().cast(pl.Int32))
    days = pl.concat([told_apart, by_value, related]).join(totals, on="listed_on").with_columns(source=pl.lit(source))
    return Census(days.select(*_DAYS), _samples(pages, shapes, fields))


_DAYS = {
    "source": pl.String,
    "listed_on": pl.Date,
    "field_path": pl.String,
    "kind": pl.String,
    "entry_count": pl.Int32,
    "present_count": pl.Int32,
}


def _first_pages(tally: pl.DataFrame) -> pl.DataFrame:
    """The pages (page_no, listed_on, before) that hold the entries to look at."""
    valid = tally.filter(pl.col("entry_count") > 0, pl.col("before") < MOST_ENTRIES)
    newest = pl.col("captured_at") == pl.col("captured_at").max().over("listed_on")
    return valid.filter(newest).select("page_no", "listed_on", "before", "entry_count")


def _take_out(pages: Opened, chosen: pl.DataFrame) -> None:
    """Make the table `census_entries` (page_no, item, listed_on, entry) of the first entries of the `chosen` pages."""
    # A list far beyond what the Hub sends need not be parsed to its end; where the cut is not at an entry's, it is.
    cut = pl.col("text").str.splitn(_NEXT_ENTRY, MOST_ENTRIES + 1).struct.unnest()
    long = chosen.filter(pl.col("entry_count") > 2 * MOST_ENTRIES).select("page_no")
    texts = pages.texts.join(chosen, on="page_no")
    pieces = texts.join(long, on="page_no", how="semi").select("page_no", cut).drop(f"field_{MOST_ENTRIES}")
    starts = pieces.select("page_no", start=pl.concat_str(pl.exclude("page_no"), separator=_NEXT_ENTRY) + "]")
    held = texts.join(starts, on="page_no", how="left").select("page_no", "listed_on", "before", "text", "start")
    pages.database.register("census_pages", held.to_arrow())
    pages.database.execute(
        f"""
        create or replace temp table census_entries as select page_no, item, listed_on, entry from (
            select page_no, listed_on, before, unnest(entries) as entry, generate_subscripts(entries, 1) as item from (
                select page_no, listed_on, before,
                       coalesce(try(from_json(start, '["JSON"]')), from_json(text, '["JSON"]')) as entries
                from census_pages
            )
        ) where before + item <= {MOST_ENTRIES}
        """  # noqa: S608 - a constant
    )


def _values(pages: Opened, texts: pl.DataFrame) -> pl.DataFrame:
    """The kind of each text (listed_on, field_path, kind) at the addresses of `texts`."""
    if texts.is_empty():
        return pl.DataFrame(schema={"listed_on": pl.Date, "field_path": pl.String, "kind": pl.String})
    addresses = _listed(texts["address"].to_list())
    found: pl.DataFrame = pages.database.sql(
        f"""
        select listed_on, place, case
            when value = '' then 'empty_text'
            when length(value) <= 32 and regexp_full_match(value, '\\d{{4}}-\\d{{2}}-\\d{{2}}T\\d{{2}}:\\d{{2}}.*')
                then case when contains(value, 'T00:00:00') then 'midnight' else 'instant' end
            when contains(value, chr(10)) then 'wrapped_text' else 'text' end as kind
        from (
            select listed_on, unnest(found) as value, generate_subscripts(found, 1) as place
            from (select listed_on, json_extract_string(entry, {addresses}) as found from census_entries)
        ) where value is not null
        """  # noqa: S608 - addresses are quoted
    ).pl()
    named = texts.select("field_path", place=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    return found.join(named, on="place").select("listed_on", "field_path", "kind")


def _relations(pages: Opened) -> pl.DataFrame:
    """How the values of fields relate that ought to agree."""
    (one, other), dated = _AGREE[0], _DATED
    found: pl.DataFrame = pages.database.sql(
        f"""
        with read as (
            select listed_on, try_cast(texts[1] as timestamptz) as one, try_cast(texts[2] as timestamptz) as other,
                   try_cast(texts[3] as timestamptz) as put_at
            from (select listed_on, json_extract_string(entry, ['{one}', '{other}', '{dated}']) as texts
                  from census_entries)
        )
        select listed_on, '{one}{RELATES}{other}' as field_path, case
            when one = other then 'same_instant'
            when timezone('UTC', one) = timezone('America/New_York', other) then 'new_york_clock'
            else 'other_instant' end as kind
        from read where one is not null and other is not null
        union all
        select listed_on, '{dated}{RELATES}listed_on',
               case when timezone('UTC', put_at)::date = listed_on then 'same_date' else 'other_date' end
        from read where put_at is not null
        """  # noqa: S608 - constants
    ).pl()
    return found.group_by("listed_on", "field_path", "kind").agg(present_count=pl.len().cast(pl.Int32))


def _samples(pages: Opened, shapes: pl.DataFrame, fields: pl.DataFrame) -> pl.DataFrame:
    """Some values (field_path, sample) of every field that is no container: of one entry of each shape."""
    scalars = fields.filter(~pl.col("kind").is_in(["object", "list", "null"]))
    addresses = scalars.select("field_path", "address").unique().drop_nulls().sort("field_path", "address")
    examples = shapes.group_by("shape").agg(pl.col("example").min()).unnest("example").select(_PLACE)
    pages.database.register("examples", examples.to_arrow())
    found: pl.DataFrame = pages.database.sql(
        f"""
        select page_no, item, unnest(found) as sample, generate_subscripts(found, 1) as place from (
            select page_no, item, json_extract_string(entry, {_listed(addresses["address"].to_list())}) as found
            from census_entries semi join examples using (page_no, item)
        )
        """  # noqa: S608 - addresses are quoted
    ).pl()
    named = addresses.select("field_path", place=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    return (
        found.join(named, on="place")
        .select(*_PLACE, "field_path", sample=one_line(pl.col("sample").str.slice(0, _SAMPLE_LENGTH)))
        .drop_nulls("sample")
        .sort("field_path", *_PLACE)
        .unique(subset=["field_path", "sample"], keep="first", maintain_order=True)
        .group_by("field_path", maintain_order=True)
        .head(_SAMPLES)
        .select("field_path", "sample")
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
        yield path, address, _KINDS.get(shape, "mixed")
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
        shown = name if is_plain else json.dumps(name[:_SAMPLE_LENGTH])
        asked = f".{name}" if is_plain else f'."{name}"' if not re.search(r'["\\\x00-\x1f]', name) else None
        yield from _walk(inner, f"{path}.{shown}", address and asked and address + asked, depth + 1)
