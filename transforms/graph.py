"""Which tables come from which evidence, by which pure function: one recipe a source. And which come from those."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from schemas.arxiv_line_rejects import ARXIV_LINE_REJECTS
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_papers import ARXIV_PAPERS
from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_rejects import ARXIV_REJECTS
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.authors import AUTHORS
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
from schemas.source_days import SOURCE_DAYS
from schemas.table import RoutedInputs, Table, WindowedInputs
from schemas.trends import TRENDS
from transforms.arxiv import oai_replies as arxiv_oai
from transforms.arxiv import snapshot_lines as arxiv_lines
from transforms.arxiv.papers import merged
from transforms.conform import conform, none
from transforms.hub import replies as hub
from transforms.hub.verdicts import harvest_days, wanting
from transforms.page import saved_page as page
from transforms.papers import AUTHOR_COLUMNS, LISTED_COLUMNS, papers
from transforms.trends import trends

NOTHING_REFUSED = pl.DataFrame(
    schema={"listed_on": pl.Date, "captured_at": pl.Datetime("us", "UTC"), "message": pl.String}
)

Inputs = Mapping[Table, pl.DataFrame]
"""What is kept of one month or of several, by table; a table without rows is absent."""


@dataclass(frozen=True, slots=True)
class TransformResult:
    """A month of the tables of a source, and by table the dates that are wanting.

    `captures` (rows of the table of that name, before any was refused) are to be judged; `refused` were set aside.
    `answers` says what each capture was answered, where a table has rows of which the capture alone does not tell that.
    """

    tables: Mapping[Table, pl.DataFrame]
    captures: pl.DataFrame = field(default_factory=none(CAPTURES).clone)
    refused: pl.DataFrame = field(default_factory=NOTHING_REFUSED.clone)
    wanting: Mapping[Table, Sequence[str]] = field(default_factory=dict)
    answers: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class MonthlyTransform:
    """How a month of the `derived` tables of a source is made of a month of its `evidence`.

    `build` is told the month, the evidence, the captures to refuse (listed_on, captured_at, message), and which tables
    are wanted; it may leave out others.
    """

    evidence: tuple[Table, ...]
    derived: tuple[Table, ...]
    build: Callable[[str, Inputs, pl.DataFrame, Collection[Table]], TransformResult]


@dataclass(frozen=True, slots=True)
class WindowedTransform:
    """How a month of `derived` is made of the months of other derived tables that it declares to read.

    `build` is told the month, and all rows of those months, of some tables only the `columns` that it needs.
    """

    derived: Table
    build: Callable[[str, Inputs], pl.DataFrame]
    columns: Mapping[Table, Sequence[str]] = field(default_factory=dict)

    @property
    def windowed_inputs(self) -> WindowedInputs:
        """What it declares to read. Raises ValueError where it declares nothing."""
        if self.derived.windowed_inputs is None:
            raise ValueError(f"{self.derived.name} does not declare which tables it is built from")
        return self.derived.windowed_inputs


@dataclass(frozen=True, slots=True)
class RoutedTransform:
    """How a month of the `derived` tables is made of the same month of others, and of its shares of all their months.

    `build` is told the month and all those rows, of some tables only the `columns` that it needs; it gives a frame for
    each of the tables, which declare to gather the same.
    """

    derived: tuple[Table, ...]
    build: Callable[[str, Inputs], Mapping[Table, pl.DataFrame]]
    columns: Mapping[Table, Sequence[str]] = field(default_factory=dict)

    @property
    def routed_inputs(self) -> RoutedInputs:
        """What they declare to gather. Raises ValueError where they do not declare the same."""
        (told,) = {table.routed_inputs for table in self.derived}
        if told is None:
            raise ValueError(f"{self.derived[0].name} does not declare what it is gathered from")
        return told


def _hub(month: str, kept: Inputs, broken: pl.DataFrame, wanted: Collection[Table]) -> TransformResult:
    has_census = not {FIELD_DAYS, DRIFT}.isdisjoint(wanted)
    reading = hub.read(kept.get(HUB_REPLIES, none(HUB_REPLIES)), has_census=has_census)
    accepted = kept.get(DECISIONS, none(DECISIONS)).filter(pl.col("source") == hub.NAME, pl.col("decision") == "accept")
    tables = hub.build(reading, broken, accepted)
    harvested = harvest_days(kept.get(HARVESTS, none(HARVESTS)), arxiv_oai.NAME)
    days = pl.concat([tables[SOURCE_DAYS.name], conform(harvested, SOURCE_DAYS)])
    tables[SOURCE_DAYS.name] = conform(days, SOURCE_DAYS)
    return TransformResult(
        {TABLES[name]: rows for name, rows in tables.items()},
        reading.captures.select(CAPTURES.arrow().names),
        broken.join(accepted, on=hub.CAPTURE, how="anti"),
        {SOURCE_DAYS: wanting(tables[SOURCE_DAYS.name], hub.NAME, month)},
        reading.answers,
    )


def _page(_month: str, kept: Inputs, _broken: pl.DataFrame, _wanted: Collection[Table]) -> TransformResult:
    return TransformResult(
        {TABLES[name]: rows for name, rows in page.build(kept.get(SAVED_PAGES, none(SAVED_PAGES))).items()}
    )


def _arxiv(_month: str, kept: Inputs, _broken: pl.DataFrame, _wanted: Collection[Table]) -> TransformResult:
    reading = arxiv_oai.read(kept.get(ARXIV_REPLIES, none(ARXIV_REPLIES)))
    return TransformResult({ARXIV_RECORDS: reading.records, ARXIV_REJECTS: reading.rejects})


def _arxiv_papers(month: str, kept: Inputs) -> Mapping[Table, pl.DataFrame]:
    lines = arxiv_lines.read_lines(kept.get(ARXIV_LINES, none(ARXIV_LINES)))
    rows = merged(kept.get(ARXIV_RECORDS, none(ARXIV_RECORDS)), lines.rows)
    refused = lines.rejects.with_columns(filed_on=date.fromisoformat(f"{month}-01"))
    return {ARXIV_PAPERS: rows, ARXIV_LINE_REJECTS: conform(refused, ARXIV_LINE_REJECTS)}


def _trends(month: str, kept: Inputs) -> pl.DataFrame:
    return trends(month, kept.get(LISTINGS, none(LISTINGS)), kept.get(SIGNALS, none(SIGNALS)))


def _papers(_month: str, kept: Inputs) -> Mapping[Table, pl.DataFrame]:
    arxiv = kept.get(ARXIV_PAPERS, none(ARXIV_PAPERS))
    return {PAPERS: papers(arxiv, kept.get(LISTINGS, none(LISTINGS)), kept.get(AUTHORS, none(AUTHORS)))}


MONTHLY = (
    MonthlyTransform(
        (HUB_REPLIES, DECISIONS, HARVESTS),
        (LISTINGS, AUTHORS, SIGNALS, SOURCE_DAYS, CAPTURES, REJECTS, FIELD_DAYS, DRIFT),
        _hub,
    ),
    MonthlyTransform((SAVED_PAGES,), (PAGE_ENTRIES,), _page),
    MonthlyTransform((ARXIV_REPLIES,), (ARXIV_RECORDS, ARXIV_REJECTS), _arxiv),
)
WINDOWED = (WindowedTransform(TRENDS, _trends, {LISTINGS: ("listed_on", "paper_id", "is_listed")}),)
ROUTED = (
    RoutedTransform((ARXIV_PAPERS, ARXIV_LINE_REJECTS), _arxiv_papers),
    RoutedTransform((PAPERS,), _papers, {LISTINGS: LISTED_COLUMNS, AUTHORS: AUTHOR_COLUMNS}),
)
EVIDENCE = (*(table for recipe in MONTHLY for table in recipe.evidence), ARXIV_LINES)
FROM_EVIDENCE = tuple(table for recipe in MONTHLY for table in recipe.derived)
DERIVED = (
    *FROM_EVIDENCE,
    *(sequel.derived for sequel in WINDOWED),
    *(table for gathering in ROUTED for table in gathering.derived),
)
