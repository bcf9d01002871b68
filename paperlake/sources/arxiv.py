"""arXiv by OAI-PMH 2.0: one request, one answer, as served."""

from datetime import date

from paperlake.sources.answer import Answer
from paperlake.sources.polite import PoliteClient

METADATA_PREFIX = "arXiv"
"""The format with the latest version, parsed authors and the licence."""
_IDENTIFIER = "oai:arXiv.org:"


def listed(
    client: PoliteClient, verb: str, set_spec: str | None = None, since: date | None = None, until: date | None = None
) -> Answer:
    """The first page of `ListRecords` or `ListIdentifiers`. Raises SourceUnreachable."""
    wanted = {"from": since.isoformat() if since else None, "until": until.isoformat() if until else None}
    said = {name: text for name, text in {**wanted, "set": set_spec}.items() if text}
    return client.get("", {"verb": verb, "metadataPrefix": METADATA_PREFIX, **said})


def resumed(client: PoliteClient, verb: str, token: str) -> Answer:
    """The page after the one that gave the resumption token. Raises SourceUnreachable."""
    return client.get("", {"verb": verb, "resumptionToken": token})


def record(client: PoliteClient, paper_id: str) -> Answer:
    """The record of one paper. Raises SourceUnreachable."""
    asked = {"identifier": f"{_IDENTIFIER}{paper_id}", "metadataPrefix": METADATA_PREFIX}
    return client.get("", {"verb": "GetRecord", **asked})
