"""Hugging Face Daily Papers: the pages of the list of a date, unchanged."""

import json
from collections.abc import Iterator
from datetime import date
from http import HTTPStatus

from paperlake.sources.answer import Answer
from paperlake.sources.header_fields import joined_field, parse_parameters, split_unquoted
from paperlake.sources.polite import PoliteClient

PAGE_SIZE = 100
"""The Hub's maximum. Its default is 50, which cuts a busy day without notice: 2026-05-12 came with 50 of 67."""

PAGE_CAP = 100
"""The maximum number of pages of one date. A server that sends more never ends its lists."""


def fetch_date(client: PoliteClient, day: date, first_page: int = 0, before: bytes = b"") -> Iterator[Answer]:
    """Yield the pages of the list of `day` as they arrive, so that the caller can store each before the next request.

    To continue a list, pass the number of the next page as `first_page` and the body of the page `before` it. The
    last page may have any status. Raises SourceUnreachable.
    """
    for page in range(first_page, PAGE_CAP):
        # Not the address in the `Link` header, whose host the server chooses: all requests go to the configured
        # host, which may be a mirror or a sandbox.
        answer = client.get("/api/daily_papers", {"date": day.isoformat(), "limit": PAGE_SIZE, "p": page})
        yield answer
        # A server that ignores `p` sends the same page again.
        if answer.body == before or not has_next_page(answer):
            return
        before = answer.body


def has_next_page(answer: Answer) -> bool:
    """Whether another page may follow: the server announces one, or this page is full."""
    count = count_entries(answer.body) if answer.status_code == HTTPStatus.OK else None
    if not count:
        return False
    return count >= PAGE_SIZE or link_has_next(joined_field(answer.headers, "link"))


def link_has_next(link: str) -> bool:
    """Whether a `Link` field (RFC 8288) contains a link with the relation "next"."""
    links = (split_unquoted(text, ";") for text in split_unquoted(link, ","))
    return any(
        "next" in parse_parameters(parts[1:]).get("rel", "").lower().split()
        for parts in links
        if parts[0].startswith("<")
    )


def count_entries(body: bytes) -> int | None:
    """The number of entries in a JSON array; None for any other bytes."""
    try:
        entries = _parse_json(body)
    except (ValueError, RecursionError):
        return None
    return len(entries) if isinstance(entries, list) else None


def _parse_json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        # Python refuses to parse integers of more than 4300 digits. Not parsing numbers at all takes twice as long.
        return json.loads(body, parse_int=len, parse_float=len)
