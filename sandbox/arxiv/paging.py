"""Pages and resumption tokens of both generations: each counts by offset in a list that may move meanwhile."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from urllib.parse import parse_qs, quote, unquote, urlencode

from sandbox.arxiv_collection import Collection
from sandbox.arxiv_papers import Paper

_SESSION = re.compile(r"(\d+)\|(\d+)", re.ASCII)
_FIRST_SESSION = 1_122_234


class BadTokenError(Exception):
    """A token that this server cannot go on from."""


@dataclass(frozen=True)
class Window:
    """What of the collection is asked for: dates of datestamps, both included, and a set if one was named."""

    first: date
    last: date
    set_spec: str | None


@dataclass(frozen=True)
class Page:
    """Some papers and where to go on: `token` None where nothing was ever broken off, empty on the last page.

    `asked` are the arguments that the answer repeats; `cursor` counts from 0.
    """

    papers: list[Paper]
    token: str | None
    asked: Mapping[str, str]
    cursor: int
    total: int
    expires_at: datetime


class Pages(Protocol):
    """The way of a generation to break a list into pages."""

    def page(self, asked: Mapping[str, str], window: Window, skip: int, limit: int, at: datetime) -> Page:
        """The papers from place `skip` on, as the list stands now."""
        ...

    def resumed(self, token: str, at: datetime) -> tuple[dict[str, str], int]:
        """The arguments that a token stands for, and the place to go on from; BadTokenError if it is none."""
        ...


def midnight_after(at: datetime) -> datetime:
    """The next 00:00 UTC, when tokens expire."""
    return datetime.combine(at.date() + timedelta(days=1), time(), UTC)


class NewPages:
    """The new server's way: the token is the question itself, beginning with the date at which the page was full.

    Its list is ordered by the instant of modification and then the id, and a page by the date and then the id.
    """

    def __init__(self, collection: Collection) -> None:
        """Break up the lists of `collection`."""
        self._collection = collection
        self._lock = threading.Lock()
        self._expires_at: dict[str, datetime] = {}

    def page(self, asked: Mapping[str, str], window: Window, skip: int, limit: int, at: datetime) -> Page:
        """The papers from place `skip` on, as the list stands now."""
        papers = self._collection.modified(
            window.first, window.last, set_spec=window.set_spec, skip=skip, limit=limit + 1
        )
        more = papers[limit:]
        shown = sorted(papers[:limit], key=lambda paper: (paper.datestamp, paper.id))
        token, repeated = ("" if "resumptionToken" in asked else None), dict(asked)
        if more:
            breaks_on = more[0].datestamp
            if papers[0].datestamp == breaks_on:
                skip += limit
            else:
                # A fault of the server: the answer repeats the next page's `from` as if it had been asked.
                repeated["from"] = f"{breaks_on}"
                skip = sum(paper.datestamp == breaks_on for paper in shown)
            question = {name: value for name, value in repeated.items() if name != "resumptionToken"}
            token = quote(urlencode({**question, "skip": skip}))
            with self._lock:
                self._expires_at[token] = midnight_after(at)
        return Page(shown, token, repeated, 0, 0, midnight_after(at))

    def resumed(self, token: str, at: datetime) -> tuple[dict[str, str], int]:
        """The arguments in a token, and the place to go on from; one made by hand is as good as one given out."""
        asked = {name: values[0] for name, values in parse_qs(unquote(token)).items()}
        skip = asked.pop("skip", "")
        if not (skip.isascii() and skip.isdigit()):
            raise BadTokenError("Token decoding failed or format is invalid.")
        with self._lock:
            expires_at = self._expires_at.get(token)
        if expires_at is not None and at >= expires_at:
            raise BadTokenError("Token has expired.")
        return asked, int(skip)


@dataclass(frozen=True)
class _Session:
    asked: dict[str, str]
    expires_at: datetime


class OldPages:
    """The old server's way: the token is the number of a session and the place, from 1, in a list ordered by id.

    The server knows the question by the session; each page is taken from the list as it stands then.
    """

    def __init__(self, collection: Collection) -> None:
        """Break up the lists of `collection`."""
        self._collection = collection
        self._lock = threading.Lock()
        self._sessions: dict[int, _Session] = {}

    def page(self, asked: Mapping[str, str], window: Window, skip: int, limit: int, at: datetime) -> Page:
        """The papers from place `skip` on, as the list stands now."""
        papers = self._collection.modified_by_id(window.first, window.last, window.set_spec)
        shown = papers[skip : skip + limit]
        token, total = asked.get("resumptionToken"), len(papers)
        if skip + limit < total:
            session = self._begun(asked, at) if token is None else int(token.partition("|")[0])
            token = f"{session}|{skip + limit + 1}"
        elif token is not None:
            token = ""
        return Page(shown, token, asked, skip, total, midnight_after(at))

    def resumed(self, token: str, at: datetime) -> tuple[dict[str, str], int]:
        """The question of the token's session, and the place to go on from."""
        match = _SESSION.fullmatch(token)
        with self._lock:
            session = self._sessions.get(int(match[1])) if match else None
        if match is None or session is None or int(match[2]) < 1:
            raise BadTokenError("Token decoding failed or format is invalid.")
        if at >= session.expires_at:
            raise BadTokenError("Token has expired.")
        return dict(session.asked), int(match[2]) - 1

    def _begun(self, asked: Mapping[str, str], at: datetime) -> int:
        with self._lock:
            number = _FIRST_SESSION + len(self._sessions)
            self._sessions[number] = _Session(dict(asked), midnight_after(at))
        return number
