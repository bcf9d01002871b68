"""One value of an entry: read by its JSON type, or refused with a reason. Nothing is guessed or coerced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl

from schemas.table import Between, Column, Table
from transforms.text import keywords, lines, one_line

Kind = Literal["text", "count", "flag", "instant", "texts", "keywords", "one_text", "object", "array"]

_NEEDED = {
    "text": "text",
    "one_text": "text",
    "count": "a whole number",
    "flag": "true or false",
    "instant": "an instant as text",
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
    "instant": ["VARCHAR"],
    "texts": ["ARRAY"],
    "keywords": ["ARRAY"],
    "object": ["OBJECT"],
    "array": ["ARRAY"],
}
_TEXTUAL = ("text", "one_text", "instant")
_IN_WORDS = {
    "VARCHAR": "text",
    "UBIGINT": "the number",
    "BIGINT": "the number",
    "DOUBLE": "the number",
    "BOOLEAN": "the flag",
    "ARRAY": "the list",
    "OBJECT": "the object",
}
_OTHER_INSTANTS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d")

_FAULT = ("table_name", "field", "reason", "message")


@dataclass(frozen=True, slots=True)
class Read:
    """`column` is read from `path` (JSON path in the entry) as `kind`; later reads of a column fill its gaps.

    `column` None only demands the type: a container whose parts are read by other reads.
    """

    column: str | None
    path: str
    kind: Kind

    @property
    def is_list(self) -> bool:
        """Whether the items of a list are asked for, beside the list itself."""
        return self.kind in ("texts", "keywords")

    def type(self) -> pl.Expr:
        """The JSON type found, null where there is no value: absent and null mean the same, and so does blank text."""
        found = pl.col(f"{self.path}:type")
        is_blank = (found == "VARCHAR") & pl.lit(self.kind in _TEXTUAL) & (pl.col(self.path).str.strip_chars() == "")
        return pl.when((found != "NULL") & ~is_blank).then(found)

    def reason(self, declared: Callable[[str], Column]) -> pl.Expr:
        """Why the value is refused; null where it is readable, or absent. Kept as the column `{path}:reason`."""
        found = self.type()
        wrong = found.is_not_null() & ~found.is_in(_JSON_TYPES[self.kind])
        if self.is_list:
            items = pl.col(f"{self.path}:item_types")
            wrong |= items.list.eval(pl.element().is_null() | (pl.element() != "VARCHAR")).list.any()
        reasons: Any = pl.when(wrong).then(pl.lit("wrong_type"))
        if self.column is not None and self.kind in ("count", "instant"):
            for broken, name in self._limits(declared(self.column)):
                reasons = reasons.when(found.is_not_null() & broken).then(pl.lit(name))
        reason: pl.Expr = reasons.otherwise(pl.lit(None, pl.String))
        return reason.alias(f"{self.path}:reason")

    def value(self) -> pl.Expr:
        """The value where it is readable, else null. Needs the column `{path}:reason`."""
        raw = pl.col(self.path)
        read: pl.Expr
        match self.kind:
            case "text" | "object" | "array":
                read = one_line(raw) if self.kind == "text" else raw
            case "one_text":
                read = pl.when(one_line(raw).is_not_null()).then(pl.concat_list(one_line(raw)))
            case "count":
                read = raw.cast(pl.Int64, strict=False)
            case "flag":
                read = raw == "true"
            case "instant":
                read = instant(raw)
            case "texts":
                read = lines(pl.col(f"{self.path}:items"))
            case "keywords":
                read = keywords(pl.col(f"{self.path}:items"))
        readable = self.type().is_not_null() & pl.col(f"{self.path}:reason").is_null()
        held = pl.when(readable).then(read)
        return held.cast(pl.Int32) if self.kind == "count" else held

    def _limits(self, column: Column) -> list[tuple[pl.Expr, str]]:
        """What the declared range forbids; a value that cannot be held at all is beyond it."""
        limits = [check for check in column.checks if isinstance(check, Between)]
        if self.kind == "instant":
            at = instant(pl.col(self.path))
            ends = [(range_end(check.low), range_end(check.high)) for check in limits]
            return [(at.is_null(), "date_impossible"), *((~at.is_between(*end), "date_impossible") for end in ends)]
        number = pl.col(self.path).cast(pl.Int64, strict=False)
        below = [(number < check.low, "below_zero") for check in limits]
        above = [(number > check.high, "too_large") for check in limits]
        return [*below, (number.is_null(), "too_large"), *above]

    def fault(self, table: Table, field: pl.Expr) -> pl.Expr:
        """The refusal as a struct of `table_name`, `field`, `reason`, `message`; null where all is well."""
        shown = one_line(pl.col(self.path)).fill_null("null").str.slice(0, 60)
        found = pl.col(f"{self.path}:type").replace_strict(_IN_WORDS, default="nothing")
        message = pl.format("found {} {}; needed: " + _NEEDED[self.kind], found, shown)
        reason = pl.col(f"{self.path}:reason")
        said = pl.struct(table_name=pl.lit(table.name), field=field, reason=reason, message=message)
        return pl.when(reason.is_not_null()).then(said)


def typed(raw: pl.DataFrame, reads: Sequence[Read], table: Table) -> pl.DataFrame:
    """`raw` with the columns that `reads` make, each from the first of its reads that has a value.

    The columns `{path}:reason` say what was refused.
    """
    judged = raw.with_columns(read.reason(table.__getitem__) for read in reads)
    named = dict.fromkeys(read.column for read in reads if read.column)
    return judged.with_columns(
        pl.coalesce(*(read.value() for read in reads if read.column == name)).alias(name) for name in named
    )


def value_faults(judged: pl.DataFrame, reads: Sequence[Read], table: Table, inside: pl.Expr) -> pl.DataFrame:
    """One row for each refused value of `judged`, beside its other columns; `inside` is the path of its entry."""
    refused = judged.filter(pl.any_horizontal(pl.col(f"{read.path}:reason").is_not_null() for read in reads))
    if refused.is_empty():  # as nearly always: not worth the thousand expressions
        return refused.with_columns(pl.lit(None, pl.String).alias(name) for name in _FAULT)
    fields = [pl.format("{}{}", inside, pl.lit(read.path.removeprefix("$"))) for read in reads]
    faults = pl.concat_list(read.fault(table, field) for read, field in zip(reads, fields, strict=True))
    return refused.with_columns(fault=faults).explode("fault").drop_nulls("fault").unnest("fault")


def range_end(declared: float | str | None) -> pl.Expr:
    """An end of a declared range, as a value is compared with it."""
    return pl.lit(datetime.fromisoformat(declared).replace(tzinfo=UTC) if isinstance(declared, str) else declared)


def instant(text: pl.Expr) -> pl.Expr:
    """An instant in UTC from ISO 8601; without a zone it is UTC, without a time midnight; else null."""
    first = usual_instant(text)
    rest = pl.when(first.is_null()).then(text)
    zoned = rest.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False).dt.convert_time_zone("UTC")
    return pl.coalesce(first, *(_parsed(rest, form) for form in _OTHER_INSTANTS), zoned)


def usual_instant(text: pl.Expr) -> pl.Expr:
    """An instant in the one form that the Hub writes; null for any other, which `instant` may still read."""
    # Nearly all are of a whole second; a form without a fraction is read four times as fast.
    whole = _parsed(text, "%Y-%m-%dT%H:%M:%S.000Z")
    return pl.coalesce(whole, _parsed(pl.when(whole.is_null()).then(text), "%Y-%m-%dT%H:%M:%S%.fZ"))


def _parsed(text: pl.Expr, form: str) -> pl.Expr:
    return text.str.to_datetime(form, time_unit="us", strict=False).dt.replace_time_zone("UTC")
