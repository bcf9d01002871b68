"""The Hub's answers to requests: routes, parameters, lists, pages and errors. It has no network code."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from urllib.parse import unquote, urlencode

from sandbox.clock import open_day, opens_at
from sandbox.http.answer import Answer, json_answer, json_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LISTS = "/api/daily_papers"
PAPERS = "/api/papers/"
_DEFAULT_LIMIT, _MAX_LIMIT = 50, 100
_LOOK_BACK_DAYS = 10

Entry = dict[str, Any]


class World(Protocol):
    """The lists and papers that a sandbox Hub serves."""

    def listed(self, day: date, at: datetime) -> list[Entry] | None:
        """The entries of `day` as the Hub showed them at `at`, most votes first; None for an unknown date."""
        ...

    def paper(self, paper_id: str, at: datetime) -> Entry | None:
        """The paper as it was at `at`, or None."""
        ...


@runtime_checkable
class VerbatimWorld(World, Protocol):
    """A world that also has the exact bytes of whole lists."""

    def raw(self, day: date, at: datetime) -> bytes | None:
        """The body of the answer that holds all of `day`, or None."""
        ...


class RefusedError(Exception):
    """A request that the Hub answers with an error."""

    def __init__(self, status: int, reason: str) -> None:
        """Refuse with `status` and a reason."""
        super().__init__(reason)
        self.status = status


def answer(world: World, path: str, query: Mapping[str, str], at: datetime, url: str) -> Answer:
    """Answer a GET of `path` with the parameters `query`, at the time `at`, as the Hub at `url`."""
    try:
        if path == LISTS:
            return _listing(world, query, at, url)
        if path.startswith(PAPERS):
            return _paper(world, unquote(path.removeprefix(PAPERS)), at)
    except RefusedError as refused:
        return json_error(refused.status, str(refused))
    return json_error(HTTPStatus.NOT_FOUND, f"Cannot GET {path}")


def _listing(world: World, query: Mapping[str, str], at: datetime, url: str) -> Answer:
    limit = _number(query, "limit", _DEFAULT_LIMIT, 1, _MAX_LIMIT)
    page = _number(query, "p", 0, 0, 1_000_000)
    entries, day = _selected(world, query, at)
    first, past = page * limit, (page + 1) * limit
    headers = {}
    if past < len(entries):
        more = urlencode({**query, "p": str(page + 1)})
        headers["Link"] = f'<{url}{LISTS}?{more}>; rel="next"'
    is_whole = day is not None and page == 0 and len(entries) <= limit
    if is_whole and day is not None and isinstance(world, VerbatimWorld):
        body = world.raw(day, at)
        if body is not None:
            return Answer(HTTPStatus.OK, body, {"Content-Type": "application/json; charset=utf-8"})
    return json_answer(HTTPStatus.OK, entries[first:past], headers)


def _selected(world: World, query: Mapping[str, str], at: datetime) -> tuple[list[Entry], date | None]:
    """The requested entries, and their date if they are the list of one date in its own order."""
    sort = query.get("sort", "publishedAt")
    if sort not in {"publishedAt", "trending"}:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"Invalid sort: {sort}")
    days = _days(world, query, at)
    lists = [entries for day in days if (entries := world.listed(day, at)) is not None]
    if not lists:
        raise RefusedError(HTTPStatus.NOT_FOUND, f"No list of {days[0]} in this sandbox")
    entries = [entry for entries in lists for entry in entries]
    submitter = query.get("submitter")
    if submitter is not None:
        entries = [entry for entry in entries if _submitter(entry) == submitter]
    if "date" in query:
        # A list of one date is ordered by votes, whatever `sort` is (596 of 596 recorded dates).
        return entries, days[0] if submitter is None else None
    entries.sort(key=_upvotes if sort == "trending" else _published_at, reverse=True)
    return entries, None


def _days(world: World, query: Mapping[str, str], at: datetime) -> list[date]:
    """The requested dates that have opened; the narrowest parameter wins."""
    spans: tuple[tuple[str, Callable[[str], list[date]]], ...] = (("date", _date), ("week", _week), ("month", _month))
    for name, span in spans:
        if name not in query:
            continue
        try:
            days = span(query[name])
        except ValueError:
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"Invalid {name}: {query[name]}") from None
        opened = [day for day in days if opens_at(day) <= at]
        if not opened:
            # No recording shows the Hub's answer to a future date. 400 is an assumption.
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"Invalid {name}: {query[name]} is in the future")
        return opened
    # Without a date the Hub lists its newest papers: those of the open date, or of the last date that has any.
    newest = open_day(at)
    recent = (newest - timedelta(days=back) for back in range(_LOOK_BACK_DAYS))
    return [next((day for day in recent if world.listed(day, at)), newest)]


def _date(text: str) -> list[date]:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise ValueError(text)
    return [date.fromisoformat(text)]


def _week(text: str) -> list[date]:
    if not re.fullmatch(r"\d{4}-W\d{2}", text, re.ASCII):
        raise ValueError(text)
    return [date.fromisocalendar(int(text[:4]), int(text[6:]), weekday) for weekday in range(1, 8)]


def _month(text: str) -> list[date]:
    if not re.fullmatch(r"\d{4}-\d{2}", text, re.ASCII):
        raise ValueError(text)
    first = date(int(text[:4]), int(text[5:]), 1)
    days = (first + timedelta(days=after) for after in range(31))
    return [day for day in days if day.month == first.month]


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,7}", text, re.ASCII) or not least <= int(text) <= most:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"Invalid {name}: {text} is not between {least} and {most}")
    return int(text)


def _submitter(entry: Entry) -> object:
    return (entry.get("submittedBy") or {}).get("name")


def _upvotes(entry: Entry) -> int:
    return int((entry.get("paper") or {}).get("upvotes") or 0)


def _published_at(entry: Entry) -> str:
    return str(entry.get("publishedAt") or "")


def _paper(world: World, paper_id: str, at: datetime) -> Answer:
    paper = world.paper(paper_id, at)
    if paper is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "Paper not found")
    nothing_linked: Entry = {}
    for kind in ("Models", "Datasets", "Spaces"):
        nothing_linked |= {f"linked{kind}": [], f"numTotal{kind}": 0}
    return json_answer(
        HTTPStatus.OK, {**nothing_linked, **paper} if "linkedModels" in paper else {**paper, **nothing_linked}
    )
