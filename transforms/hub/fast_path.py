"""Fast path: parse all entries at once with the JSON structure that their fields declare.

DuckDB parses entries of a given structure into columns many times faster than value by value. But it coerces values of
other types, and Paperlake must not. So an entry with any value that may have been coerced is *irregular*, and is read
again on the slow path (`values`). An entry that is marked irregular by mistake costs only time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from schemas.table import Between, Table
from transforms.hub.values import TEXT_KINDS, JsonField, parse_hub_timestamp, range_end
from transforms.text import clean_items_columns, distinct, one_line_columns

_CONTAINER_KINDS = ("object", "array")
# Matches what DuckDB makes of other JSON types: numbers, words, objects and lists. Some real texts match as well.
_MAYBE_COERCED = r"(?s)\A(?:-?[0-9][0-9.eE+-]*|-?(?i:inf|infinity|nan)|true|false|\{.*\}|\[.*\])\z"
_WHOLE_NUMBER = r"\A(?:0|[1-9][0-9]{0,8})\z"


def json_structure(fields: Sequence[JsonField], inside: str = "$", more: Mapping[str, Any] | None = None) -> str:
    """The structure of the container at `inside`, for DuckDB's `from_json`.

    Containers among the `fields`, lists, numbers and flags stay JSON text, whose first letter shows the type; members
    of a container are parsed in a second step. `more` adds or replaces paths, with their types or structures.
    """
    types = {field.path: "VARCHAR" if field.kind in TEXT_KINDS else "JSON" for field in fields} | dict(more or {})
    structure: dict[str, Any] = {}
    for path, type_ in types.items():
        if path != inside and _container(fields, path) == inside:
            *parents, last = path.removeprefix(f"{inside}.").split(".")
            members = structure
            for key in parents:
                members = members.setdefault(key, {})
            members[last] = type_
    return json.dumps(structure)


def sql_columns(fields: Sequence[JsonField], source: str, inside: str = "$") -> dict[str, str]:
    """SQL expressions by path, for the value of each field in `source` (an expression made with `json_structure`).

    A container gives only its first letter; a list also gives `path:items`.
    """
    columns = {}
    for field in fields:
        path, container = field.path, _container(fields, field.path)
        value = sql_member(source, path, inside)
        if container != inside:
            parsed = f"from_json({sql_member(source, container, inside)}, '{json_structure(fields, container)}')"
            value = sql_member(parsed, path, container)
        columns[path] = f"left({value}::varchar, 1)" if field.kind in _CONTAINER_KINDS else value
        if field.is_list:
            columns[f"{path}:items"] = f"from_json({value}, '[\"VARCHAR\"]')"
    return columns


def sql_member(source: str, path: str, inside: str = "$") -> str:
    """An SQL expression for the value at `path` in `source`, the parsed container at `inside`."""
    keys = path.removeprefix(inside).split(".")[1:]
    return ".".join([source, *(f'"{key}"' for key in keys)])


def read_columns(entries: pl.DataFrame, fields: Sequence[JsonField], table: Table, *more: pl.Expr) -> pl.DataFrame:
    """`entries` with the columns of `fields`, each from its first field with a value.

    `is_irregular` marks rows in which a value from `sql_columns` has, or may have, an unexpected type: the slow path
    must read these. `more` are further expressions, computed in the same pass.
    """
    names = dict.fromkeys(field.column for field in fields if field.column)
    values = [pl.coalesce(*(_value(field) for field in fields if field.column == name)).alias(name) for name in names]
    is_irregular = pl.any_horizontal(
        _is_irregular(field, table).fill_null(value=False) for field in {field.path: field for field in fields}.values()
    )
    texts = entries.select(field.path for field in fields if field.kind in ("text", "one_text"))
    lists = clean_items_columns(
        entries.select(pl.col(f"{field.path}:items").alias(f"{field.path}:lines") for field in fields if field.is_list)
    )
    # Lazy, so that common subexpressions are computed once.
    return (
        entries.with_columns(one_line_columns(texts))
        .with_columns(lists)
        .lazy()
        .with_columns(*values, *more, is_irregular=is_irregular)
        .collect()
    )


def _container(fields: Sequence[JsonField], path: str) -> str:
    """The innermost container among the `fields` that contains `path`."""
    outer = [field.path for field in fields if field.kind in _CONTAINER_KINDS and path.startswith(f"{field.path}.")]
    return max(outer, key=len, default="$")


def _is_irregular(field: JsonField, table: Table) -> pl.Expr:
    raw_value = pl.col(field.path)
    is_irregular: pl.Expr
    match field.kind:
        case "object":
            is_irregular = raw_value != "{"
        case "array":
            is_irregular = raw_value != "["
        case "texts" | "keywords":
            item = pl.element()
            suspects = pl.col(f"{field.path}:items").list.eval(item.is_null() | item.str.contains(_MAYBE_COERCED))
            is_irregular = ~raw_value.str.starts_with("[") | suspects.list.any()
        case "flag":
            is_irregular = ~raw_value.is_in(["true", "false"])
        case "count":
            number = raw_value.cast(pl.Int32, strict=False)
            is_irregular = ~raw_value.str.contains(_WHOLE_NUMBER) | _is_out_of_range(field, table, number)
        case "timestamp":
            at, is_blank = parse_hub_timestamp(raw_value), raw_value.str.strip_chars() == ""
            is_irregular = ~is_blank & (at.is_null() | _is_out_of_range(field, table, at))
        case "text" | "one_text":
            is_irregular = raw_value.str.contains(_MAYBE_COERCED)
    return is_irregular


def _is_out_of_range(field: JsonField, table: Table, value: pl.Expr) -> pl.Expr:
    """Whether a value is outside a range that its column declares."""
    checks = table[field.column].checks if field.column else ()
    ranges = [check for check in checks if isinstance(check, Between)]
    return pl.any_horizontal(
        pl.lit(value=False), *(~value.is_between(range_end(check.low), range_end(check.high)) for check in ranges)
    )


def _value(field: JsonField) -> pl.Expr:
    raw_value = pl.col(field.path)
    value = raw_value
    match field.kind:
        case "one_text":
            value = pl.when(raw_value.is_not_null()).then(pl.concat_list(raw_value))
        case "count":
            value = raw_value.cast(pl.Int32, strict=False)
        case "flag":
            value = raw_value == "true"
        case "timestamp":
            value = parse_hub_timestamp(raw_value)
        case "texts":
            value = pl.col(f"{field.path}:lines")
        case "keywords":
            value = distinct(pl.col(f"{field.path}:lines"))
    return value
