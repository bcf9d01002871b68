"""The table `decisions`: manual decisions about captures. It is evidence, like the replies."""

from __future__ import annotations

from schemas.kinds import DATE, TEXT, TIMESTAMP
from schemas.table import Column, OneOf, Table

DECISIONS = Table(
    name="decisions",
    doc="Decisions of people about captures: an accepted capture is built from although it was refused.",
    grain="one decision about one capture",
    dated_by="listed_on",
    key=("source", "listed_on", "captured_at", "decided_at"),
    sort=("source", "listed_on", "captured_at", "decided_at"),
    is_evidence=True,
    columns=(
        Column("source", TEXT, "The source of the capture."),
        Column("listed_on", DATE, "The date of the capture's list."),
        Column("captured_at", TIMESTAMP, "When the capture began."),
        Column("decision", TEXT, "What was decided.", checks=(OneOf(("accept",)),)),
        Column("decided_at", TIMESTAMP, "When it was decided."),
    ),
)
