"""The table `field_days`: the fields and value types in the entries of each date."""

from __future__ import annotations

from schemas.kinds import COUNT, COUNTS_UP, DATE, TEXT
from schemas.table import Column, OneOf, Table

RELATIONS = ("same_instant", "new_york_clock", "other_instant", "same_date", "other_date")
"""Relations between the values of two fields that should agree."""
KINDS = (
    *("object", "list", "text", "wrapped_text", "empty_text", "instant", "midnight"),
    *("whole_number", "number", "flag", "null", "mixed"),
    *RELATIONS,
)
RELATION_SEPARATOR = " ~ "
"""Joins two paths into one `field_path`; the row's `kind` is then the relation of their values."""

FIELD_DAYS = Table(
    name="field_days",
    doc=(
        "The fields that the entries of a date carry, known or unknown, with the kind of their values: counted in the "
        "newest valid capture of the date, in its first hundred entries (lists are hardly ever longer; in the first "
        "twenty of one beyond two hundred)."
    ),
    grain="one field in one form, in the answers for one date",
    dated_by="listed_on",
    key=("source", "listed_on", "field_path", "kind"),
    sort=("source", "listed_on", "field_path", "kind"),
    columns=(
        Column("source", TEXT, "The source asked."),
        Column("listed_on", DATE, "The date asked for."),
        Column(
            "field_path",
            TEXT,
            "JSON path within an entry, `$` being the entry; `[]` stands for any item of a list. Two paths with `~` "
            "between them ought to agree: the kind says how they do.",
        ),
        Column(
            "kind",
            TEXT,
            "The form of the values: JSON's types, with texts told apart (wrapped over lines, empty, an instant, an "
            "instant at midnight; `mixed` are lists of several types), or how two fields relate.",
            checks=(OneOf(KINDS),),
        ),
        Column("entry_count", COUNT, "Entries of that date that were looked at.", unit="entries", checks=COUNTS_UP),
        Column("present_count", COUNT, "Those that hold the field in this form.", unit="entries", checks=COUNTS_UP),
    ),
)
