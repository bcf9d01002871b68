"""The table `saved_pages`: Daily Papers pages copied from a browser, verbatim."""

from __future__ import annotations

from schemas.kinds import BYTES, DATE, SHA256, TEXT, TIMESTAMP
from schemas.table import Column, Table

SAVED_PAGES = Table(
    name="saved_pages",
    doc="Daily Papers pages that people saved, as they came, before anything read them. The same page is kept once.",
    grain="one saved page of one date",
    dated_by="captured_on",
    key=("captured_on", "body_sha256"),
    sort=("captured_on", "body_sha256", "imported_at"),
    is_evidence=True,
    columns=(
        Column("captured_on", DATE, "The date on which the page was saved, as whoever imported it says."),
        Column("imported_at", TIMESTAMP, "When the page was first imported."),
        Column("file_name", TEXT, "Name of the file it was imported from, without its folder."),
        Column("body", BYTES, "The file, byte for byte."),
        Column("body_sha256", TEXT, "SHA-256 of the body, in hexadecimal.", checks=(SHA256,)),
    ),
)
