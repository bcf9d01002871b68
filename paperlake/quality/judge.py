"""Great Expectations between build and publish."""

from __future__ import annotations

import logging
import threading
import warnings
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from paperlake.errors import PaperlakeError
from paperlake.quality.column_profile import MONTH, ROWS, plain
from paperlake.quality.finding import Finding
from paperlake.store.lake import MONTH_FORM
from schemas.captures import CAPTURES
from schemas.table import Below, Table

with warnings.catch_warnings():
    # It still uses names of the standard library that are going away; nothing that we can mend.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from paperlake.quality.docs import Results
    from paperlake.quality.suite import stop_suite, suite, warning_suite

_EXAMPLES = 3
_ROW = "row"
_judged: deque[Finding] = deque(maxlen=10_000)
"""What was found since pages were last written; the ledger has it all."""
_ONE_AT_A_TIME = threading.Lock()
"""Its context is one for the process, and nothing says that threads may share it."""
# It tells of its temporary folder, at a level of its own.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)

_results = Results()


class JudgeFailed(PaperlakeError):
    """Great Expectations could not judge; nothing may be published unjudged."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The captures (listed_on, captured_at, message) that break a stop expectation, and all that was found."""

    captures: pl.DataFrame
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Warned:
    """What is odd about the list of a date, in words."""

    listed_on: date
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What became of one expectation: the rows that do not meet it, with their values."""

    column: str
    expectation: str
    unexpected: Sequence[tuple[int, Any]]


def findings(table: Table, told: Sequence[pl.DataFrame]) -> list[Finding]:
    """What became of every declared expectation in some months of `table`, by what `facts` told of them."""
    judged = pl.concat(told).with_row_index(_ROW)
    about = (table.name, table.name, "refuse_row")
    return [
        finding
        for verdict in _validate(suite(table), judged)
        for finding in _by_month(verdict, about, judged[MONTH], judged[f"{verdict.column}{ROWS}"])
    ]


def stopped(captures: pl.DataFrame) -> Stopped:
    """What the stop expectations say of `captures`, judged each on itself."""
    capture, expectations = ["listed_on", "captured_at"], stop_suite(CAPTURES)
    verdicts = _validate(expectations, _numbered(captures, [*capture, *_meanings(CAPTURES)]))
    broken = [
        (row, f"{_meanings(CAPTURES)[one.column]} ({one.column} {value:.2f})")
        for one in verdicts
        for row, value in one.unexpected
    ]
    said = pl.DataFrame(broken, schema={_ROW: pl.UInt32, "message": pl.String}, orient="row")
    messages = said.group_by(_ROW).agg(message=pl.col("message").sort().str.join("; "))
    refused = captures.select(capture).with_row_index(_ROW).join(messages, on=_ROW).select(*capture, "message")
    about = (expectations.name, CAPTURES.name, "refuse_capture")
    months = captures["listed_on"].dt.strftime(MONTH_FORM)
    return Stopped(refused, tuple(one for verdict in verdicts for one in _by_month(verdict, about, months)))


def warned(table: Table, profile: pl.DataFrame) -> tuple[list[Warned], list[Finding]]:
    """What is odd about dates, by rows of `table`, and all that was found. Nothing is refused for it."""
    meanings, dates = _meanings(table), profile["listed_on"].to_list()
    verdicts = _validate(warning_suite(table), _numbered(profile, ["listed_on", *meanings]))
    odd = [
        Warned(dates[row], one.column, f"{dates[row]}: {meanings[one.column]} ({one.column} {value:.2f})")
        for one in verdicts
        for row, value in one.unexpected
    ]
    about = (table.name, table.name, "warn")
    months = profile["listed_on"].dt.strftime(MONTH_FORM)
    found = [one for verdict in verdicts for one in _by_month(verdict, about, months)]
    return sorted(odd, key=lambda one: (one.listed_on, one.column)), found


def _meanings(table: Table) -> dict[str, str]:
    """By column, what it means that a row breaks its limit."""
    return {
        column.name: check.broken for column in table.columns for check in column.checks if isinstance(check, Below)
    }


def _numbered(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return rows.select(plain(pl.col(name), rows.schema[name]) for name in names).with_row_index(_ROW)


def _by_month(
    verdict: _Verdict, about: tuple[str, str, str], months: pl.Series, weights: pl.Series | None = None
) -> list[Finding]:
    """A verdict as a finding for each of the `months` of the rows judged; by `weights` they stand for many rows."""
    name, table, severity = about
    failed: dict[str, list[tuple[int, Any]]] = {month: [] for month in months.unique(maintain_order=True)}
    for row, value in verdict.unexpected:
        failed[months[row]].append((1 if weights is None else int(weights[row]), value))
    found = [
        Finding(
            suite=name,
            table=table,
            month=month,
            column=verdict.column,
            expectation=verdict.expectation,
            severity=severity,
            unexpected_count=sum(count for count, _ in held),
            examples=tuple(str(value)[:60] for _, value in held[:_EXAMPLES]),
        )
        for month, held in failed.items()
    ]
    _judged.extend(found)
    return found


@cache
def _context() -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


@cache
def _asset(name: str) -> Any:
    """What frames judged by the suite `name` are batches of; the context writes itself out for each that it gets."""
    source = _context().data_sources.add_or_update_pandas(name)
    return source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("rows")


def _validate(expectations: gx.ExpectationSuite, rows: pl.DataFrame) -> list[_Verdict]:
    """What Great Expectations says of `rows`, naming by their column `row` those that are not as expected."""
    with _ONE_AT_A_TIME:
        batch = _asset(expectations.name).get_batch(batch_parameters={"dataframe": rows.to_pandas()})
        # Nearly always all is met, and hearing no more than that costs half of hearing which rows do not meet it.
        result = batch.validate(expectations, result_format="BOOLEAN_ONLY")
        if not result.success:
            complete = {"result_format": "COMPLETE", "unexpected_index_column_names": [_ROW]}
            result = batch.validate(expectations, result_format=complete)
        _results.keep(expectations, result)
    return [_verdict(one) for one in result.results]


def _verdict(one: Any) -> _Verdict:
    if one.exception_info.get("raised_exception"):
        raise JudgeFailed(str(one.exception_info.get("exception_message")))
    column = one.expectation_config.kwargs["column"]
    broken = [] if one.success else [(int(w[_ROW]), w[column]) for w in one.result["unexpected_index_list"]]
    return _Verdict(column, one.expectation_config.type, broken)


def write_docs(folder: Path) -> Path | None:
    """Pages below `folder` of everything judged since the last ones; gives the first, None where nothing was."""
    with _ONE_AT_A_TIME:
        first = _results.write(_context(), folder, tuple(_judged))
        _judged.clear()
        return first
