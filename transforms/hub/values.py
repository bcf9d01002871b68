"""Read single values of an entry by their JSON type, or refuse them with a reason. Nothing is guessed or coerced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl

from schemas.table import Between, Column, Table
from transforms.text import clean_items, keywords, one_line

Kind = Literal["text", "count", "flag", "timestamp", "texts", "keywords", "one_text", "object", "array"]

_REQUIREMENTS = {
    "text": "text",
    "one_text": "text",
    "count": "a whole number",
    "flag": "true or false",
    "timestamp": "an instant as text",
    "texts": "a list of texts",
    "keywords": "a list of texts",
    "object": "an object",
    "array": "a list",
}
_JSON_TYPES = {
    "text": ["VARCHAR"],
    "one_text": ["VARCHAR"],
    "count": ["UBIGINT", "BIGINT"],
    "flag": ["BOOLEAN"],
    "timestamp": ["VARCHAR"],
    "texts": ["ARRAY"],
    "keywords": ["ARRAY"],
    "object": ["OBJECT"],
    "array": ["ARRAY"],
}
TEXT_KINDS = ("text", "one_text", "timestamp")
"""Kinds that are text in JSON."""
_TYPE_NAMES = {
    "VARCHAR": "text",
    "UBIGINT": "the number",
    "BIGINT": "the number",
    "DOUBLE": "the number",
    "BOOLEAN": "the flag",
    "ARRAY": "the list",
    "OBJECT": "the object",
}
_OTHER_TIMESTAMP_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d")

_FAULT_COLUMNS = ("table_name", "field", "reason", "message")


@dataclass(frozen=True, slots=True)
class JsonField:
    """Maps the JSON value of type `kind` at `path` in an entry to a `column`.

    Where several fields have the same column, the first one with a value counts. `column` None only requires the type:
    it is for containers whose members are fields themselves.
    """

    column: str | None
    path: str
    kind: Kind

    @property
    def is_list(self) -> bool:
        """Whether the items of a list are read, in addition to the list itself."""
        return self.kind in ("texts", "keywords")

    def type(self) -> pl.Expr:
        """The JSON type of the value, null where there is none: absent, null and blank text are the same."""
        json_type = pl.col(f"{self.path}:type")
        is_blank = (
            (json_type == "VARCHAR") & pl.lit(self.kind in TEXT_KINDS) & (pl.col(self.path).str.strip_chars() == "")
        )
        return pl.when((json_type != "NULL") & ~is_blank).then(json_type)

    def reason(self, declared: Callable[[str], Column]) -> pl.Expr:
        """The reason to refuse the value, as `{path}:reason`; null where the value is valid or absent."""
        json_type = self.type()
        is_wrong_type = json_type.is_not_null() & ~json_type.is_in(_JSON_TYPES[self.kind])
        if self.is_list:
            items = pl.col(f"{self.path}:item_types")
            is_wrong_type |= items.list.eval(pl.element().is_null() | (pl.element() != "VARCHAR")).list.any()
        reasons: Any = pl.when(is_wrong_type).then(pl.lit("wrong_type"))
        if self.column is not None and self.kind in ("count", "timestamp"):
            for is_broken, name in self._limits(declared(self.column)):
                reasons = reasons.when(json_type.is_not_null() & is_broken).then(pl.lit(name))
        reason: pl.Expr = reasons.otherwise(pl.lit(None, pl.String))
        return reason.alias(f"{self.path}:reason")

    def value(self) -> pl.Expr:
        """The value where it is valid, else null. Needs the column `{path}:reason`."""
        raw = pl.col(self.path)
        parsed: pl.Expr
        match self.kind:
            case "text" | "object" | "array":
                parsed = one_line(raw) if self.kind == "text" else raw
            case "one_text":
                parsed = pl.when(one_line(raw).is_not_null()).then(pl.concat_list(one_line(raw)))
            case "count":
                parsed = raw.cast(pl.Int64, strict=False)
            case "flag":
                parsed = raw == "true"
            case "timestamp":
                parsed = parse_timestamp(raw)
            case "texts":
                parsed = clean_items(pl.col(f"{self.path}:items"))
            case "keywords":
                parsed = keywords(pl.col(f"{self.path}:items"))
        is_valid = self.type().is_not_null() & pl.col(f"{self.path}:reason").is_null()
        value = pl.when(is_valid).then(parsed)
        return value.cast(pl.Int32) if self.kind == "count" else value

    def _limits(self, column: Column) -> list[tuple[pl.Expr, str]]:
        """Conditions that break the declared range, with their reasons; a value that cannot be stored breaks it too."""
        limits = [check for check in column.checks if isinstance(check, Between)]
        if self.kind == "timestamp":
            at = parse_timestamp(pl.col(self.path))
            ends = [(range_end(check.low), range_end(check.high)) for check in limits]
            return [(at.is_null(), "date_impossible"), *((~at.is_between(*end), "date_impossible") for end in ends)]
        number = pl.col(self.path).cast(pl.Int64, strict=False)
        below = [(number < check.low, "below_zero") for check in limits]
        above = [(number > check.high, "too_large") for check in limits]
        return [*below, (number.is_null(), "too_large"), *above]

    def fault(self, table: Table, field: pl.Expr) -> pl.Expr:
        """The refusal as a struct of `table_name`, `field`, `reason`, `message`; null for a valid value."""
        excerpt = one_line(pl.col(self.path)).fill_null("null").str.slice(0, 60)
        json_type = pl.col(f"{self.path}:type").replace_strict(_TYPE_NAMES, default="nothing")
        message = pl.format("found {} {}; needed: " + _REQUIREMENTS[self.kind], json_type, excerpt)
        reason = pl.col(f"{self.path}:reason")
        fault = pl.struct(table_name=pl.lit(table.name), field=field, reason=reason, message=message)
        return pl.when(reason.is_not_null()).then(fault)


def read_fields(raw: pl.DataFrame, fields: Sequence[JsonField], table: Table) -> pl.DataFrame:
    """`raw` with the columns of `fields`, each from its first field with a value.

    The columns `{path}:reason` contain the reasons for refused values.
    """
    with_reasons = raw.with_columns(field.reason(table.__getitem__) for field in fields)
    names = dict.fromkeys(field.column for field in fields if field.column)
    return with_reasons.with_columns(
        pl.coalesce(*(field.value() for field in fields if field.column == name)).alias(name) for name in names
    )


def value_faults(rows: pl.DataFrame, fields: Sequence[JsonField], table: Table, inside: pl.Expr) -> pl.DataFrame:
    """One row for each refused value of `rows`, with the other columns; `inside` is the path of the row's entry."""
    refused = rows.filter(pl.any_horizontal(pl.col(f"{field.path}:reason").is_not_null() for field in fields))
    if refused.is_empty():  # the usual case: skip a thousand expressions
        return refused.with_columns(pl.lit(None, pl.String).alias(name) for name in _FAULT_COLUMNS)
    paths = [pl.format("{}{}", inside, pl.lit(field.path.removeprefix("$"))) for field in fields]
    faults = pl.concat_list(field.fault(table, path) for field, path in zip(fields, paths, strict=True))
    return refused.with_columns(fault=faults).explode("fault").drop_nulls("fault").unnest("fault")


