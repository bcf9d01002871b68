"""Great Expectations, as the engine of validation. Importing this module takes seconds of processor time."""

from __future__ import annotations

import importlib.util
import logging
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from paperlake.quality.finding import Finding
from paperlake.quality.validator import ROW, ExpectationResult, ValidationFailed, suite_name
from schemas.table import Refuses, Table


def _import_at_first_use(package: str, name: str) -> None:
    """Let the module `package.name` be imported when one of its attributes is used first."""
    full_name = f"{package}.{name}"
    spec = importlib.util.find_spec(full_name)
    if spec is None or spec.loader is None or full_name in sys.modules:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module
    spec.loader.exec_module(module)
    setattr(sys.modules[package], name, module)


# A third of the whole import, for expectations on distributions, which no table declares.
_import_at_first_use("scipy", "stats")

with warnings.catch_warnings():
    # Great Expectations still uses names that the standard library deprecates.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig
    from great_expectations.expectations.expectation import Expectation

    from paperlake.quality.docs import DataDocs
    from paperlake.quality.suite import expectations_of

_LOCK = threading.Lock()
"""The context is one for the process, and Great Expectations does not promise that threads may share it."""
# It logs its temporary folder, as a warning.
logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.WARNING)


class GreatExpectations:
    """Validates for one run, and keeps the results for the Data Docs."""

    def __init__(self) -> None:
        """Nothing is validated yet."""
        self._docs = DataDocs()
        with _LOCK:
            _batches()

    def validate(self, table: Table, refuses: Refuses, rows: pl.DataFrame) -> list[ExpectationResult]:
        """The results of the expectations of that severity; the column `row` names rows. Raises ValidationFailed."""
        name = suite_name(table, refuses)
        suite = gx.ExpectationSuite(name=name, expectations=expectations_of(table, refuses))
        with _LOCK, _configurations_computed_once():
            batch = _batches().get_batch(batch_parameters={"dataframe": rows.to_pandas()})
            # Nearly always all are met, and asking only for that costs half of asking for the rows that do not.
            result = batch.validate(suite, result_format="BOOLEAN_ONLY")
            if not result.success:
                complete = {"result_format": "COMPLETE", "unexpected_index_column_names": [ROW]}
                result = batch.validate(suite, result_format=complete)
            self._docs.add(suite, result)
        return [_read(expectation) for expectation in result.results]

    def write_docs(self, folder: Path, findings: Sequence[Finding]) -> Path | None:
        """Write pages of everything validated since the last ones; gives the first, None where nothing was."""
        with _LOCK:
            return self._docs.write(_context(), folder, findings)


@contextmanager
def _configurations_computed_once() -> Iterator[None]:
    """Keep the configuration of each expectation while this block runs; the expectations must not change in it.

    Great Expectations computes it about fifty times for each expectation of a validation, a third of the whole time.
    """
    computed = Expectation.configuration
    kept: dict[int, Any] = {}

    def configuration(self: Expectation) -> Any:
        if (key := id(self)) not in kept:
            kept[key] = (self, computed.__get__(self))  # with the expectation itself, so that its id stays taken
        return kept[key][1]

    Expectation.configuration = property(configuration)
    try:
        yield
    finally:
        Expectation.configuration = computed


def _read(result: Any) -> ExpectationResult:
    if result.exception_info.get("raised_exception"):
        raise ValidationFailed(str(result.exception_info.get("exception_message")))
    column = result.expectation_config.kwargs["column"]
    unexpected = (
        [] if result.success else [(int(row[ROW]), row[column]) for row in result.result["unexpected_index_list"]]
    )
    return ExpectationResult(column, result.expectation_config.type, unexpected)


@cache
def _context() -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


@cache
def _batches() -> Any:
    """The batch definition for all frames; each new one makes the context write itself out."""
    source = _context().data_sources.add_pandas("rows")
    return source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("rows")
