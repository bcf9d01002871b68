"""The table `arxiv_line_rejects`: unreadable lines and values of arXiv's snapshot, with the reason and the raw line."""

from __future__ import annotations

from schemas.arxiv_papers import ROUTED_INPUTS
from schemas.arxiv_rejects import ARXIV_REJECTS
from schemas.kinds import DATE, SHA256, TEXT, TIMESTAMP
from schemas.table import Column, Table

ARXIV_LINE_REJECTS = Table(
    name="arxiv_line_rejects",
    doc="Lines of arXiv's bulk snapshot, and values in them, that could not be read. The lines are in `arxiv_lines`.",
    grain="one refused line or value",
    dated_by="filed_on",
    key=("captured_at", "body_sha256", "field"),
    sort=("captured_at", "body_sha256", "field"),
    routed_inputs=ROUTED_INPUTS,
    columns=(
        Column("filed_on", DATE, "First day of the month that the line is filed under."),
        Column("captured_at", TIMESTAMP, "When the import of the snapshot began; `imported_at` in `arxiv_lines`."),
        Column("body_sha256", TEXT, "SHA-256 of the line.", checks=(SHA256,)),
        *(ARXIV_REJECTS[name] for name in ("paper_id", "field", "reason", "message", "entry", "is_row_kept")),
    ),
)
