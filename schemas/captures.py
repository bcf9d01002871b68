"""The table `captures`: the quality of each capture, and whether it was accepted."""

from __future__ import annotations

from schemas.hub_replies import capture_reference
from schemas.kinds import COUNT, COUNTS_UP, DATE, FLAG, SHARE, TEXT, TIMESTAMP
from schemas.table import Below, Column, Table

CAPTURES = Table(
    name="captures",
    doc="Every capture of a date's list, with the facts on which it was let in or refused.",
    grain="one capture of the list of one date",
    version="1.1.0",
    dated_by="listed_on",
    key=("source", "listed_on", "captured_at"),
    sort=("source", "listed_on", "captured_at"),
    references=(capture_reference("captured_at"),),
    columns=(
        Column("source", TEXT, "The source asked."),
        Column("listed_on", DATE, "The date that the list was asked for."),
        Column("captured_at", TIMESTAMP, "When the capture began."),
        Column("page_count", COUNT, "Pages kept, valid or not.", unit="pages", checks=COUNTS_UP),
        Column("entry_count", COUNT, "Entries on its valid pages.", unit="entries", checks=COUNTS_UP),
        Column("refused_count", COUNT, "Entries that could not become a row.", unit="entries", checks=COUNTS_UP),
        Column(
            "refused_share",
            SHARE,
            "`refused_count` over `entry_count`; 0 for an empty list. At one half the capture is refused.",
            checks=(Below(0.5, "half of its entries or more cannot be read", refuses="capture"),),
        ),
        Column(
            "other_date_count",
            COUNT,
            "Entries that say they were put on the list of another date.",
            unit="entries",
            checks=COUNTS_UP,
        ),
        Column(
            "other_date_share",
            SHARE,
            "`other_date_count` over the entries that tell their date (all do since 2025-03-17); 0 where none "
            "does. At one half the capture is the list of another date, and is refused.",
            checks=(Below(0.5, "it is the list of another date", refuses="capture"),),
        ),
        Column("is_valid", FLAG, "Whether at least one page is a 200 that holds a JSON array."),
        Column("is_whole", FLAG, "Whether every page is valid and none is missing or cut."),
        Column("is_closed", FLAG, "Whether it began after the date had closed, at 21:30 in New York."),
        Column("is_refused", FLAG, "Whether it was set aside: no row of any other table comes from it."),
        Column("is_accepted", FLAG, "Whether a person let it in against the judgement."),
        Column(
            "is_in_doubt",
            FLAG,
            "Whether its list does not count yet: it lost most of the papers known before, or shows no paper on a "
            "weekday, and no later capture agrees.",
        ),
        Column("fault", TEXT, "What is wrong with it, in words.", null="nothing is wrong with it"),
    ),
)
