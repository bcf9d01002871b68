"""The table `hub_replies`: the verbatim answers of the Hub."""

from __future__ import annotations

from schemas.kinds import BYTES, COUNT, COUNTS_UP, DATE, SHA256, TEXT, TIMESTAMP
from schemas.table import Between, Column, References, Table

NULL_WHEN_IMPORTED = "the answer was imported from an archive that does not say"


def capture_reference(column: str) -> References:
    """Foreign key to the capture of the row's date that started at the time in `column`."""
    return References(("listed_on", column), "hub_replies", ("requested_on", "capture_started_at"))


HUB_REPLIES = Table(
    name="hub_replies",
    doc="Every answer of the Hub's Daily Papers API that was kept, as it came, before anything read it.",
    grain="one answer kept",
    dated_by="requested_on",
    key=("requested_on", "capture_started_at", "page", "captured_at", "body_sha256"),
    sort=("requested_on", "capture_started_at", "page", "captured_at", "body_sha256"),
    is_evidence=True,
    columns=(
        Column("requested_on", DATE, "The date that the list was asked for."),
        Column("capture_started_at", TIMESTAMP, "When the capture began; shared by all pages of one capture."),
        Column("page", COUNT, "The page of the list, counted from 0.", checks=COUNTS_UP),
        Column("captured_at", TIMESTAMP, "When this page's answer had arrived."),
        Column("url", TEXT, "The address asked, without credentials.", null=NULL_WHEN_IMPORTED),
        Column("status_code", COUNT, "The HTTP status.", null=NULL_WHEN_IMPORTED, checks=(Between(100, 599),)),
        Column(
            "headers",
            TEXT,
            "The answer's headers as a JSON object, names in lower case, cookies left out.",
            null=NULL_WHEN_IMPORTED,
        ),
        Column("body", BYTES, "The body, byte for byte, after content decoding."),
        Column("body_sha256", TEXT, "SHA-256 of the body, in hexadecimal.", checks=(SHA256,)),
    ),
)
