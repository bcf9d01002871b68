"""Pages and resumption tokens of both servers. Both page by offset in a list that may change between two pages."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from urllib.parse import parse_qs, quote, unquote, urlencode

from sandbox.arxiv.collection import Collection
from sandbox.arxiv.papers import Paper

_SESSION = re.compile(r"(\d+)\|(\d+)", re.ASCII)
_FIRST_SESSION = 1_122_234


class BadTokenError(Exception):
    """An invalid or expired resumption token."""


@dataclass(frozen=True)
class Window:
    """The requested part of the collection: first and last datestamp (inclusive), and a set or None."""

    first: date
    last: date
    set_spec: str | None


@dataclass(frozen=True)
class Page:
    """A page of papers. `token` is None for a list of one page, and empty on the last of several.

    `echoed` are the arguments that the answer repeats. `cursor` counts from 0.
    """

    papers: list[Paper]
    token: str | None
    echoed: Mapping[str, str]
    cursor: int
    total: int
    expires_at: datetime


class Paginator(Protocol):
    """Splits a list into pages."""

    def page_at(self, arguments: Mapping[str, str], window: Window, skip: int, limit: int, at: datetime) -> Page:
        """The page that starts at offset `skip` of the current list."""
        ...

    def resume(self, token: str, at: datetime) -> tuple[dict[str, str], int]:
        """The arguments and the offset of a token. Raises BadTokenError."""
        ...


def midnight_after(at: datetime) -> datetime:
    """The next 00:00 UTC, when tokens expire."""
    return datetime.combine(at.date() + timedelta(days=1), time(), UTC)


class NewPaginator:
    """The new server: a token contains the query, with `from` set to the date at which the page was full.

    The list is ordered by modification time and then by id, a page by date and then by id.
    """

    def __init__(self, collection: Collection) -> None:
        """Page the lists of `collection`."""
        self._collection = collection
        self._lock = threading.Lock()
        self._expires_at: dict[str, datetime] = {}

    def page_at(self, arguments: Mapping[str, str], window: Window, skip: int, limit: int, at: datetime) -> Page:
        """The page that starts at offset `skip` of the current list."""
        papers = self._collection.modified(
            window.first, window.last, set_spec=window.set_spec, skip=skip, limit=limit + 1
        )
        more = papers[limit:]
        shown = sorted(papers[:limit], key=lambda paper: (paper.datestamp, paper.id))
        token, echoed = ("" if "resumptionToken" in arguments else None), dict(arguments)
        if more:
            breaks_on = more[0].datestamp
            if papers[0].datestamp == breaks_on:
                skip += limit
            else:
                # A bug of the real server: the answer echoes the next page's `from` as if the client had sent it.
                echoed["from"] = f"{breaks_on}"
                skip = sum(paper.datestamp == breaks_on for paper in shown)
            next_query = {name: value for name, value in echoed.items() if name != "resumptionToken"}
            token = quote(urlencode({**next_query, "skip": skip}))
            with self._lock:
                self._expires_at[token] = midnight_after(at)
        return Page(shown, token, echoed, 0, 0, midnight_after(at))

    def resume(self, token: str, at: datetime) -> tuple[dict[str, str], int]:
        """The arguments and the offset in a token. The server accepts tokens that it never issued."""
        arguments = {name: values[0] for name, values in parse_qs(unquote(token)).items()}
        skip = arguments.pop("skip", "")
        if not (skip.isascii() and skip.isdigit()):
            raise BadTokenError("Token decoding failed or format is invalid.")
        with self._lock:
            expires_at = self._expires_at.get(token)
        if expires_at is not None and at >= expires_at:
            raise BadTokenError("Token has expired.")
        return arguments, int(skip)


@dataclass(frozen=True)
class _Session:
    echoed: dict[str, str]
    expires_at: datetime


class OldPaginator:
    """The old server: a token is a session number and a position, from 1, in a list ordered by id.

    The session stores the query. Each page is cut from the current list.
    """

    def __init__(self, collection: Collection) -> None:
        """Page the lists of `collection`."""
        self._collection = collection
        self._lock = threading.Lock()
        self._sessions: dict[int, _Session] = {}

    def page_at(self, arguments: Mapping[str, str], window: Window, skip: int, limit: int, at: datetime) -> Page:
        """The page that starts at offset `skip` of the current list."""
        papers = self._collection.modified_by_id(window.first, window.last, window.set_spec)
        shown = papers[skip : skip + limit]
        token, total = arguments.get("resumptionToken"), len(papers)
        if skip + limit < total:
            session = self._begin_session(arguments, at) if token is None else int(token.partition("|")[0])
            token = f"{session}|{skip + limit + 1}"
        elif token is not None:
            token = ""
        return Page(shown, token, arguments, skip, total, midnight_after(at))

    def resume(self, token: str, at: datetime) -> tuple[dict[str, str], int]:
        """The arguments of the token's session, and the offset in the token."""
        match = _SESSION.fullmatch(token)
        with self._lock:
            session = self._sessions.get(int(match[1])) if match else None
        if match is None or session is None or int(match[2]) < 1:
            raise BadTokenError("Token decoding failed or format is invalid.")
        if at >= session.expires_at:
            raise BadTokenError("Token has expired.")
        return dict(session.echoed), int(match[2]) - 1

    def _begin_session(self, arguments: Mapping[str, str], at: datetime) -> int:
        with self._lock:
            number = _FIRST_SESSION + len(self._sessions)
            self._sessions[number] = _Session(dict(arguments), midnight_after(at))
        return number
