"""The table `harvests`: each arXiv harvest, and whether it is complete. Rows are appended, never rebuilt."""

from __future__ import annotations

from schemas.kinds import COUNT, COUNTS_UP, DATE, TEXT, TIMESTAMP
from schemas.table import Column, OneOf, Table

HARVEST_VERDICTS = ("complete", "confirmed_empty", "partial", "failed")
_NO_ANSWER = "no answer told it"

HARVESTS = Table(
    name="harvests",
    doc=(
        "Every harvest of arXiv, and every import of its bulk snapshot. A harvest is complete when two lists made one "
        "after the other agree and the lake has every record on them; paging by offset loses records otherwise."
    ),
    grain="one harvest, or one attempt to go on with it",
    dated_by="harvested_on",
    key=("harvested_on", "harvest_started_at", "ended_at"),
    sort=("harvested_on", "harvest_started_at", "ended_at"),
    is_evidence=True,
    columns=(
        Column("harvested_on", DATE, "The day (UTC) on which the harvest began."),
        Column("harvest_started_at", TIMESTAMP, "When the harvest began; shared with its answers in `arxiv_replies`."),
        Column("ended_at", TIMESTAMP, "When this attempt ended."),
        Column("set_spec", TEXT, "The set asked for, such as cs or math:math:NA.", null="all of arXiv"),
        Column("from_on", DATE, "First datestamp asked for.", null="since arXiv's beginning"),
        Column("until_on", DATE, "Last datestamp asked for.", null="up to the newest"),
        Column("verdict", TEXT, "What came of it.", checks=(OneOf(HARVEST_VERDICTS),)),
        Column(
            "responded_at",
            TIMESTAMP,
            "The server's clock in its first answer: the next harvest begins a day before. Of an import, the newest "
            "update of a paper in it.",
            null=_NO_ANSWER,
        ),
        Column("page_count", COUNT, "Answers kept, of every kind.", unit="answers", checks=COUNTS_UP),
        Column("record_count", COUNT, "Papers whose records were told.", unit="papers", checks=COUNTS_UP),
        Column("fetched_count", COUNT, "Those that only reconciling brought.", unit="papers", checks=COUNTS_UP),
        Column("missing_count", COUNT, "Papers listed whose records are wanting.", unit="papers", checks=COUNTS_UP),
        Column("reason", TEXT, "Why it is only partial, or failed.", null="it is complete, or empty"),
    ),
)
