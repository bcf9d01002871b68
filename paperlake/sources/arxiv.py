"""arXiv's OAI-PMH 2.0 interface: each function sends one request and returns the answer unchanged."""

from datetime import date

from paperlake.sources.answer import Answer
from paperlake.sources.polite import PoliteClient

METADATA_PREFIX = "arXiv"
"""The format that contains the latest version, parsed authors and the licence."""
_IDENTIFIER = "oai:arXiv.org:"


def first_page(
    client: PoliteClient, verb: str, set_spec: str | None = None, since: date | None = None, until: date | None = None
) -> Answer:
    """The first page of `ListRecords` or `ListIdentifiers`. Raises SourceUnreachable."""
    options = {
        "from": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
        "set": set_spec,
    }
    given = {name: value for name, value in options.items() if value}
    return client.get("", {"verb": verb, "metadataPrefix": METADATA_PREFIX, **given})


def next_page(client: PoliteClient, verb: str, token: str) -> Answer:
    """The page after the one that contained the resumption token. Raises SourceUnreachable."""
    return client.get("", {"verb": verb, "resumptionToken": token})


def get_record(client: PoliteClient, paper_id: str) -> Answer:
    """The record of one paper. Raises SourceUnreachable."""
    params = {"identifier": f"{_IDENTIFIER}{paper_id}", "metadataPrefix": METADATA_PREFIX}
    return client.get("", {"verb": "GetRecord", **params})


def list_sets(client: PoliteClient, token: str | None = None) -> Answer:
    """The sets of the server, from the beginning or from a resumption token on. Raises SourceUnreachable."""
    return client.get("", {"verb": "ListSets", **({"resumptionToken": token} if token else {})})
