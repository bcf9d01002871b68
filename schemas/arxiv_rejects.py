"""The table `arxiv_rejects`: unreadable answers, records and values from arXiv, with the reason and the raw text."""

from __future__ import annotations

from schemas.kinds import ARXIV_ID, COUNT, COUNTS_UP, DATE, FLAG, SHA256, TEXT, TIMESTAMP
from schemas.table import Column, OneOf, Table

PAGE_FAULTS = {
    "http_status": "the HTTP status is not 200",
    "empty": "the body is empty",
    "html": "the body is a page of HTML",
    "not_xml": "the body is not well-formed XML",
    "truncated": "the body breaks off before its end",
    "not_utf8": "the body is not UTF-8",
    "control_characters": "the body holds characters that XML forbids",
    "entities": "the body declares or uses entities of its own, which are never expanded",
    "too_large": "the body, or something in it, is larger or deeper than any answer of arXiv's",
    "not_oai": "the body is XML, but no answer of OAI-PMH",
    "other_format": "the records are of another format than arXiv",
}
"""Reasons to reject a whole answer, with the text for `message`."""
ROW_FAULTS = ("id_missing", "id_invalid", "id_contradicted", "metadata_missing", "not_an_object")
"""Reasons to reject a record or a line."""
VALUE_FAULTS = ("date_impossible", "value_repeated", "doi_invalid", "name_missing", "wrong_type")
"""Reasons to leave a value or an author out of a published row."""
REASONS = (*PAGE_FAULTS, *ROW_FAULTS, *VALUE_FAULTS)

ARXIV_REJECTS = Table(
    name="arxiv_rejects",
    doc=(
        "Answers, records and values of arXiv's that could not be read, and lines of its snapshot. Nothing refused is "
        "ever lost: the answers and lines themselves are kept."
    ),
    grain="one refused answer, record or value, and why",
    version="2.0.0",
    dated_by="captured_on",
    key=("captured_at", "body_sha256", "position", "field", "reason"),
    sort=("captured_on", "captured_at", "body_sha256", "position", "field", "reason"),
    columns=(
        Column("captured_on", DATE, "The UTC date of `captured_at`."),
        Column("captured_at", TIMESTAMP, "When the answer had arrived, or the line was imported."),
        Column("body_sha256", TEXT, "SHA-256 of the answer, or of the line.", checks=(SHA256,)),
        Column(
            "position",
            COUNT,
            "Place of the record in its answer, from 1; 0 for the answer as a whole, and for a line.",
            checks=COUNTS_UP,
        ),
        Column(
            "paper_id",
            TEXT,
            "The paper that the record is of.",
            null="it is not known which, or several are concerned",
            checks=(ARXIV_ID,),
        ),
        Column(
            "field",
            TEXT,
            "What could not be read, by its name in the answer (`created`, `author[2]`); `$` is the whole.",
        ),
        Column("reason", TEXT, "Why it was refused.", checks=(OneOf(REASONS),)),
        Column("message", TEXT, "What was found, and what the table needs."),
        Column("entry", TEXT, "The raw record as XML, or the line.", null="the answer as a whole is refused"),
        Column(
            "is_row_kept",
            FLAG,
            "True where only a value was unreadable: it is null, or left out, and its row was published.",
        ),
    ),
)
