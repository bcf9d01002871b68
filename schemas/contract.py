"""The data contract: all declarations in the format of the Open Data Contract Standard, and its versioning rules."""

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

_LOGICAL_TYPES = {
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
    """The contract of this version, as data that can be dumped as YAML."""
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
                "Read the Parquet files with any tool, or query them with `papers sql`. source_days says whether a "
                "date is complete; `papers why` and the table hub_replies show the answers that a value comes from."
            ),
            "limitations": (
                "Votes before the first capture of a date are not known. Entries of lists before 2025-03-17 do not "
                "contain their date. Since 2026-04-06 the Hub truncates publication times to midnight."
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
    properties: dict[str, Any] = {
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
            *_capture_checks(table),
        ],
        "customProperties": [
            {"property": "schemaVersion", "value": table.version},
            {"property": "sortedBy", "value": ", ".join(table.sort)},
            {"property": "fileOfMonthOf", "value": table.dated_by},
        ],
    }
    if table.references:
        properties["relationships"] = [
            {
                "type": "foreignKey",
                "from": [f"{table.name}.{name}" for name in reference.columns],
                "to": [f"{reference.table}.{name}" for name in reference.on],
            }
            for reference in table.references
        ]
    return properties


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
    properties: dict[str, Any] = {"name": column.name, "description": column.doc, "physicalType": str(column.type)}
    properties |= _type_properties(column.type)
    properties["required"] = column.null is None
    if table is not None and column.name in table.key:
        properties |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    options = {name: value for check in column.checks for name, value in _options(check).items()}
    if options:
        properties["logicalTypeOptions"] = options
    allowed = [value for check in column.checks if isinstance(check, OneOf) for value in check.values]
    if allowed:
        properties["enum"] = [{"value": value} for value in allowed]
    texts = {"unit": column.unit, "nullWhere": column.null}
    custom = [{"property": name, "value": text} for name, text in texts.items() if text]
    if custom:
        properties["customProperties"] = custom
    return properties


def _type_properties(type_: pa.DataType) -> dict[str, Any]:
    """The logical type, with the types within a list or a struct."""
    if pa.types.is_list(type_):
        return {"logicalType": "array", "items": _type_properties(type_.value_type)}
    if pa.types.is_struct(type_):
        fields = [{"name": f.name, "physicalType": str(f.type), **_type_properties(f.type)} for f in type_]
        return {"logicalType": "object", "properties": fields}
    return {"logicalType": _LOGICAL_TYPES[str(type_)]}


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


def _capture_checks(table: Table) -> Iterator[dict[str, Any]]:
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
    """A difference between two contracts, and the version part that must rise for it."""

    level: Level
    description: str


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Differences from `before` to `after`: major ones break queries, minor ones add, patches only reword."""
    old, new = _by_name(before["schema"]), _by_name(after["schema"])
    differences = [Change("major", f"{name} is gone") for name in old if name not in new]
    differences += [Change("minor", f"{name} is new") for name in new if name not in old]
    for name in old.keys() & new.keys():
        differences += _table_changes(name, old[name], new[name])
    return sorted(differences, key=lambda change: (-_LEVELS.index(change.level), change.description))


def _table_changes(table: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    old, new = _by_name(before["properties"]), _by_name(after["properties"])
    for name, column in old.items():
        if name in new:
            yield from _column_changes(f"{table}.{name}", column, new[name])
        else:
            yield Change("major", f"{table}.{name} is gone")
    yield from (Change("minor", f"{table}.{name} is new") for name in new if name not in old)
    if before["dataGranularityDescription"] != after["dataGranularityDescription"]:
        yield Change("major", f"{table}: the grain of its rows differs")
    if before["description"] != after["description"]:
        yield Change("patch", f"{table}: description differs")


def _column_changes(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for attribute in ("physicalType", "primaryKeyPosition", "description"):
        if before.get(attribute) != after.get(attribute):
            yield Change("patch" if attribute == "description" else "major", f"{name}: {attribute} differs")
    if _unit(before) != _unit(after):
        yield Change("major", f"{name}: unit differs")
    if before["required"] and not after["required"]:
        yield Change("major", f"{name} is nullable now")
    old, new = ({option["value"] for option in column.get("enum", [])} for column in (before, after))
    if old - new:
        yield Change("major", f"{name} can no longer be {', '.join(sorted(old - new))}")
    elif new - old:
        yield Change("minor", f"{name} can also be {', '.join(sorted(new - old))}")


def _unit(column: Mapping[str, Any]) -> str | None:
    properties = column.get("customProperties", [])
    return next((custom["value"] for custom in properties if custom["property"] == "unit"), None)


def is_raised_enough(before: str, after: str, differences: list[Change]) -> bool:
    """Whether the version rose far enough for `differences`: from 1.2.3 to 2.0.0, 1.3.0 or 1.2.4."""
    old, new = ([int(part) for part in version.split(".")] for version in (before, after))
    if not differences:
        return new >= old
    part = 2 - max(_LEVELS.index(change.level) for change in differences)
    return new[: part + 1] > old[: part + 1]


def _by_name(items: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(item["name"]): item for item in items}
