"""Expectations read off a declaration: one for each fact that a table states."""

from __future__ import annotations

import os
from datetime import datetime

# Before the import: it decides then whether to send usage statistics. We send none.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
from great_expectations import expectations as gxe
from great_expectations.expectations.expectation import Expectation

from paperlake.quality.column_profile import COPIES, MISSING, MONTHS_OFF
from schemas.table import Below, Between, Check, Column, Matches, OneOf, Refuses, Table


def suite(table: Table) -> gx.ExpectationSuite:
    """What must hold of every month of `table` before it is published, told of its facts."""
    # One for all required columns: each expectation costs ten milliseconds, and a morning judges a dozen tables.
    of_rows = [gxe.ExpectColumnValuesToBeBetween(column=name, max_value=0) for name in (MISSING, COPIES, MONTHS_OFF)]
    return gx.ExpectationSuite(name=table.name, expectations=[*of_rows, *declared(table, refuses="row")])


def stop_suite(table: Table) -> gx.ExpectationSuite:
    """What each capture must satisfy, judged on itself alone, or be set aside whole."""
    return gx.ExpectationSuite(name=f"{table.name}-stop", expectations=declared(table, refuses="capture"))


def warning_suite(table: Table) -> gx.ExpectationSuite:
    """What a list should look like beside those before it; nothing is refused that does not."""
    return gx.ExpectationSuite(name=table.name, expectations=declared(table, refuses="nothing"))


def declared(table: Table, refuses: Refuses) -> list[Expectation]:
    """One expectation for each declared check of that severity."""
    return [
        _expectation(column, check) for column in table.columns for check in column.checks if check.refuses == refuses
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
    """An end of a range; instants go over to pandas without their zone, which is always UTC."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
