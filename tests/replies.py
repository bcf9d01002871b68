"""Builders for small invented answers of the Hub, and for the tables built from them."""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import polars as pl

from paperlake.quality.validator import Validator
from schemas.decisions import DECISIONS
from schemas.hub_replies import HUB_REPLIES
from transforms.conform import empty_table
from transforms.hub import replies as hub

Entry = dict[str, Any]
Row = dict[str, Any]
Tables = dict[str, pl.DataFrame]

DAY = date(2025, 11, 6)
OPEN = datetime(2025, 11, 6, 17, 0, tzinfo=UTC)
CLOSED = datetime(2025, 11, 7, 3, 0, tzinfo=UTC)
SETTLED = datetime(2025, 11, 21, 3, 0, tzinfo=UTC)
ABSENT = object()
"""As the value of a change: remove the key."""
IMPORTED_FIELDS = dict.fromkeys(("url", "status_code", "headers"))
ADDRESS = "https://hub.test/api/daily_papers?date={day}&limit={limit}&p={page}"
NO_DECISIONS = empty_table(DECISIONS)


def entry(paper_id: str = "2511.00010", /, **changes: Any) -> Entry:
    """A valid entry. A change names a key, with `paper__upvotes` for a key of `paper`; ABSENT removes it."""
    made: Entry = {
        "paper": {
            "id": paper_id,
            "authors": [{"_id": "a1", "name": "Ada Birch", "hidden": False}],
            "publishedAt": "2025-11-04T08:00:00.000Z",
            "title": f"On {paper_id}",
            "summary": "Something was done.",
            "upvotes": 7,
            "discussionId": f"talk-{paper_id}",
        },
        "publishedAt": "2025-11-04T03:00:00.000Z",
        "title": f"On {paper_id}",
        "summary": "Something was done.",
        "thumbnail": "https://thumbs.test/1.png",
        "numComments": 2,
        "submittedBy": {"_id": "u1", "name": "willow", "fullname": "Willow 🌱"},
        "isAuthorParticipating": False,
    }
    return with_changes(made, {name.replace("__", "."): value for name, value in changes.items()})


def with_changes(original: Entry, changes: Mapping[str, Any]) -> Entry:
    """A copy of an entry with other values at dotted paths."""
    changed = copy.deepcopy(original)
    for path, value in changes.items():
        *parents, last = path.split(".")
        container = changed
        for key in parents:
            container = container[key]
        if value is ABSENT:
            container.pop(last, None)
        else:
            container[last] = value
    return changed


def entries(count: int, first: int = 1) -> list[Entry]:
    """`count` different entries."""
    return [entry(f"2511.{number:05}") for number in range(first, first + count)]


def json_page(content: Sequence[Any] | bytes | str = (), *, status: int | None = 200, more: bool = False) -> Row:
    """One answer: a list of entries, or another body. With `more` it announces a next page."""
    is_text = isinstance(content, str)
    body = content if isinstance(content, bytes) else (content if is_text else json.dumps(content)).encode()
    link = {"link": '<https://hub.test/api/daily_papers?p=9>; rel="next"'} if more else {}
    headers = json.dumps({"content-type": "application/json", **link})
    return {"status_code": status, "headers": headers, "body": body, "body_sha256": sha256(body).hexdigest()}


def capture(  # noqa: PLR0913 - every property of a capture
    content: Sequence[Any] | bytes | str = (),
    day: date = DAY,
    at: datetime = CLOSED,
    *,
    pages: Sequence[Row | None] | None = None,
    limit: int | None = 100,
    first_again: Row | None = None,
) -> list[Row]:
    """The answers of one capture; a page that is None was not captured. An imported capture has no limit.

    A list of several pages ends with its first page again, unchanged unless `first_again` is given.
    """
    captured = [json_page(content)] if pages is None else pages
    again = first_again or (captured[0] if len(captured) > 1 and limit is not None else None)
    answers = [
        {
            "requested_on": day,
            "capture_started_at": at,
            "page": number,
            "captured_at": at + timedelta(seconds=number),
            "url": ADDRESS.format(day=day, limit=limit, page=number),
            **page,
        }
        for number, page in enumerate(captured)
        if page is not None
    ]
    if again is not None:
        at_end = {"page": len(captured), "captured_at": at + timedelta(seconds=len(captured))}
        url = ADDRESS.format(day=day, limit=limit, page=0)
        answers.append({"requested_on": day, "capture_started_at": at, **at_end, "url": url, **again})
    return [answer | IMPORTED_FIELDS for answer in answers] if limit is None else answers


def replies(*captures: Iterable[Row]) -> pl.DataFrame:
    """The answers as a frame."""
    return pl.DataFrame([row for capture_ in captures for row in capture_], schema=pl.Schema(HUB_REPLIES.arrow()))


def build_tables(*captures: Iterable[Row], accepted: pl.DataFrame = NO_DECISIONS) -> Tables:
    """All tables without validation: no capture is refused."""
    return hub.build_tables(hub.parse_replies(replies(*captures)), NO_REFUSALS, accepted)


def build_validated_tables(*captures: Iterable[Row], accepted: pl.DataFrame = NO_DECISIONS) -> Tables:
    """All tables, with the refusals of the validator."""
    reading = hub.parse_replies(replies(*captures))
    return hub.build_tables(reading, Validator().refused_captures(reading.captures), accepted)


NO_REFUSALS = NO_DECISIONS.select("listed_on", "captured_at", message="decision")


def accept_decision(day: date, at: datetime) -> pl.DataFrame:
    """A manual decision to accept a capture."""
    row = {"source": "hub", "listed_on": day, "captured_at": at, "decision": "accept", "decided_at": at}
    return pl.DataFrame([row], schema=pl.Schema(DECISIONS.arrow()))


def listing_of(content: Entry, **options: Any) -> Row:
    """The row of `listings` for a capture of only this entry."""
    return build_tables(capture([content], **options))["listings"].row(0, named=True)


def reject_of(*content: Any, **options: Any) -> Row:
    """The only reject of these entries."""
    return build_tables(capture(content, **options))["rejects"].row(0, named=True)


def listings_of(cases: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The rows of `listings` for entries with these changes (dotted paths); fails if there is any reject."""
    changed = [with_changes(entry(f"2511.{number:05}"), case) for number, case in enumerate(cases, 1)]
    tables = build_tables(capture(changed, limit=1000))
    assert tables["rejects"].is_empty(), tables["rejects"].rows()
    return tables["listings"].rows(named=True)
