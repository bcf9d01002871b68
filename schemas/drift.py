"""The table `drift`: the fields of a source's answers, counted for each month."""

from __future__ import annotations

from schemas.field_days import RELATION_SEPARATOR
from schemas.kinds import COUNT, COUNTS_UP, DATE, SHARE, TEXT, TEXTS
from schemas.table import Between, Column, Table

DRIFT = Table(
    name="drift",
    doc=(
        "The field census of a month, from `field_days`: which fields the answers carried, since when, how often and "
        "what they looked like. What changed from date to date is told by `papers drift`."
    ),
    grain="one field of one source in one month",
    dated_by="first_seen_on",
    key=("source", "first_seen_on", "field_path"),
    sort=("source", "first_seen_on", "field_path"),
    columns=(
        Column("source", TEXT, "The source asked."),
        Column(
            "field_path",
            TEXT,
            f"JSON path within an entry, or two with `{RELATION_SEPARATOR.strip()}`, as in `field_days`.",
        ),
        Column("first_seen_on", DATE, "The first date of the month whose answers carried it."),
        Column("last_seen_on", DATE, "The last date of the month whose answers carried it."),
        Column("types", TEXTS, "The kinds of its values, as in `field_days`, the commonest first."),
        Column("entry_count", COUNT, "Entries of the month that were looked at.", unit="entries", checks=COUNTS_UP),
        Column("present_count", COUNT, "Those that carried it.", unit="entries", checks=COUNTS_UP),
        Column("share", SHARE, "`present_count` over `entry_count`.", checks=(Between(0, 1),)),
        Column(
            "sample",
            TEXTS,
            "Up to three different values, each cut to 60 characters.",
            null="the field is a container, or a relation of two",
        ),
    ),
)
