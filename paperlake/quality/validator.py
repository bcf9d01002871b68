"""Validation of one run: what the expectations say of months, captures and lists.

Great Expectations is imported when something is validated first; that takes seconds of processor time.
"""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from paperlake.errors import PaperlakeError
from paperlake.quality.column_profile import MISSING_VALUES, MONTH, ROWS, ColumnProfile, side_by_side, to_pandas_value
from paperlake.quality.finding import Finding
from schemas.calendar import MONTH_FORMAT
from schemas.captures import CAPTURES
from schemas.table import Below, Refuses, Table

ROW = "row"
"""The column that numbers validated rows."""
_ENGINE = "paperlake.quality.engine"
_EXAMPLES = 3
_SEVERITY: dict[Refuses, str] = {"row": "refuse_row", "capture": "refuse_capture", "nothing": "warn"}


class ValidationFailed(PaperlakeError):
    """Great Expectations could not validate; nothing may be published without validation."""


@dataclass(frozen=True, slots=True)
class ExpectationResult:
    """The result of one expectation: the rows that do not meet it, with their values."""

    column: str
    expectation: str
    unexpected: Sequence[tuple[int, Any]]


@dataclass(frozen=True, slots=True)
class ListWarning:
    """An anomaly in the list of a date, in words."""

    listed_on: date
    column: str
    message: str


class Engine(Protocol):
    """Runs expectations: Great Expectations, or in tests a plain model of it."""

    def validate(self, table: Table, refuses: Refuses, rows: pl.DataFrame) -> list[ExpectationResult]:
        """The results of the expectations of that severity. Raises ValidationFailed."""

    def write_docs(self, folder: Path, findings: Sequence[Finding]) -> Path | None:
        """Write pages of everything validated since the last ones; gives the first, None where nothing was."""


def load_engine() -> Engine:
    """Great Expectations."""
    was_enabled = gc.isenabled()
    gc.disable()  # its import makes so many objects that collections in between cost a sixth of the time
    try:
        engine: Engine = import_module(_ENGINE).GreatExpectations()
    finally:
        if was_enabled:
            gc.enable()
    return engine


class Validator:
    """Validates for one run, and keeps its findings for the validation log and its results for the Data Docs."""

    def __init__(self) -> None:
        """Nothing is validated yet."""
        self._unrecorded: list[Finding] = []
        self._shown: deque[Finding] = deque(maxlen=10_000)
        self._engine: Engine | None = None

    def findings(self, table: Table, profile: ColumnProfile) -> list[Finding]:
        """The result of every declared expectation in each month of a column profile that has rows of `table`."""
        months = profile[MISSING_VALUES][MONTH].unique(maintain_order=True)  # every row has this value
        if months.is_empty():
            return []  # most days have no rejects, and Great Expectations takes as long for no rows as for a few
        return [
            finding
            for result in self.load().validate(table, "row", side_by_side(profile).with_row_index(ROW))
            for finding in self._by_month(table, "row", result, months, profile[result.column])
        ]

    def refused_captures(self, captures: pl.DataFrame) -> pl.DataFrame:
        """The captures (listed_on, captured_at, message) that break a stop expectation, each validated by itself."""
        capture, meanings = ["listed_on", "captured_at"], _meanings(CAPTURES)
        results = self.load().validate(CAPTURES, "capture", _numbered(captures, [*capture, *meanings]))
        broken = [
            (row, f"{meanings[result.column]} ({result.column} {value:.2f})")
            for result in results
            for row, value in result.unexpected
        ]
        messages = pl.DataFrame(broken, schema={ROW: pl.UInt32, "message": pl.String}, orient="row")
        by_row = messages.group_by(ROW).agg(message=pl.col("message").sort().str.join("; "))
        months = captures["listed_on"].dt.strftime(MONTH_FORMAT)
        for result in results:
            self._by_month(CAPTURES, "capture", result, months.unique(maintain_order=True), _each_once(months))
        return captures.select(capture).with_row_index(ROW).join(by_row, on=ROW).select(*capture, "message")

    def warnings(self, table: Table, profile: pl.DataFrame) -> list[ListWarning]:
        """The anomalies of dates, one row of `table` each. A warning refuses nothing."""
        meanings, dates = _meanings(table), profile["listed_on"].to_list()
        results = self.load().validate(table, "nothing", _numbered(profile, ["listed_on", *meanings]))
        listed = [
            ListWarning(
                dates[row], result.column, f"{dates[row]}: {meanings[result.column]} ({result.column} {value:.2f})"
            )
            for result in results
            for row, value in result.unexpected
        ]
        months = profile["listed_on"].dt.strftime(MONTH_FORMAT)
        for result in results:
            self._by_month(table, "nothing", result, months.unique(maintain_order=True), _each_once(months))
        return sorted(listed, key=lambda warning: (warning.listed_on, warning.column))

    def take_findings(self) -> list[Finding]:
        """The findings since the last call, for the validation log."""
        findings, self._unrecorded = self._unrecorded, []
        return findings

    def write_docs(self, folder: Path) -> Path | None:
        """Write pages of everything validated since the last ones; gives the first, None where nothing was."""
        if self._engine is None:
            return None
        first = self._engine.write_docs(folder, tuple(self._shown))
        self._shown.clear()
        return first

    @contextmanager
    def imported_meanwhile(self) -> Iterator[None]:
        """Import Great Expectations in a thread, beside the requests of this block."""
        thread = threading.Thread(target=self.load, daemon=True)
        thread.start()
        try:
            yield
        finally:
            thread.join()  # validation comes next, and an import must not run into the end of the process

    def load(self) -> Engine:
        """Import Great Expectations, unless that is done."""
        if self._engine is None:
            self._engine = load_engine()
        return self._engine

    def _by_month(
        self,
        table: Table,
        refuses: Refuses,
        result: ExpectationResult,
        months: Iterable[str],
        places: pl.DataFrame,
    ) -> list[Finding]:
        """A result as one finding for each of `months`. `places` has, for each validated value, `MONTH` and `ROWS`."""
        failed: dict[str, list[tuple[int, Any]]] = {month: [] for month in months}
        for row, value in result.unexpected:
            month, count = places[MONTH][row], places[ROWS][row]
            failed[month].append((count, value))
        findings = [
            Finding(
                suite=suite_name(table, refuses),
                table=table.name,
                month=month,
                column=result.column,
                expectation=result.expectation,
                severity=_SEVERITY[refuses],
                unexpected_count=sum(count for count, _ in rows),
                examples=tuple(str(value)[:60] for _, value in rows[:_EXAMPLES]),
            )
            for month, rows in failed.items()
        ]
        self._unrecorded += findings
        self._shown += findings
        return findings


def suite_name(table: Table, refuses: Refuses) -> str:
    """The name of a suite, as the validation log and the Data Docs show it."""
    return f"{table.name}-stop" if refuses == "capture" else table.name


def _meanings(table: Table) -> dict[str, str]:
    """By column, what it means that a row breaks its limit."""
    return {
        column.name: check.broken for column in table.columns for check in column.checks if isinstance(check, Below)
    }


def _each_once(months: pl.Series) -> pl.DataFrame:
    """The places of values that are rows themselves."""
    return months.to_frame(MONTH).with_columns(pl.lit(1).alias(ROWS))


def _numbered(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return rows.select(to_pandas_value(pl.col(name), rows.schema[name]) for name in names).with_row_index(ROW)
