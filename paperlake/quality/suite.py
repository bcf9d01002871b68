"""Expectations generated from a table declaration."""

from __future__ import annotations

import os
from datetime import datetime

# Set before the import, which reads it. It turns usage statistics off.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

from great_expectations import expectations as gxe
from great_expectations.expectations.expectation import Expectation

from paperlake.quality.column_profile import DUPLICATE_KEYS, MISSING_VALUES, MONTHS_OFF
from schemas.table import Below, Between, Check, Column, Matches, OneOf, Refuses, Table


def expectations_of(table: Table, refuses: Refuses) -> list[Expectation]:
    """One expectation for each declared check of that severity; for rows, also those that every table must meet."""
    checks = ((column, check) for column in table.columns for check in column.checks if check.refuses == refuses)
    declared = [_expectation(column, check) for column, check in checks]
    return [*_of_every_table(), *declared] if refuses == "row" else declared


def _of_every_table() -> list[Expectation]:
    # One for all required columns: each expectation costs ten milliseconds, and a daily run validates a dozen tables.
    return [
        gxe.ExpectColumnValuesToBeBetween(column=name, max_value=0)
        for name in (MISSING_VALUES, DUPLICATE_KEYS, MONTHS_OFF)
    ]


def _expectation(column: Column, check: Check) -> Expectation:
    name, notes = column.name, {"notes": column.doc}
    match check:
        case Matches(pattern):
            return gxe.ExpectColumnValuesToMatchRegex(column=name, regex=rf"^(?:{pattern})\Z", meta=notes)
        case Between(low, high):
            ends = {"min_value": _end(low), "max_value": _end(high)}
            return gxe.ExpectColumnValuesToBeBetween(column=name, **ends, meta=notes)
        case Below(limit, _):
            return gxe.ExpectColumnValuesToBeBetween(column=name, max_value=limit, strict_max=True, meta=notes)
        case OneOf(values):
            return gxe.ExpectColumnValuesToBeInSet(column=name, value_set=list(values), meta=notes)


def _end(value: float | str | None) -> float | datetime | None:
    """An end of a range; timestamps go to pandas without time zone, as it is always UTC."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
