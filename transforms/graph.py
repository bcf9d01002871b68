"""The table graph: which tables are built from which, and by which pure function."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from schemas.arxiv_line_rejects import ARXIV_LINE_REJECTS
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_papers import ARXIV_PAPERS
from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_rejects import ARXIV_REJECTS
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.authors import AUTHORS
from schemas.calendar import first_day
from schemas.captures import CAPTURES
from schemas.catalogue import TABLES
from schemas.decisions import DECISIONS
from schemas.drift import DRIFT
from schemas.field_days import FIELD_DAYS
from schemas.harvests import HARVESTS
from schemas.hub_replies import HUB_REPLIES
from schemas.listings import LISTINGS
from schemas.page_entries import PAGE_ENTRIES
from schemas.papers import PAPERS
from schemas.rejects import REJECTS
from schemas.saved_pages import SAVED_PAGES
from schemas.signals import SIGNALS
from schemas.source_days import ARXIV, HUB, SOURCE_DAYS
from schemas.table import RoutedInputs, Table, WindowedInputs
from schemas.trends import TRENDS
from transforms.arxiv import oai_replies, snapshot_lines
from transforms.arxiv.harvest_days import harvest_days
from transforms.arxiv.papers import merge_records
from transforms.conform import conform, empty_table
from transforms.hub import replies as hub
from transforms.hub.verdicts import missing_dates
from transforms.months import split_by_month
from transforms.page import saved_page
from transforms.papers import AUTHOR_COLUMNS, LISTED_COLUMNS, papers
from transforms.trends import trends

NOTHING_REFUSED = pl.DataFrame(
    schema={"listed_on": pl.Date, "captured_at": pl.Datetime("us", "UTC"), "message": pl.String}
)

Inputs = Mapping[Table, pl.DataFrame]
"""Rows of upstream tables, of one month or of several; a table without rows is absent."""


@dataclass(frozen=True, slots=True)
class TransformResult:
    """Rows of the downstream tables for one month.

    Only transforms of evidence fill the rest. `captures` are the rows of the table `captures` before any is refused,
    for validation; `refused` are the captures that were set aside. `missing_dates` are dates without a final verdict,
    by table. `answers` maps each capture to its answers, for tables whose rows depend on more than their own capture;
    it may hold captures of other months.
    """

    tables: Mapping[Table, pl.DataFrame]
    captures: pl.DataFrame = field(default_factory=empty_table(CAPTURES).clone)
    refused: pl.DataFrame = field(default_factory=NOTHING_REFUSED.clone)
    missing_dates: Mapping[Table, Sequence[str]] = field(default_factory=dict)
    answers: pl.DataFrame | None = None


Results = Mapping[str, TransformResult]
"""By month. A month built together with others has the same rows as one built alone: only the cost is shared."""


@dataclass(frozen=True, slots=True)
class MonthlyTransform:
    """Builds months of the `downstream` tables, each from the same month of a source's evidence, `upstream`.

    `build` takes the months, their evidence together, the captures to refuse (listed_on, captured_at, message), and
    the tables to build; its results may hold others too.
    """

    upstream: tuple[Table, ...]
    downstream: tuple[Table, ...]
    build: Callable[[Sequence[str], Inputs, pl.DataFrame, Collection[Table]], Results]


@dataclass(frozen=True, slots=True)
class WindowedTransform:
    """Builds months of `table` from a lookback window over other derived tables, as the table declares it.

    `build` takes the months and all rows of their windows; of some tables only `columns`.
    """

    table: Table
    build: Callable[[Sequence[str], Inputs], Results]
    columns: Mapping[Table, Sequence[str]] = field(default_factory=dict)

    @property
    def downstream(self) -> tuple[Table, ...]:
        """The one table that it builds."""
        return (self.table,)

    @property
    def upstream(self) -> tuple[Table, ...]:
        """The tables that the window reads."""
        return tuple(TABLES[name] for name in self.window.tables)

    @property
    def window(self) -> WindowedInputs:
        """The declared window. Raises ValueError where the table declares none."""
        if self.table.windowed_inputs is None:
            raise ValueError(f"{self.table.name} declares no windowed_inputs")
        return self.table.windowed_inputs


@dataclass(frozen=True, slots=True)
class RoutedTransform:
    """Builds months of the `downstream` tables from rows that all months of other tables route to them.

    `build` takes the months and those rows; of some tables only `columns`. All downstream tables declare the same
    `routed_inputs`.
    """

    downstream: tuple[Table, ...]
    build: Callable[[Sequence[str], Inputs], Results]
    columns: Mapping[Table, Sequence[str]] = field(default_factory=dict)

    @property
    def upstream(self) -> tuple[Table, ...]:
        """The tables whose rows it reads."""
        inputs = self.inputs
        return tuple(TABLES[name] for name in (*inputs.same_month, *inputs.routed, *inputs.read_with))

    @property
    def inputs(self) -> RoutedInputs:
        """The declared inputs. Raises ValueError where the tables declare none, or not the same."""
        (declared,) = {table.routed_inputs for table in self.downstream}
        if declared is None:
            raise ValueError(f"{self.downstream[0].name} declares no routed_inputs")
        return declared


def _rows(inputs: Inputs, table: Table) -> pl.DataFrame:
    return inputs.get(table, empty_table(table))


def _results(months: Sequence[str], tables: Mapping[Table, pl.DataFrame]) -> dict[str, TransformResult]:
    """The rows of each month. Every month has every table."""
    parts = {table: split_by_month(rows, table.dated_by, months) for table, rows in tables.items()}
    return {month: TransformResult({table: parts[table][month] for table in tables}) for month in months}


def _hub(
    months: Sequence[str], inputs: Inputs, refused: pl.DataFrame, wanted: Collection[Table]
) -> dict[str, TransformResult]:
    has_census = not {FIELD_DAYS, DRIFT}.isdisjoint(wanted)
    reading = hub.parse_replies(_rows(inputs, HUB_REPLIES), has_census=has_census)
    is_accepted = (pl.col("source") == HUB) & (pl.col("decision") == "accept")
    accepted = _rows(inputs, DECISIONS).filter(is_accepted)
    tables = hub.build_tables(reading, refused, accepted)
    harvest_rows = harvest_days(_rows(inputs, HARVESTS), ARXIV)
    days = pl.concat([tables[SOURCE_DAYS.name], conform(harvest_rows, SOURCE_DAYS)])
    tables[SOURCE_DAYS.name] = conform(days, SOURCE_DAYS)
    captures = split_by_month(reading.captures.select(CAPTURES.arrow().names), CAPTURES.dated_by, months)
    set_aside = split_by_month(refused.join(accepted, on=hub.CAPTURE, how="anti"), CAPTURES.dated_by, months)
    return {
        month: replace(
            result,
            captures=captures[month],
            refused=set_aside[month],
            missing_dates={SOURCE_DAYS: missing_dates(result.tables[SOURCE_DAYS], HUB, month)},
            answers=reading.answers,
        )
        for month, result in _results(months, {TABLES[name]: rows for name, rows in tables.items()}).items()
    }


def _saved_pages(
    months: Sequence[str], inputs: Inputs, _refused: pl.DataFrame, _wanted: Collection[Table]
) -> dict[str, TransformResult]:
    tables = saved_page.build_tables(_rows(inputs, SAVED_PAGES))
    return _results(months, {TABLES[name]: rows for name, rows in tables.items()})


def _arxiv(
    months: Sequence[str], inputs: Inputs, _refused: pl.DataFrame, _wanted: Collection[Table]
) -> dict[str, TransformResult]:
    reading = oai_replies.parse_replies(_rows(inputs, ARXIV_REPLIES))
    return _results(months, {ARXIV_RECORDS: reading.records, ARXIV_REJECTS: reading.rejects})


def _arxiv_papers(months: Sequence[str], inputs: Inputs) -> dict[str, TransformResult]:
    # A refused line may have no identifier, so only its month says where it belongs.
    lines = {
        month: snapshot_lines.read_lines(rows)
        for month, rows in split_by_month(_rows(inputs, ARXIV_LINES), ARXIV_LINES.dated_by, months).items()
    }
    refused = [part.rejects.with_columns(filed_on=pl.lit(first_day(month))) for month, part in lines.items()]
    merged = merge_records(_rows(inputs, ARXIV_RECORDS), pl.concat(part.rows for part in lines.values()))
    tables = {ARXIV_PAPERS: merged, ARXIV_LINE_REJECTS: conform(pl.concat(refused), ARXIV_LINE_REJECTS)}
    return _results(months, tables)


def _trends(months: Sequence[str], inputs: Inputs) -> dict[str, TransformResult]:
    return _results(months, {TRENDS: trends(months, _rows(inputs, LISTINGS), _rows(inputs, SIGNALS))})


def _papers(months: Sequence[str], inputs: Inputs) -> dict[str, TransformResult]:
    arxiv = _rows(inputs, ARXIV_PAPERS)
    return _results(months, {PAPERS: papers(arxiv, _rows(inputs, LISTINGS), _rows(inputs, AUTHORS))})


MONTHLY = (
    MonthlyTransform(
        (HUB_REPLIES, DECISIONS, HARVESTS),
        (LISTINGS, AUTHORS, SIGNALS, SOURCE_DAYS, CAPTURES, REJECTS, FIELD_DAYS, DRIFT),
        _hub,
    ),
    MonthlyTransform((SAVED_PAGES,), (PAGE_ENTRIES,), _saved_pages),
    MonthlyTransform((ARXIV_REPLIES,), (ARXIV_RECORDS, ARXIV_REJECTS), _arxiv),
)
WINDOWED = (WindowedTransform(TRENDS, _trends, {LISTINGS: ("listed_on", "paper_id", "is_listed")}),)
ROUTED = (
    RoutedTransform((ARXIV_PAPERS, ARXIV_LINE_REJECTS), _arxiv_papers),
    RoutedTransform((PAPERS,), _papers, {LISTINGS: LISTED_COLUMNS, AUTHORS: AUTHOR_COLUMNS}),
)
EVIDENCE = (*(table for transform in MONTHLY for table in transform.upstream), ARXIV_LINES)
FROM_EVIDENCE = tuple(table for transform in MONTHLY for table in transform.downstream)
DERIVED = tuple(table for transform in (*MONTHLY, *WINDOWED, *ROUTED) for table in transform.downstream)
