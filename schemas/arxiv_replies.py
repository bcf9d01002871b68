"""The table `arxiv_replies`: the verbatim answers of arXiv's OAI-PMH server."""

from __future__ import annotations

from schemas.hub_replies import NULL_WHEN_IMPORTED
from schemas.kinds import BYTES, COUNT, DATE, SHA256, TEXT, TIMESTAMP
from schemas.table import Between, Column, OneOf, References, Table

VERBS = ("Identify", "ListMetadataFormats", "ListSets", "ListIdentifiers", "ListRecords", "GetRecord")
"""All verbs of OAI-PMH 2.0."""

REPLY_REFERENCE = References(
    ("captured_on", "captured_at", "body_sha256"), "arxiv_replies", ("captured_on", "captured_at", "body_sha256")
)
"""Foreign key of a row to the answer that it was read from."""

ARXIV_REPLIES = Table(
    name="arxiv_replies",
    doc="Every answer of arXiv's OAI-PMH server that was kept, as it came, before anything read it.",
    grain="one answer kept",
    dated_by="captured_on",
    key=("captured_on", "captured_at", "body_sha256"),
    sort=("captured_on", "captured_at", "body_sha256"),
    is_evidence=True,
    columns=(
        Column("captured_on", DATE, "The UTC date of `captured_at`."),
        Column("captured_at", TIMESTAMP, "When the answer had arrived."),
        Column("harvest_started_at", TIMESTAMP, "When the harvest began; shared by all answers of one harvest."),
        Column("verb", TEXT, "What was asked for, in the words of OAI-PMH.", checks=(OneOf(VERBS),)),
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