def range_end(declared: float | str | None) -> pl.Expr:
    """An end of a declared range as a literal; a text is a timestamp in UTC."""
    return pl.lit(datetime.fromisoformat(declared).replace(tzinfo=UTC) if isinstance(declared, str) else declared)


def parse_timestamp(text: pl.Expr) -> pl.Expr:
    """Parse ISO 8601. Without a zone it is UTC, without a time midnight; null where it is invalid."""
    common = parse_hub_timestamp(text)
    rest = pl.when(common.is_null()).then(text)
    zoned = rest.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False).dt.convert_time_zone("UTC")
    return pl.coalesce(common, *(_parse(rest, form) for form in _OTHER_TIMESTAMP_FORMATS), zoned)


def parse_hub_timestamp(text: pl.Expr) -> pl.Expr:
    """Parse the format that the Hub writes; null for any other, which `parse_timestamp` may still parse."""
    # Nearly all have no fraction of a second, and a format without a fraction is parsed four times as fast.
    whole = _parse(text, "%Y-%m-%dT%H:%M:%S.000Z")
    return pl.coalesce(whole, _parse(pl.when(whole.is_null()).then(text), "%Y-%m-%dT%H:%M:%S%.fZ"))


def _parse(text: pl.Expr, form: str) -> pl.Expr:
    return text.str.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone("UTC")
