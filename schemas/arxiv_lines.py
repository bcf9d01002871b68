"""The table `arxiv_lines`: the verbatim lines of arXiv's public metadata snapshot."""

from __future__ import annotations

from schemas.kinds import ARXIV_ID, BYTES, DATE, TEXT, TIMESTAMP
from schemas.table import Column, Table

ARXIV_LINES = Table(
    name="arxiv_lines",
    doc=(
        "Lines of the public snapshot arxiv-metadata-oai-snapshot.json, as they came. They are filed by the month of "
        "the paper's identifier, so that three million need not be read to build one month."
    ),
    grain="one line of one imported snapshot",
    dated_by="filed_on",
    key=("filed_on", "imported_at", "line"),
    sort=("filed_on", "imported_at", "line"),
    is_evidence=True,
    columns=(
        Column(
            "filed_on",
            DATE,
            "First day of the month in the paper's identifier; of the month of the import where none can be read.",
        ),
        Column(
            "paper_id",
            TEXT,
            "The identifier that the line tells.",
            null="the line tells none that can be read",
            checks=(ARXIV_ID,),
        ),
        Column("imported_at", TIMESTAMP, "When the import of the snapshot began; shared by all of its lines."),
        Column("line", BYTES, "The line, byte for byte, without its line end."),
    ),
)
