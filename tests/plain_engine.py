"""A model of Great Expectations: the same results from the same rows, without its six seconds of import."""

import re
from datetime import datetime

from paperlake.quality.column_profile import DUPLICATE_KEYS, MISSING_VALUES, MONTHS_OFF
from paperlake.quality.validator import ROW, ExpectationResult
from schemas.table import Below, Between, Matches, OneOf

BETWEEN = "expect_column_values_to_be_between"
REGEX = "expect_column_values_to_match_regex"
IN_SET = "expect_column_values_to_be_in_set"


class PlainEngine:
    """Checks value by value what a table declares."""

    def validate(self, table, refuses, rows):
        """One result for each expectation, in the order in which they are declared."""
        checks = [
            (column.name, check) for column in table.columns for check in column.checks if check.refuses == refuses
        ]
        if refuses == "row":
            checks = [*((name, Between(None, 0)) for name in (MISSING_VALUES, DUPLICATE_KEYS, MONTHS_OFF)), *checks]
        return [check_column(rows, name, check) for name, check in checks]

    def write_docs(self, folder, findings):
        """Nothing: Data Docs are pages of Great Expectations."""


class BothEngines:
    """Great Expectations, held against the model at every call."""

    def __init__(self, real):
        self.real = real

    def validate(self, table, refuses, rows):
        results = self.real.validate(table, refuses, rows)
        assert in_words(PlainEngine().validate(table, refuses, rows)) == in_words(results)
        return results

    def write_docs(self, folder, findings):
        return self.real.write_docs(folder, findings)


def in_words(results):
    return [(each.column, each.expectation, [(row, str(value)) for row, value in each.unexpected]) for each in results]


def check_column(rows, name, check):
    expectation, is_met = rule(check)
    values = rows[name].to_list()
    # Great Expectations sees a frame of pandas, where whole numbers beside missing values are floats.
    is_float = rows.schema[name].is_integer() and None in values
    unexpected = [
        (row, float(value) if is_float else value)
        for row, value in zip(rows[ROW].to_list(), values, strict=True)
        if value is not None and not is_met(value)
    ]
    return ExpectationResult(name, expectation, unexpected)


def rule(check):
    match check:
        case Matches(pattern):
            return REGEX, lambda value: re.search(rf"^(?:{pattern})\Z", str(value))
        case Between(low, high):
            low, high = end(low), end(high)
            return BETWEEN, lambda value: (low is None or value >= low) and (high is None or value <= high)
        case Below(limit, _):
            return BETWEEN, lambda value: value < limit
        case OneOf(values):
            return IN_SET, lambda value: value in values


def end(value):
    return datetime.fromisoformat(value) if isinstance(value, str) else value
