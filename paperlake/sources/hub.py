"""Hugging Face Daily Papers: the pages of the list of a date, unchanged."""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from paperlake.sources.answer import Answer
from paperlake.sources.header_fields import joined_field, parse_parameters, split_unquoted
from paperlake.sources.polite import PoliteClient

PAGE_SIZE = 100
"""The Hub's maximum. Its default is 50, which cuts a busy day without notice: 2026-05-12 came with 50 of 67."""
FULL_PAGE_SIZES = (50, 100)
"""The Hub's default and largest page sizes. A page of that size may be cut, whatever size was asked for."""

PAGE_CAP = 100
"""The maximum number of pages of one date. A server that sends more never ends its lists."""


def fetch_date(
    client: PoliteClient, day: date, first_page: int = 0, before: bytes = b"", *, is_at_end: bool = False
) -> Iterator[Answer]:
    """Yield the pages of the list of `day` as they arrive, so that the caller can store each before the next request.

    After several pages with entries it yields the first page again: if it differs, the list changed meanwhile, and a
    paper may have moved between two pages. To continue a list, pass the number of the next page as `first_page` and
    the body of the page `before` it, and whether that one `is_at_end`. The last page may have any status. Raises
    SourceUnreachable.
    """
    if is_at_end:
        yield _request_page(client, day, 0)
        return
    has_later_entries = first_page > 1
    size_before = count_entries(before)
    for page in range(first_page, PAGE_CAP):
        answer = _request_page(client, day, page)
        yield answer
        size = count_entries(answer.body) if answer.status_code == HTTPStatus.OK else None
        if size is None or answer.body == before:  # a server that ignores `p` sends the same page again
            return
        has_later_entries |= page > 0 and size > 0
        if not (has_next_page(answer) or size == size_before):
            break
        before, size_before = answer.body, size
    else:
        return
    if has_later_entries:
        yield _request_page(client, day, 0)


def _request_page(client: PoliteClient, day: date, page: int) -> Answer:
    # Not the address in the `Link` header, whose host the server chooses: all requests go to the configured host, which
    # may be a mirror or a sandbox.
    return client.get("/api/daily_papers", {"date": day.isoformat(), "limit": PAGE_SIZE, "p": page})


def is_first_page_again(url: str, page: int) -> bool:
    """Whether the answer stored as `page` is the first page, asked for again at the end of a list."""
    return page > 0 and parse_qs(urlsplit(url).query).get("p") == ["0"]


def has_next_page(answer: Answer) -> bool:
    """Whether another page may follow: the server announces one, or this page is full."""
    count = count_entries(answer.body) if answer.status_code == HTTPStatus.OK else None
    if not count:
        return False
    return count >= PAGE_SIZE or count in FULL_PAGE_SIZES or link_has_next(joined_field(answer.headers, "link"))


def has_changed(pages: Sequence[Answer]) -> bool:
    """Whether a list changed while its `pages` were requested: it repeats an entry, or its first page differs."""
    ids = [_entry_ids(answer.body) for answer in pages]
    is_again = len(pages) > 1 and is_first_page_again(pages[-1].url, len(pages) - 1)
    listed = ids[:-1] if is_again else ids
    repeats = sum(map(len, listed)) > len(set().union(*listed))
    return repeats or (is_again and ids[0] != ids[-1])


def _entry_ids(body: bytes) -> set[str]:
    """The identifiers of the papers in a list; empty for any other bytes."""
    try:
        entries = _parse_json(body)
    except (ValueError, RecursionError):
        return set()
    papers = [entry.get("paper") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return {str(paper.get("id")) for paper in papers if isinstance(paper, dict)}


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
    except UnicodeDecodeError:  # one byte in one title must not hide the length of the list
        return _parse_json(body.decode(errors="replace").encode())
    except ValueError:
        # Python refuses to parse integers of more than 4300 digits. Not parsing numbers at all takes twice as long.
        return json.loads(body, parse_int=len, parse_float=len)
