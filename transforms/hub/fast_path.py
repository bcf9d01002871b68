"""Regular entries, read in one go by the structure that their reads declare.

Nearly every entry is what its reads expect. DuckDB lays such entries out in columns in one pass, many times faster
than value by value. It coerces what does not fit, though, and we do not: so whatever could be a coerced value makes
its entry *odd*, and odd entries are read carefully, by `values`. One that is held for odd wrongly costs time, no more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from schemas.table import Between, Table
from transforms.hub.values import Read, range_end, usual_instant
from transforms.text import distinct, lines_each, one_line_each

_CONTAINERS = ("object", "array")
_TEXTUAL = ("text", "one_text", "instant")
# How DuckDB writes what was no text: numbers, words, objects and lists. Some real texts look like that, too.
_LIKE_NO_TEXT = r"(?s)\A(?:-?[0-9][0-9.eE+-]*|-?(?i:inf|infinity|nan)|true|false|\{.*\}|\[.*\])\z"
_WHOLE = r"\A(?:0|[1-9][0-9]{0,8})\z"


def structure(reads: Sequence[Read], inside: str = "$", more: Mapping[str, Any] | None = None) -> str:
    """What `reads` expect within the container at `inside`, as DuckDB's `from_json` wants it told.

    Containers that a read asks for, lists, numbers and flags stay JSON text, whose first letter tells its type;
    what lies within a container is laid out in a second step. `more` are paths beside or instead of those of `reads`,
    with their types or structures.
    """
    kinds = {read.path: "VARCHAR" if read.kind in _TEXTUAL else "JSON" for read in reads} | dict(more or {})
    made: dict[str, Any] = {}
    for path, kind in kinds.items():
        if path != inside and _container(reads, path) == inside:
            *outer, last = path.removeprefix(f"{inside}.").split(".")
            held = made
            for key in outer:
                held = held.setdefault(key, {})
            held[last] = kind
    return json.dumps(made)


def columns(reads: Sequence[Read], source: str, inside: str = "$") -> dict[str, str]:
    """SQL, by the path of each read, for its value in `source`, an expression made with `structure`.

    Of a container that is only its first letter; a list also gives `path:items`.
    """
    found = {}
    for read in reads:
        path, home = read.path, _container(reads, read.path)
        held = member(source, path, inside)
        if home != inside:
            opened = f"from_json({member(source, home, inside)}, '{structure(reads, home)}')"
            held = member(opened, path, home)
        found[path] = f"left({held}::varchar, 1)" if read.kind in _CONTAINERS else held
        if read.is_list:
            found[f"{path}:items"] = f"from_json({held}, '[\"VARCHAR\"]')"
    return found


def member(source: str, path: str, inside: str = "$") -> str:
    """SQL for what lies at `path` in `source`, which was laid out of the container at `inside`."""
    keys = path.removeprefix(inside).split(".")[1:]
    return ".".join([source, *(f'"{key}"' for key in keys)])


def read_plainly(entries: pl.DataFrame, reads: Sequence[Read], table: Table, *more: pl.Expr) -> pl.DataFrame:
    """`entries` with the columns that `reads` make of them, each from the first of its reads that has a value.

    `is_odd` says where any of the values that `columns` gave is, or could be, other than its read expects: those
    rows are to be read carefully. `more` is computed of the same values, in the same pass.
    """
    named = dict.fromkeys(read.column for read in reads if read.column)
    values = [pl.coalesce(*(_value(read) for read in reads if read.column == name)).alias(name) for name in named]
    odd = pl.any_horizontal(
        _is_odd(read, table).fill_null(value=False) for read in {read.path: read for read in reads}.values()
    )
    texts = entries.select(read.path for read in reads if read.kind in ("text", "one_text"))
    lists = lines_each(
        entries.select(pl.col(f"{read.path}:items").alias(f"{read.path}:lines") for read in reads if read.is_list)
    )
    # Lazily, so that what several of the expressions share is computed once.
    return (
        entries.with_columns(one_line_each(texts))
        .with_columns(lists)
        .lazy()
        .with_columns(*values, *more, is_odd=odd)
        .collect()
    )


def _container(reads: Sequence[Read], path: str) -> str:
    """The container that `path` lies in, of those that a read asks for."""
    within = [read.path for read in reads if read.kind in _CONTAINERS and path.startswith(f"{read.path}.")]
    return max(within, key=len, default="$")


def _is_odd(read: Read, table: Table) -> pl.Expr:
    found = pl.col(read.path)
    odd: pl.Expr
    match read.kind:
        case "object":
            odd = found != "{"
        case "array":
            odd = found != "["
        case "texts" | "keywords":
            item = pl.element()
            strange = pl.col(f"{read.path}:items").list.eval(item.is_null() | item.str.contains(_LIKE_NO_TEXT))
            odd = ~found.str.starts_with("[") | strange.list.any()
        case "flag":
            odd = ~found.is_in(["true", "false"])
        case "count":
            odd = ~found.str.contains(_WHOLE) | _is_beyond(read, table, found.cast(pl.Int32, strict=False))
        case "instant":
            at, is_blank = usual_instant(found), found.str.strip_chars() == ""
            odd = ~is_blank & (at.is_null() | _is_beyond(read, table, at))
        case "text" | "one_text":
            odd = found.str.contains(_LIKE_NO_TEXT)
    return odd


def _is_beyond(read: Read, table: Table, value: pl.Expr) -> pl.Expr:
    """Whether a value breaks a range that its column declares."""
    checks = table[read.column].checks if read.column else ()
    ranges = [check for check in checks if isinstance(check, Between)]
    return pl.any_horizontal(
        pl.lit(value=False), *(~value.is_between(range_end(check.low), range_end(check.high)) for check in ranges)
    )


def _value(read: Read) -> pl.Expr:
    found = pl.col(read.path)
    value = found
    match read.kind:
        case "one_text":
            value = pl.when(found.is_not_null()).then(pl.concat_list(found))
        case "count":
            value = found.cast(pl.Int32, strict=False)
        case "flag":
            value = found == "true"
        case "instant":
            value = usual_instant(found)
        case "texts":
            value = pl.col(f"{read.path}:lines")
        case "keywords":
            value = distinct(pl.col(f"{read.path}:lines"))
    return value
