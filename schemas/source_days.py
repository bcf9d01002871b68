"""The table `source_days`: how complete each date of each source is, and the captures that show it."""

from __future__ import annotations

from schemas.kinds import COUNT, COUNTS_UP, DATE, TEXT, TIMESTAMP
from schemas.table import Column, OneOf, References, Table

HUB, ARXIV = "hub", "arxiv"
"""Values of `source`."""
VERDICTS = ("settled", "complete", "confirmed_empty", "in_doubt", "partial", "failed")

SOURCE_DAYS = Table(
    name="source_days",
    doc=(
        "The verdict on each date that was ever asked for: settled (whole, begun 14 days or more after closing), "
        "complete (whole, begun after closing), confirmed_empty (the same, and empty), in_doubt (the newest whole "
        "capture lost most of the list, or shows an empty weekday, and no second one agrees yet), partial (something "
        "valid), failed (nothing valid). A date never asked for has no row. Of arXiv it is the verdict on the "
        "harvests of a day: complete where lists made one after the other agree and no record on them is missing."
    ),
    grain="one source and one date",
    version="1.1.0",
    dated_by="listed_on",
    key=("source", "listed_on"),
    sort=("source", "listed_on"),
    references=(
        *(
            References(("listed_on", at), "hub_replies", ("requested_on", "capture_started_at"), only=("source", HUB))
            for at in ("first_captured_at", "last_captured_at")
        ),
        *(
            References(("listed_on", at), "harvests", ("harvested_on", "harvest_started_at"), only=("source", ARXIV))
            for at in ("first_captured_at", "last_captured_at")
        ),
    ),
    columns=(
        Column("source", TEXT, "The source asked: hub, arxiv, or a set of arXiv's (arxiv:cs)."),
        Column("listed_on", DATE, "The date asked for; of arXiv the day (UTC) of the harvest."),
        Column("verdict", TEXT, "What is known of the date.", checks=(OneOf(VERDICTS),)),
        Column(
            "paper_count",
            COUNT,
            "Papers on the list (`is_listed`); of arXiv, records told.",
            unit="papers",
            checks=COUNTS_UP,
        ),
        Column("page_count", COUNT, "Pages of the capture or harvest it rests on.", unit="pages", checks=COUNTS_UP),
        Column(
            "capture_count", COUNT, "Captures kept, or harvests tried, good or bad.", unit="captures", checks=COUNTS_UP
        ),
        Column("first_captured_at", TIMESTAMP, "Start of the first capture."),
        Column("last_captured_at", TIMESTAMP, "Start of the newest capture."),
        Column(
            "reason",
            TEXT,
            "Why the date is in doubt, only partial, or failed.",
            null="the date is settled, complete or confirmed empty",
        ),
    ),
)
