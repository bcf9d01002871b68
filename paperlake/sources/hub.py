"""Hugging Face Daily Papers: the list of a date, page by page, as served."""

import json
from collections.abc import Iterator
from datetime import date
from http import HTTPStatus

from paperlake.sources.answer import Answer
from paperlake.sources.header_fields import field, parameters, pieces
from paperlake.sources.polite import PoliteClient

PAGE_SIZE = 100
"""The most the Hub gives. Its default is 50, and cuts a busy day silently: 2026-05-12 came with 50 of 67."""

PAGE_CAP = 100
"""Pages of one date; more is a server that never ends."""


def fetch_date(client: PoliteClient, day: date, first_page: int = 0, before: bytes = b"") -> Iterator[Answer]:
    """Yield the pages of the list of `day` as they come, so that each can be kept before the next is asked.

    To go on with a list, say which page comes next and the body of the one `before` it. The last one may be of
    any status: what ends the list is kept too. Raises SourceUnreachable.
    """
    for page in range(first_page, PAGE_CAP):
        # Our own next address, not the one in `Link`, which names a host of the server's choice: we stay on
        # the one that was configured, be it a mirror or a sandbox.
        answer = client.get("/api/daily_papers", {"date": day.isoformat(), "limit": PAGE_SIZE, "p": page})
        yield answer
        # The same again comes from a server that ignores `p`.
        if answer.body == before or not has_more(answer):
            return
        before = answer.body


def has_more(answer: Answer) -> bool:
    """Whether there may be a page after this one: announced, or likely because this one is full."""
    count = entry_count(answer.body) if answer.status_code == HTTPStatus.OK else None
    if not count:
        return False
    return count >= PAGE_SIZE or announces_next(field(answer.headers, "link"))


def announces_next(link: str) -> bool:
    """Whether a `Link` field (RFC 8288) holds a link with the relation "next"."""
    links = (pieces(text, ";") for text in pieces(link, ","))
    return any(
        "next" in parameters(parts[1:]).get("rel", "").lower().split() for parts in links if parts[0].startswith("<")
    )


def entry_count(body: bytes) -> int | None:
    """The number of entries in a JSON array; None for any other bytes."""
    try:
        entries = _parsed(body)
    except (ValueError, RecursionError):
        return None
    return len(entries) if isinstance(entries, list) else None


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        # Python refuses numbers of more than 4300 digits. Looking at none takes twice as long.
        return json.loads(body, parse_int=len, parse_float=len)
