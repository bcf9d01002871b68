"""The data contract: all that is declared, as the Open Data Contract Standard has it, and what versions may change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from schemas.catalogue import CONTRACT_VERSION, TABLES
from schemas.table import Below, Between, Check, Column, Matches, OneOf, Table
from schemas.views import VIEWS, View

STANDARD = "v3.2.0"
Level = Literal["major", "minor", "patch"]
_LEVELS: tuple[Level, ...] = ("patch", "minor", "major")

_LOGICAL = {
    "string": "string",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamp",
    "int32": "integer",
    "int64": "integer",
    "double": "number",
    "bool": "boolean",
    "large_binary": "string",
}


def contract() -> dict[str, Any]:
    """The contract of this version, as plain data that YAML can hold."""
    return {
        "kind": "DataContract",
        "apiVersion": STANDARD,
        "id": "urn:paperlake:lake",
        "name": "Paperlake",
        "version": CONTRACT_VERSION,
        "status": "active",
        "description": {
            "purpose": (
                "A provably complete daily record of the papers that the research community lists, votes on and "
                "discusses: how votes grew, which day is complete, what was known when."
            ),
            "usage": (
                "Read the Parquet files with any tool, or ask `papers sql`. Whether a date can be relied on is told by "
                "source_days; what a number rests on by `papers why` and by the table hub_replies."
            ),
            "limitations": (
                "Votes before the first capture of a date are not known. Lists before 2025-03-17 do not tell which "
                "date they were put on. The Hub cuts instants to midnight since 2026-04-06."
            ),
        },
        "servers": [
            {
                "server": "lake",
                "type": "local",
                "description": "The folder PAPERLAKE_ROOT.",
                "path": "lake/tables/{table}/month={month}/part-0.parquet",
                "format": "parquet",
            }
        ],
        "schema": [
            *(_table(table) for table in TABLES.values()),
            *(_view(view) for view in VIEWS.values()),
        ],
        "slaProperties": [
            {
                "property": "timeOfAvailability",
                "value": "06:00",
                "unit": "UTC",
                "element": "listings.listed_on",
                "description": "The list of date D is complete by 06:00 UTC on D+1; it closes at 21:30 in New York.",
            },
            {"property": "frequency", "value": 1, "unit": "d"},
            {
                "property": "retention",
                "value": "unlimited",
                "description": "Answers kept are never deleted.",
            },
        ],
    }


def _table(table: Table) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": table.name,
        "logicalType": "object",
        "physicalType": "parquet",
        "physicalName": f"tables/{table.name}",
        "description": table.doc,
        "dataGranularityDescription": f"One row is {table.grain}.",
        "tags": ["evidence" if table.is_evidence else "derived"],
        "properties": [_property(column, table) for column in table.columns],
        "quality": [
            {
                "type": "library",
                "metric": "duplicateValues",
                "description": f"The key is {', '.join(table.key)}.",
                "dimension": "uniqueness",
                "severity": "error",
                "mustBe": 0,
                "unit": "rows",
                "arguments": {"properties": list(table.key)},
            },
            *_refusals_of_captures(table),
        ],
        "customProperties": [
            {"property": "schemaVersion", "value": table.version},
            {"property": "sortedBy", "value": ", ".join(table.sort)},
            {"property": "fileOfMonthOf", "value": table.dated_by},
        ],
    }
    if table.references:
        told["relationships"] = [
            {
                "type": "foreignKey",
                "from": [f"{table.name}.{name}" for name in one.columns],
                "to": [f"{one.table}.{name}" for name in one.on],
            }
            for one in table.references
        ]
    return told


def _view(view: View) -> dict[str, Any]:
    return {
        "name": view.name,
        "logicalType": "object",
        "physicalType": "view",
        "description": f"{view.doc} For `papers sql`; nothing of it is stored.",
        "dataGranularityDescription": f"One row is {view.grain}.",
        "tags": ["view"],
        "properties": [_property(column, None) for column in view.columns],
    }


def _property(column: Column, table: Table | None) -> dict[str, Any]:
    told: dict[str, Any] = {"name": column.name, "description": column.doc, "physicalType": str(column.type)}
    told |= _typed(column.type)
    told["required"] = column.null is None
    if table is not None and column.name in table.key:
        told |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    options = {name: value for check in column.checks for name, value in _options(check).items()}
    if options:
        told["logicalTypeOptions"] = options
    allowed = [value for check in column.checks if isinstance(check, OneOf) for value in check.values]
    if allowed:
        told["enum"] = [{"value": value} for value in allowed]
    said = {"unit": column.unit, "nullWhere": column.null}
    custom = [{"property": name, "value": text} for name, text in said.items() if text]
    if custom:
        told["customProperties"] = custom
    return told


def _typed(kind: pa.DataType) -> dict[str, Any]:
    """The logical type, with what a list or a structure holds."""
    if pa.types.is_list(kind):
        return {"logicalType": "array", "items": _typed(kind.value_type)}
    if pa.types.is_struct(kind):
        fields = [{"name": field.name, "physicalType": str(field.type), **_typed(field.type)} for field in kind]
        return {"logicalType": "object", "properties": fields}
    return {"logicalType": _logical(kind)}


def _logical(kind: pa.DataType) -> str:
    return "object" if pa.types.is_struct(kind) else _LOGICAL[str(kind)]


def _options(check: Check) -> dict[str, Any]:
    match check:
        case Matches(pattern):
            return {"pattern": f"^(?:{pattern})$"}
        case Between(low, high):
            return {name: end for name, end in (("minimum", low), ("maximum", high)) if end is not None}
        case Below(limit, _):
            return {"exclusiveMaximum": limit} if check.refuses == "row" else {}
        case OneOf(_):
            return {}


def _refusals_of_captures(table: Table) -> Iterator[dict[str, Any]]:
    for column in table.columns:
        for check in column.checks:
            if isinstance(check, Below) and check.refuses == "capture":
                yield {
                    "type": "text",
                    "name": f"{column.name} below {check.limit}",
                    "description": f"A capture is set aside when {check.broken}: {column.doc}",
                    "severity": "error",
                }


@dataclass(frozen=True, slots=True)
class Change:
    """Something that differs between two contracts, and how far a version must rise for it."""

    level: Level
    what: str


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What a reader of `before` meets in `after`: major breaks queries, minor adds, patch words things better."""
    old, new = _by_name(before["schema"]), _by_name(after["schema"])
    found = [Change("major", f"{name} is gone") for name in old if name not in new]
    found += [Change("minor", f"{name} is new") for name in new if name not in old]
    for name in old.keys() & new.keys():
        found += _table_changes(name, old[name], new[name])
    return sorted(found, key=lambda change: (-_LEVELS.index(change.level), change.what))


