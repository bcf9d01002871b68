"""Lines of the snapshot laid out in columns, as they stand. DuckDB reads the JSON, and nothing is coerced.

DuckDB writes out as text what is none (a number, a list). Where a value could be such a one, its line is asked for the
types of its values; that is rare, and to be asked in vain costs time, no more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import duckdb
import polars as pl
import pyarrow as pa

from transforms.hub.answers import engine
from transforms.text import CONTROLS

TEXTS = (
    *("id", "title", "comments", "journal-ref", "doi", "report-no", "categories", "license", "abstract"),
    "update_date",
)
"""The members of a line that are texts, of those that are read."""
_SHAPE = json.dumps(
    {**dict.fromkeys(TEXTS, "VARCHAR"), "versions": [{"created": "VARCHAR"}], "authors_parsed": [["VARCHAR"]]}
)
_LIKE_NO_TEXT = r"(?s)\A(?:-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|\{.*\}|\[.*\])\z"
_ESCAPED_CONTROL = r"\\u00[01]"
_MEMBERS = (*TEXTS, "versions", "authors_parsed")
_ITEMS = {
    "versions_held": ("$.versions[*]", "versions", ["OBJECT"]),
    "dates_held": ("$.versions[*].created", "versions", ["VARCHAR"]),
    "people_held": ("$.authors_parsed[*]", "authors_parsed", ["ARRAY"]),
    "names_held": ("$.authors_parsed[*][*]", "authors_parsed", ["VARCHAR", "NULL"]),
}
"""What lies within the lists of a line: its path, the member that it lies in, and which types it may have."""
_NOTHING_WRONG = pl.DataFrame(schema={"record": pl.UInt32, "field": pl.String})
_NAME_PARTS = 3
_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Laid:
    """Lines in columns.

    `rows` (record, is_json, `TEXTS`, created, updated) has a row for each line, in their order; `people` (record,
    parts) one for each author. `wrong` (record, field) are values of another type than they are read as, which are
    null; the field `$` is a line that is no object.
    """

    rows: pl.DataFrame
    people: pl.DataFrame
    wrong: pl.DataFrame


def laid_out(lines: pl.DataFrame) -> Laid:
    """`lines` (record, text; null where it is none) in columns."""
    with engine().cursor() as database:
        database.register("lines", _chunked(lines))
        found = _parsed(database).sort("record")
        rows, people = found.drop("people"), found.select("record", parts="people").explode("parts")
        doubtful = _doubtful(rows, people, lines)
        wrong = _wrong(database, doubtful) if doubtful.height else _NOTHING_WRONG
    if wrong.height:
        rows = _blanked(rows, wrong)
        people = people.join(wrong.filter(pl.col("field") == "authors_parsed"), on="record", how="anti")
    return Laid(_without_controls(rows, lines), people.filter(pl.col("parts").is_not_null()), wrong)


def id_told(lines: pl.Series) -> pl.Series:
    """What whole lines of text tell as their identifier; null where that is no text."""
    with engine().cursor() as database:
        database.register("lines", lines.to_frame("text").with_row_index("record").to_arrow())
        sql = """
            select case when try(json_type(text, '$.id')) = 'VARCHAR' then json_extract_string(text, '$.id') end as id
            from lines order by record
        """
        told: pl.DataFrame = database.sql(sql).pl()
    return told["id"].cast(pl.String)


def _parsed(database: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    texts = ", ".join(f'h."{name}" as "{name}"' for name in TEXTS)
    sql = f"""
        select record, h is not null as is_json, {texts},
               h.versions[1].created as created,
               case when len(h.versions) > 1 then h.versions[-1].created end as updated,
               h.authors_parsed as people
        from (select record, {{parsed}} as h from lines)
    """  # noqa: S608 - made of constants of this package
    parsed = f"from_json(text, '{_SHAPE}')"
    try:
        found: pl.DataFrame = database.sql(sql.format(parsed=parsed)).pl()
    except duckdb.InvalidInputException:
        # Some line is no JSON. Asking of each whether it can be parsed costs a seventh more.
        found = database.sql(sql.format(parsed=f"try({parsed})")).pl()
    return found


def _chunked(lines: pl.DataFrame) -> pa.Table:
    """Lines in batches: DuckDB gives each thread a batch."""
    texts = lines.to_arrow(compat_level=pl.CompatLevel.newest())  # as views: nothing is copied
    return pa.Table.from_batches(texts.to_batches(max_chunksize=_CHUNK), texts.schema)


def _doubtful(rows: pl.DataFrame, people: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """The lines (record) that may hold what is no text, or that lack what nearly every line has."""
    # An identifier looks like a number. That it is none is told by its quotes, where it stands first, as ever.
    quoted = rows.select(quoted=pl.concat_str(pl.lit('"'), "id", pl.lit('"')))
    begun = pl.concat([quoted, lines], how="horizontal")
    begins = (pl.concat_str(pl.lit(begin), "quoted") for begin in ('{"id":', '{"id": '))
    has_id = pl.any_horizontal(pl.col("text").str.starts_with(begin) for begin in begins).fill_null(value=False)
    is_strange = pl.any_horizontal(
        pl.col("created").is_null(),
        *(pl.col(name).str.contains(_LIKE_NO_TEXT) for name in (*TEXTS[1:], "created", "updated")),
    )
    part = pl.col("parts").list
    is_strange_name = pl.any_horizontal(
        pl.col("parts").is_null(),
        *(part.get(number, null_on_oob=True).str.contains(_LIKE_NO_TEXT) for number in range(_NAME_PARTS)),
        (part.len() > _NAME_PARTS) & part.eval(pl.element().str.contains(_LIKE_NO_TEXT)).list.any(),
    )
    return pl.concat(
        [
            begun.filter(~has_id).select("record"),
            rows.filter(is_strange).select("record"),
            people.filter(is_strange_name).select("record"),
        ]
    ).unique()


def _wrong(database: duckdb.DuckDBPyConnection, doubtful: pl.DataFrame) -> pl.DataFrame:
    """What the `doubtful` lines hold of another type than it is read as (record, field); `$` is the line itself."""
    database.register("doubtful", doubtful.to_arrow())
    members = ", ".join(f"'$.{name}'" for name in _MEMBERS)
    lists = ", ".join(f"try(json_type(text, '{path}')) as \"{name}\"" for name, (path, _, _) in _ITEMS.items())
    types: pl.DataFrame = database.sql(
        f"""
        select record, try(json_type(text)) as "$", try(json_type(text, [{members}])) as members, {lists}
        from lines semi join doubtful using (record)
        """  # noqa: S608 - made of constants of this package
    ).pl()
    told = types.select("record", "$", *(pl.col("members").list.get(n).alias(m) for n, m in enumerate(_MEMBERS)))
    wanted = {"$": "OBJECT", **dict.fromkeys(TEXTS, "VARCHAR"), **dict.fromkeys(_MEMBERS[len(TEXTS) :], "ARRAY")}
    alone = [
        told.filter(~pl.col(name).is_in([kind, "NULL"])).select("record", field=pl.lit(name))
        for name, kind in wanted.items()
    ]
    within = [
        types.filter(pl.col(name).list.eval(~pl.element().is_in(kinds)).list.any()).select(
            "record", field=pl.lit(field)
        )
        for name, (_, field, kinds) in _ITEMS.items()
    ]
    return pl.concat([*alone, *within]).unique()


def _blanked(rows: pl.DataFrame, wrong: pl.DataFrame) -> pl.DataFrame:
    """`rows` without the values that are `wrong`."""
    records = {field: held["record"] for (field,), held in wrong.partition_by("field", as_dict=True).items()}
    columns = {name: name for name in TEXTS} | {"created": "versions", "updated": "versions"}
    return rows.with_columns(
        pl.when(~pl.col("record").is_in(records[field].implode())).then(name).alias(name)
        for name, field in columns.items()
        if field in records
    )


def _without_controls(rows: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """`rows` without control characters, which JSON can hold and XML cannot: only escaped, which lines seldom have."""
    is_escaped = lines["text"].str.contains(_ESCAPED_CONTROL).fill_null(value=False)
    if not is_escaped.any():
        return rows
    held = rows.filter(is_escaped).with_columns(pl.col(TEXTS).str.replace_all(CONTROLS, ""))
    return pl.concat([rows.filter(~is_escaped), held]).sort("record")
