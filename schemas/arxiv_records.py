"""The table `arxiv_records`: every record in arXiv's answers, and so the history of modifications."""

from __future__ import annotations

from schemas.arxiv_papers import DATESTAMP, FILED_ON, IS_DELETED, PAPER_COLUMNS, PAPER_ID
from schemas.arxiv_replies import REPLY_REFERENCE
from schemas.kinds import COUNT, DATE, SHA256, TEXT, TIMESTAMP
from schemas.table import Between, Column, Route, Table

ARXIV_RECORDS = Table(
    name="arxiv_records",
    doc=(
        "Records as arXiv's OAI-PMH server told them, one row for each time. What a paper was called before, and when "
        "that changed, is read here; `arxiv_papers` has the newest of each. A month is sorted by the month of the "
        "identifiers, which can so be read alone."
    ),
    grain="one record in one answer",
    dated_by="captured_on",
    key=("captured_at", "body_sha256", "position"),
    sort=("filed_on", "paper_id", "captured_at", "body_sha256", "position"),
    references=(REPLY_REFERENCE,),
    route=Route("filed_on", ("paper_id", "captured_at", "body_sha256", "position")),
    columns=(
        Column("captured_on", DATE, "The UTC date of `captured_at`."),
        Column("captured_at", TIMESTAMP, "When the answer had arrived."),
        Column("body_sha256", TEXT, "SHA-256 of the answer.", checks=(SHA256,)),
        Column("position", COUNT, "Place of the record in its answer, from 1.", checks=(Between(1, 2**31 - 1),)),
        FILED_ON,
        PAPER_ID,
        *PAPER_COLUMNS,
        DATESTAMP,
        IS_DELETED,
    ),
)
