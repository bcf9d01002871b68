"""Which tables come from which evidence, by which pure function: one recipe a source. And which come from those."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from schemas.authors import AUTHORS
from schemas.captures import CAPTURES
from schemas.catalogue import TABLES
from schemas.decisions import DECISIONS
from schemas.drift import DRIFT
from schemas.field_days import FIELD_DAYS
from schemas.hub_replies import HUB_REPLIES
from schemas.listings import LISTINGS
from schemas.page_entries import PAGE_ENTRIES
from schemas.rejects import REJECTS
from schemas.saved_pages import SAVED_PAGES
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS
from schemas.table import Reads, Table
from schemas.trends import TRENDS
from transforms import hub, page
from transforms.conform import none
from transforms.trends import trends
from transforms.verdicts import wanting

NOTHING_REFUSED = pl.DataFrame(
    schema={"listed_on": pl.Date, "captured_at": pl.Datetime("us", "UTC"), "message": pl.String}
)

Kept = Mapping[Table, pl.DataFrame]
"""What is kept of one month or of several, by table; a table without rows is absent."""


@dataclass(frozen=True, slots=True)
class Built:
    """A month of the tables of a source, and by table the dates that are wanting.

    `captures` (rows of the table of that name, before any was refused) are to be judged; `refused` were set aside.
    """

    tables: Mapping[Table, pl.DataFrame]
    captures: pl.DataFrame = field(default_factory=none(CAPTURES).clone)
    refused: pl.DataFrame = field(default_factory=NOTHING_REFUSED.clone)
    wanting: Mapping[Table, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a month of the `derived` tables of a source is made of a month of its `evidence`.

    `build` is told the month, the evidence, and the captures to refuse (listed_on, captured_at, message).
    """

    evidence: tuple[Table, ...]
    derived: tuple[Table, ...]
    build: Callable[[str, Kept, pl.DataFrame], Built]


@dataclass(frozen=True, slots=True)
class Sequel:
    """How a month of `derived` is made of the months of other derived tables that it declares to read.

    `build` is told the month, and all rows of those months, of some tables only the `columns` that it needs.
    """

    derived: Table
    build: Callable[[str, Kept], pl.DataFrame]
    columns: Mapping[Table, Sequence[str]] = field(default_factory=dict)

    @property
    def reads(self) -> Reads:
        """What it declares to read. Raises ValueError where it declares nothing."""
        if self.derived.reads is None:
            raise ValueError(f"{self.derived.name} does not declare which tables it is built from")
        return self.derived.reads


def _hub(month: str, kept: Kept, broken: pl.DataFrame) -> Built:
    reading = hub.read(kept.get(HUB_REPLIES, none(HUB_REPLIES)))
    accepted = kept.get(DECISIONS, none(DECISIONS)).filter(pl.col("source") == hub.NAME, pl.col("decision") == "accept")
    tables = hub.build(reading, broken, accepted)
    return Built(
        {TABLES[name]: rows for name, rows in tables.items()},
        reading.captures.select(CAPTURES.arrow().names),
        broken.join(accepted, on=hub.CAPTURE, how="anti"),
        {SOURCE_DAYS: wanting(tables[SOURCE_DAYS.name], hub.NAME, month)},
    )


def _page(_month: str, kept: Kept, _broken: pl.DataFrame) -> Built:
    return Built({TABLES[name]: rows for name, rows in page.build(kept.get(SAVED_PAGES, none(SAVED_PAGES))).items()})


def _trends(month: str, kept: Kept) -> pl.DataFrame:
    return trends(month, kept.get(LISTINGS, none(LISTINGS)), kept.get(SIGNALS, none(SIGNALS)))


RECIPES = (
    Recipe(
        (HUB_REPLIES, DECISIONS), (LISTINGS, AUTHORS, SIGNALS, SOURCE_DAYS, CAPTURES, REJECTS, FIELD_DAYS, DRIFT), _hub
    ),
    Recipe((SAVED_PAGES,), (PAGE_ENTRIES,), _page),
)
SEQUELS = (Sequel(TRENDS, _trends, {LISTINGS: ("listed_on", "paper_id", "is_listed")}),)
EVIDENCE = tuple(table for recipe in RECIPES for table in recipe.evidence)
FROM_EVIDENCE = tuple(table for recipe in RECIPES for table in recipe.derived)
DERIVED = (*FROM_EVIDENCE, *(sequel.derived for sequel in SEQUELS))