def _table_changes(table: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = _by_name(before["properties"]), _by_name(after["properties"])
    for name, column in old.items():
        if name in new:
            yield from _column_changes(f"{table}.{name}", column, new[name])
        else:
            yield Change("major", f"{table}.{name} is gone")
    yield from (Change("minor", f"{table}.{name} is new") for name in new if name not in old)
    if before["dataGranularityDescription"] != after["dataGranularityDescription"]:
        yield Change("major", f"{table}: what a row is differs")
    if before["description"] != after["description"]:
        yield Change("patch", f"{table}: description differs")


def _column_changes(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for what in ("physicalType", "primaryKeyPosition", "description"):
        if before.get(what) != after.get(what):
            yield Change("patch" if what == "description" else "major", f"{name}: {what} differs")
    if _unit(before) != _unit(after):
        yield Change("major", f"{name}: unit differs")
    if before["required"] and not after["required"]:
        yield Change("major", f"{name} may be null now")
    was, now = ({one["value"] for one in column.get("enum", [])} for column in (before, after))
    if was - now:
        yield Change("major", f"{name} is never {', '.join(sorted(was - now))} any more")
    elif now - was:
        yield Change("minor", f"{name} may be {', '.join(sorted(now - was))}, too")


def _unit(column: Mapping[str, Any]) -> str | None:
    return next((one["value"] for one in column.get("customProperties", []) if one["property"] == "unit"), None)


def is_raised_enough(before: str, after: str, found: list[Change]) -> bool:
    """Whether the version rose as far as `found` demands: 1.2.3 to 2.0.0, 1.3.0 or 1.2.4."""
    old, new = ([int(part) for part in version.split(".")] for version in (before, after))
    if not found:
        return new >= old
    part = 2 - max(_LEVELS.index(change.level) for change in found)
    return new[: part + 1] > old[: part + 1]


def _by_name(things: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(one["name"]): one for one in things}
