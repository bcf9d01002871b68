"""Parse lines of arXiv's metadata snapshot into columns of raw values with DuckDB, without type coercion.

DuckDB converts other JSON types (numbers, lists) to text. Where a value could be the result of such a conversion, the
JSON types of its line are read as well. That is rare; a false alarm costs only time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import duckdb
import polars as pl
import pyarrow as pa

from transforms.hub.database import engine
from transforms.text import CONTROLS

TEXTS = (
    *("id", "title", "comments", "journal-ref", "doi", "report-no", "categories", "license", "abstract"),
    "update_date",
)
"""The members read as text."""
_STRUCTURE = json.dumps(
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
"""Items within the lists of a line: their path, the member that contains them, and their valid JSON types."""
_NO_WRONG_TYPES = pl.DataFrame(schema={"record": pl.UInt32, "field": pl.String})
_NAME_PARTS = 3
_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class ParsedLines:
    """Parsed lines.

    `rows` (record, is_json, `TEXTS`, created, updated) has one row for each line, in order; `people` (record, parts)
    one for each author. `wrong_types` (record, field) lists values with an unexpected JSON type, which are null in
    `rows`; the field `$` is a line that is not an object.
    """

    rows: pl.DataFrame
    people: pl.DataFrame
    wrong_types: pl.DataFrame


def parse_lines(lines: pl.DataFrame) -> ParsedLines:
    """Parse `lines` (record, text; text is null where the line is not valid UTF-8)."""
    with engine().cursor() as database:
        database.register("lines", _chunked(lines))
        parsed = _parse(database).sort("record")
        rows, people = parsed.drop("people"), parsed.select("record", parts="people").explode("parts")
        suspects = _suspects(rows, people, lines)
        wrong = _find_wrong_types(database, suspects) if suspects.height else _NO_WRONG_TYPES
    if wrong.height:
        rows = _without_wrong_types(rows, wrong)
        people = people.join(wrong.filter(pl.col("field") == "authors_parsed"), on="record", how="anti")
    return ParsedLines(_without_controls(rows, lines), people.filter(pl.col("parts").is_not_null()), wrong)


def line_ids(lines: pl.Series) -> pl.Series:
    """The `id` of each line; null where it is missing or not text."""
    with engine().cursor() as database:
        database.register("lines", lines.to_frame("text").with_row_index("record").to_arrow())
        sql = """
            select case when try(json_type(text, '$.id')) = 'VARCHAR' then json_extract_string(text, '$.id') end as id
            from lines order by record
        """
        ids: pl.DataFrame = database.sql(sql).pl()
    return ids["id"].cast(pl.String)


def _parse(database: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    texts = ", ".join(f'h."{name}" as "{name}"' for name in TEXTS)
    sql = f"""
        select record, h is not null as is_json, {texts},
               h.versions[1].created as created,
               case when len(h.versions) > 1 then h.versions[-1].created end as updated,
               h.authors_parsed as people
        from (select record, {{parsed}} as h from lines)
    """  # noqa: S608 - made of constants of this package
    expression = f"from_json(text, '{_STRUCTURE}')"
    try:
        parsed: pl.DataFrame = database.sql(sql.format(parsed=expression)).pl()
    except duckdb.InvalidInputException:
        # Some line is not JSON. try() for each line takes a seventh longer.
        parsed = database.sql(sql.format(parsed=f"try({expression})")).pl()
    return parsed


def _chunked(lines: pl.DataFrame) -> pa.Table:
    """Lines in record batches: DuckDB gives each thread a batch."""
    texts = lines.to_arrow(compat_level=pl.CompatLevel.newest())  # string views, so nothing is copied
    return pa.Table.from_batches(texts.to_batches(max_chunksize=_CHUNK), texts.schema)


def _suspects(rows: pl.DataFrame, people: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """The lines (record) that may contain a wrong type, or that lack a usual value."""
    # An identifier looks like a number; its quotes in the raw line show that it is text. It usually comes first.
    quoted = rows.select(quoted=pl.concat_str(pl.lit('"'), "id", pl.lit('"')))
    with_text = pl.concat([quoted, lines], how="horizontal")
    prefixes = (pl.concat_str(pl.lit(prefix), "quoted") for prefix in ('{"id":', '{"id": '))
    has_id = pl.any_horizontal(pl.col("text").str.starts_with(prefix) for prefix in prefixes).fill_null(value=False)
    is_suspect = pl.any_horizontal(
        pl.col("created").is_null(),
        *(pl.col(name).str.contains(_LIKE_NO_TEXT) for name in (*TEXTS[1:], "created", "updated")),
    )
    part = pl.col("parts").list
    is_suspect_name = pl.any_horizontal(
        pl.col("parts").is_null(),
        *(part.get(number, null_on_oob=True).str.contains(_LIKE_NO_TEXT) for number in range(_NAME_PARTS)),
        (part.len() > _NAME_PARTS) & part.eval(pl.element().str.contains(_LIKE_NO_TEXT)).list.any(),
    )
    return pl.concat(
        [
            with_text.filter(~has_id).select("record"),
            rows.filter(is_suspect).select("record"),
            people.filter(is_suspect_name).select("record"),
        ]
    ).unique()


def _find_wrong_types(database: duckdb.DuckDBPyConnection, suspects: pl.DataFrame) -> pl.DataFrame:
    """The values of `suspects` with an unexpected JSON type (record, field); the field `$` is the line itself."""
    database.register("suspects", suspects.to_arrow())
    members = ", ".join(f"'$.{name}'" for name in _MEMBERS)
    lists = ", ".join(f"try(json_type(text, '{path}')) as \"{name}\"" for name, (path, _, _) in _ITEMS.items())
    types: pl.DataFrame = database.sql(
        f"""
        select record, try(json_type(text)) as "$", try(json_type(text, [{members}])) as members, {lists}
        from lines semi join suspects using (record)
        """  # noqa: S608 - made of constants of this package
    ).pl()
    by_member = types.select("record", "$", *(pl.col("members").list.get(n).alias(m) for n, m in enumerate(_MEMBERS)))
    expected = {"$": "OBJECT", **dict.fromkeys(TEXTS, "VARCHAR"), **dict.fromkeys(_MEMBERS[len(TEXTS) :], "ARRAY")}
    members_wrong = [
        by_member.filter(~pl.col(name).is_in([kind, "NULL"])).select("record", field=pl.lit(name))
        for name, kind in expected.items()
    ]
    items_wrong = [
        types.filter(pl.col(name).list.eval(~pl.element().is_in(kinds)).list.any()).select(
            "record", field=pl.lit(field)
        )
        for name, (_, field, kinds) in _ITEMS.items()
    ]
    return pl.concat([*members_wrong, *items_wrong]).unique()


def _without_wrong_types(rows: pl.DataFrame, wrong: pl.DataFrame) -> pl.DataFrame:
    """`rows` with null in place of values of a wrong type."""
    records = {field: group["record"] for (field,), group in wrong.partition_by("field", as_dict=True).items()}
    columns = {name: name for name in TEXTS} | {"created": "versions", "updated": "versions"}
    return rows.with_columns(
        pl.when(~pl.col("record").is_in(records[field].implode())).then(name).alias(name)
        for name, field in columns.items()
        if field in records
    )


def _without_controls(rows: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """`rows` without control characters, which XML cannot contain. In JSON they are escaped, which is rare."""
    is_escaped = lines["text"].str.contains(_ESCAPED_CONTROL).fill_null(value=False)
    if not is_escaped.any():
        return rows
    cleaned = rows.filter(is_escaped).with_columns(pl.col(TEXTS).str.replace_all(CONTROLS, ""))
    return pl.concat([rows.filter(~is_escaped), cleaned]).sort("record")
