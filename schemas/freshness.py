"""The age of the lake, checked by each daily run. Not published: failed checks are warnings in `validations`."""

from __future__ import annotations

from schemas.kinds import COUNT, DATE
from schemas.table import Below, Column, Table

FRESHNESS = Table(
    name="freshness",
    doc="How far the lake is behind the newest date that has closed.",
    grain="one run",
    dated_by="listed_on",
    key=("listed_on",),
    sort=("listed_on",),
    columns=(
        Column("listed_on", DATE, "The newest date that had closed when the run was due."),
        Column(
            "age_days",
            COUNT,
            "Days from the newest date with a final verdict to that one.",
            unit="days",
            checks=(Below(1, "the newest complete date is older than it should be", refuses="nothing"),),
        ),
    ),
)
