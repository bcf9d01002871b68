"""Great Expectations between build and publish."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any

import polars as pl

from schemas.captures import CAPTURES
from schemas.table import Below, Matches, OneOf, Table

with warnings.catch_warnings():
    # It still uses names of the standard library that are going away; nothing that we can mend.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from quality.suite import MISSING, stop_suite, suite

_EXAMPLES = 3
# It tells of its temporary folder, at a level of its own.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation that was not met."""

    table: str
    expectation: str
    column: str
    unexpected_count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        """The finding in a line."""
        shown = f", e.g. {', '.join(self.examples)}" if self.examples else ""
        return f"{self.table}.{self.column}: {self.expectation} failed in {self.unexpected_count} rows{shown}"


def unmet(table: Table, month: str, rows: pl.DataFrame) -> list[Finding]:
    """Every declared expectation that a month of `table` does not meet. None: it may be published."""
    missing = pl.sum_horizontal(pl.col(column.name).is_null() for column in table.columns if column.null is None)
    narrow = _narrow(rows, table).hstack(rows.select(missing.alias(MISSING)))
    brief = {"result_format": "BASIC", "partial_unexpected_count": _EXAMPLES}
    result = _validate(suite(table, month), narrow, brief)
    return [_finding(table, one) for one in result.results if not one.success]


def refused(captures: pl.DataFrame) -> pl.DataFrame:
    """The captures (listed_on, captured_at, message) that break a stop expectation, judged each on itself."""
    numbered = _narrow(captures, CAPTURES).with_row_index("row")
    complete = {"result_format": "COMPLETE", "unexpected_index_column_names": ["row"]}
    result = _validate(stop_suite(CAPTURES), numbered, complete)
    broken = [
        (int(where["row"]), _in_words(one.expectation_config.kwargs["column"], where))
        for one in result.results
        if not one.success
        for where in one.result["unexpected_index_list"]
    ]
    said = pl.DataFrame(broken, schema={"row": pl.UInt32, "message": pl.String}, orient="row")
    messages = said.group_by("row").agg(message=pl.col("message").sort().str.join("; "))
    kept = captures.select("listed_on", "captured_at").with_row_index("row")
    return kept.join(messages, on="row").select("listed_on", "captured_at", "message")


def _in_words(column: str, where: dict[str, Any]) -> str:
    """What the capture is refused for, and the figure it is refused by."""
    (means,) = (check.broken for check in CAPTURES[column].checks if isinstance(check, Below))
    return f"{means} ({column} {where[column]:.2f})"


def _narrow(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """What the judge needs of each column: long texts and lists only as lengths, instants without their zone."""
    return rows.select(_projected(table, name) for name in rows.columns if name in {c.name for c in table.columns})


def _projected(table: Table, name: str) -> pl.Expr:
    column, value = table[name], pl.col(name)
    kind = str(column.type)
    is_judged_as_text = name in table.key or any(isinstance(check, Matches | OneOf) for check in column.checks)
    if kind.startswith("timestamp"):
        return value.dt.replace_time_zone(None)
    if kind.startswith("date"):
        return value.cast(pl.Datetime("us"))
    if kind.startswith("list"):
        return value.list.len()
    if "binary" in kind:
        return value.bin.size()
    if kind == "string" and not is_judged_as_text:
        return value.str.len_bytes()
    return value


@cache
def _context() -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _validate(expectations: gx.ExpectationSuite, rows: pl.DataFrame, result_format: dict[str, Any]) -> Any:
    source = _context().data_sources.add_or_update_pandas("lake")
    batch_definition = source.add_dataframe_asset(expectations.name).add_batch_definition_whole_dataframe("rows")
    batch = batch_definition.get_batch(batch_parameters={"dataframe": rows.to_pandas()})
    return batch.validate(expectations, result_format=result_format)


def _finding(table: Table, one: Any) -> Finding:
    config, result = one.expectation_config, one.result
    column = config.kwargs.get("column") or "+".join(config.kwargs.get("column_list", []))
    examples = tuple(str(value)[:60] for value in result.get("partial_unexpected_list", [])[:_EXAMPLES])
    return Finding(table.name, config.type, column, int(result.get("unexpected_count", 0)), examples)
