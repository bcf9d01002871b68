"""The table `rejects` (the quarantine): refused entries, values and captures, with the reason and the raw entry."""

from __future__ import annotations

from schemas.hub_replies import capture_reference
from schemas.kinds import COUNT, COUNTS_UP, DATE, FLAG, TEXT, TIMESTAMP
from schemas.table import Column, OneOf, Table

REASONS = (
    "not_an_object",
    "paper_missing",
    "id_missing",
    "id_invalid",
    "name_missing",
    "wrong_type",
    "date_impossible",
    "key_repeated",
    "not_utf8",
    "key_twice",
    "below_zero",
    "too_large",
    "capture_refused",
)

REJECTS = Table(
    name="rejects",
    doc="Entries and values that could not be read, and captures set aside. Nothing refused is ever lost.",
    grain="one refused entry, value or capture, once for each capture that holds it",
    dated_by="listed_on",
    key=("listed_on", "captured_at", "place", "table_name", "field"),
    sort=("listed_on", "captured_at", "place", "table_name", "field"),
    references=(capture_reference("captured_at"),),
    columns=(
        Column("table_name", TEXT, "The table that the row or value was meant for."),
        Column("listed_on", DATE, "The date that the list was asked for."),
        Column("captured_at", TIMESTAMP, "Start of the capture that holds it."),
        Column(
            "place", COUNT, "Place on the list, from 1 over all pages; 0 for a capture as a whole.", checks=COUNTS_UP
        ),
        Column("field", TEXT, "JSON path of what could not be read, within the entry; `$` is the entry itself."),
        Column("reason", TEXT, "Why it was refused.", checks=(OneOf(REASONS),)),
        Column("message", TEXT, "What was found, and what the table needs."),
        Column("entry", TEXT, "The raw entry as JSON text; for a capture, what it is known by."),
        Column(
            "is_row_kept",
            FLAG,
            "True where only an optional value was unreadable: it is null, and its row was published.",
        ),
    ),
)
