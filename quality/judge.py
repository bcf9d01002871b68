"""Great Expectations between build and publish."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from quality.facts import MONTH, ROWS, plain
from schemas.captures import CAPTURES
from schemas.table import Below, Table

with warnings.catch_warnings():
    # It still uses names of the standard library that are going away; nothing that we can mend.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from quality.suite import stop_suite, suite

_EXAMPLES = 3
_ROW = "row"
_ONE_AT_A_TIME = threading.Lock()
"""Its context is one for the process, and nothing says that threads may share it."""
# It tells of its temporary folder, at a level of its own.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)


class JudgeFailed(Exception):
    """Great Expectations could not judge; nothing may be published unjudged."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation that a month does not meet."""

    table: str
    month: str
    expectation: str
    column: str
    unexpected_count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        """The finding in a line."""
        shown = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        return f"{self.table}.{self.column}: {self.expectation} failed in {self.unexpected_count} rows{shown}"


def unmet(table: Table, told: Sequence[pl.DataFrame]) -> list[Finding]:
    """Every declared expectation that a month of `table` does not meet, by what `facts` told of some months."""
    judged = pl.concat(told).with_row_index(_ROW)
    return [
        finding
        for one in _validate(suite(table), judged).results
        if not one.success
        for finding in _findings(table, one, judged)
    ]


def refused(captures: pl.DataFrame) -> pl.DataFrame:
    """The captures (listed_on, captured_at, message) that break a stop expectation, judged each on itself."""
    stops = [name for column in CAPTURES.columns for name in [column.name] if _means(name)]
    capture = ["listed_on", "captured_at"]
    numbered = captures.select(plain(pl.col(name), captures.schema[name]) for name in [*capture, *stops])
    broken = [
        (row, _in_words(one.expectation_config.kwargs["column"], value))
        for one in _validate(stop_suite(CAPTURES), numbered.with_row_index(_ROW)).results
        if not one.success
        for row, value in _unexpected(one)
    ]
    said = pl.DataFrame(broken, schema={_ROW: pl.UInt32, "message": pl.String}, orient="row")
    messages = said.group_by(_ROW).agg(message=pl.col("message").sort().str.join("; "))
    return captures.select(capture).with_row_index(_ROW).join(messages, on=_ROW).select(*capture, "message")


def _means(column: str) -> str | None:
    """What it means that a capture breaks the stop expectation on a column; None where there is none."""
    return next((check.broken for check in CAPTURES[column].checks if isinstance(check, Below)), None)


def _in_words(column: str, value: float) -> str:
    """What the capture is refused for, and the figure it is refused by."""
    return f"{_means(column)} ({column} {value:.2f})"


@cache
def _context() -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _validate(expectations: gx.ExpectationSuite, rows: pl.DataFrame) -> Any:
    """What Great Expectations says of `rows`, naming by their column `row` those that are not as expected."""
    complete = {"result_format": "COMPLETE", "unexpected_index_column_names": [_ROW]}
    with _ONE_AT_A_TIME:
        source = _context().data_sources.add_or_update_pandas("lake")
        batch_definition = source.add_dataframe_asset(expectations.name).add_batch_definition_whole_dataframe("rows")
        batch = batch_definition.get_batch(batch_parameters={"dataframe": rows.to_pandas()})
        return batch.validate(expectations, result_format=complete)


def _unexpected(one: Any) -> list[tuple[int, Any]]:
    """The rows, and their values, in which an expectation failed."""
    if one.exception_info.get("raised_exception"):
        raise JudgeFailed(str(one.exception_info.get("exception_message")))
    column = one.expectation_config.kwargs["column"]
    return [(int(where[_ROW]), where[column]) for where in one.result["unexpected_index_list"]]


def _findings(table: Table, one: Any, judged: pl.DataFrame) -> list[Finding]:
    """What an expectation that failed found, month by month, counted in rows of the table."""
    column = one.expectation_config.kwargs["column"]
    failed = judged[[row for row, _ in _unexpected(one)]]
    return [
        Finding(
            table=table.name,
            month=str(month),
            expectation=one.expectation_config.type,
            column=column,
            unexpected_count=int(held[f"{column}{ROWS}"].sum()),
            examples=tuple(str(value)[:60] for value in held[column].head(_EXAMPLES)),
        )
        for (month,), held in failed.group_by(MONTH, maintain_order=True)
    ]
