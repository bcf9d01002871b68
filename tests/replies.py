"""Small invented answers of the Hub, and the tables built from them: the words in which the tests speak."""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import polars as pl

from paperlake.quality import judge
from schemas.decisions import DECISIONS
from schemas.hub_replies import HUB_REPLIES
from transforms.conform import none
from transforms.hub import replies as hub

Entry = dict[str, Any]
Row = dict[str, Any]
Tables = dict[str, pl.DataFrame]

DAY = date(2025, 11, 6)
OPEN = datetime(2025, 11, 6, 17, 0, tzinfo=UTC)
CLOSED = datetime(2025, 11, 7, 3, 0, tzinfo=UTC)
SETTLED = datetime(2025, 11, 21, 3, 0, tzinfo=UTC)
GONE = object()
"""As the value of a change: the key is absent."""
UNTOLD = dict.fromkeys(("url", "status_code", "headers"))
ADDRESS = "https://hub.test/api/daily_papers?date={day}&limit={limit}&p={page}"
NONE_ACCEPTED = none(DECISIONS)


def entry(paper_id: str = "2511.00010", /, **changes: Any) -> Entry:
    """A readable entry. A change names a key, with `paper__upvotes` for a key of `paper`; GONE takes it away."""
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
    return changed(made, {name.replace("__", "."): value for name, value in changes.items()})


def changed(one: Entry, changes: Mapping[str, Any]) -> Entry:
    """A copy of `one` with other values at dotted paths."""
    made = copy.deepcopy(one)
    for path, value in changes.items():
        *outer, last = path.split(".")
        held = made
        for key in outer:
            held = held[key]
        if value is GONE:
            held.pop(last, None)
        else:
            held[last] = value
    return made


def entries(count: int, first: int = 1) -> list[Entry]:
    """As many different entries."""
    return [entry(f"2511.{number:05}") for number in range(first, first + count)]


def page(held: Sequence[Any] | bytes | str = (), *, status: int | None = 200, more: bool = False) -> Row:
    """One answer: entries, or a body that is no list; `more` where it announces another page."""
    body = held if isinstance(held, bytes) else held.encode() if isinstance(held, str) else json.dumps(held).encode()
    link = {"link": '<https://hub.test/api/daily_papers?p=9>; rel="next"'} if more else {}
    headers = json.dumps({"content-type": "application/json", **link})
    return {"status_code": status, "headers": headers, "body": body, "body_sha256": sha256(body).hexdigest()}


def capture(
    held: Sequence[Any] | bytes | str = (),
    day: date = DAY,
    at: datetime = CLOSED,
    *,
    pages: Sequence[Row | None] | None = None,
    limit: int | None = 100,
) -> list[Row]:
    """The answers of one capture; a page that is None was never captured. Without a limit it was imported."""
    kept = [page(held)] if pages is None else pages
    answers = [
        {
            "requested_on": day,
            "capture_started_at": at,
            "page": number,
            "captured_at": at + timedelta(seconds=number),
            "url": ADDRESS.format(day=day, limit=limit, page=number),
            **one,
        }
        for number, one in enumerate(kept)
        if one is not None
    ]
    return [answer | UNTOLD for answer in answers] if limit is None else answers


def replies(*captures: Iterable[Row]) -> pl.DataFrame:
    """The kept answers as a frame."""
    return pl.DataFrame([row for one in captures for row in one], schema=pl.Schema(HUB_REPLIES.arrow()))


def built(*captures: Iterable[Row], accepted: pl.DataFrame = NONE_ACCEPTED) -> Tables:
    """All tables, with nothing judged: no capture is refused."""
    return hub.build(hub.read(replies(*captures)), NONE_REFUSED, accepted)


def judged(*captures: Iterable[Row], accepted: pl.DataFrame = NONE_ACCEPTED) -> Tables:
    """All tables, with the captures refused that the judge refuses."""
    reading = hub.read(replies(*captures))
    return hub.build(reading, judge.stopped(reading.captures).captures, accepted)


NONE_REFUSED = NONE_ACCEPTED.select("listed_on", "captured_at", message="decision")


def accept(day: date, at: datetime) -> pl.DataFrame:
    """A person's decision to let a capture in."""
    row = {"source": "hub", "listed_on": day, "captured_at": at, "decision": "accept", "decided_at": at}
    return pl.DataFrame([row], schema=pl.Schema(DECISIONS.arrow()))


def listing(one: Entry, **about: Any) -> Row:
    """The listing that a capture of this entry alone makes."""
    return built(capture([one], **about))["listings"].row(0, named=True)


def reject(*held: Any, **about: Any) -> Row:
    """The one thing refused of these entries."""
    return built(capture(held, **about))["rejects"].row(0, named=True)


def listings_of(cases: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The listings of entries that differ by these changes (dotted paths), none of which is refused anything."""
    held = [changed(entry(f"2511.{number:05}"), case) for number, case in enumerate(cases, 1)]
    tables = built(capture(held, limit=1000))
    assert tables["rejects"].is_empty(), tables["rejects"].rows()
    return tables["listings"].rows(named=True)
