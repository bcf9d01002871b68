"""A harvest of arXiv: lists walked page by page, and what paging lost found by lists that must agree.

The server pages by offset: a record that is modified while one pages moves away, and its neighbour is passed over.
Asking again later does not bring that back, so a list of identifiers is walked after the records, until two lists
made one after the other agree and everything on them is held.

That two lists agree is not enough: a datestamp is a day, so what was modified twice on one day looks the same. But a
record that moved behind the reader's back is met again at the end of the list. So neither of the two lists may name a
paper twice. Then whatever moved in the first left it, and would be missing in the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from http import HTTPStatus
from typing import Literal

import polars as pl

from paperlake.errors import PaperlakeError
from paperlake.ingest.arxiv import ArxivClient
from paperlake.sources import arxiv
from paperlake.sources.answer import Answer
from transforms.arxiv.oai_page import Page, page

Verdict = Literal["complete", "confirmed_empty", "partial", "failed"]

TRIES = 3
"""For a page that is damaged on its way."""
RESTARTS = 3
"""For a list whose token has expired."""
ROUNDS = 6
"""Of reconciling; a server that is being written into all the time lets no two lists agree."""
SINGLY = 200
"""More missing records than that are asked for as a list."""
_BROKEN_OFF = ("badResumptionToken", "noRecordsMatch")
"""Of a page after the first: the token has expired, or all that was to come has moved away, which is no end."""
_HEADER = {"paper_id": pl.String, "datestamp": pl.Date, "is_deleted": pl.Boolean}


class HarvestFailed(PaperlakeError):
    """arXiv did not answer as it should; the text says how, and what to do. What was answered is kept."""


class _TokenExpired(Exception):
    """The list cannot be gone on with: it is to be begun anew."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is harvested: a set (all where None), and datestamps from a day to a day (open where None)."""

    set_spec: str | None = None
    since: date | None = None
    until: date | None = None

    def __str__(self) -> str:
        """The window in words."""
        days = f"from {self.since or 'the beginning'} {f'until {self.until}' if self.until else 'on'}"
        return f"{self.set_spec or 'all sets'}, {days}"


@dataclass(slots=True)
class Harvest:
    """A harvest under way: what its answers have told until now."""

    window: Window
    began: datetime
    responded_at: datetime | None = None
    pages: int = 0
    told: list[pl.DataFrame] = field(default_factory=list)
    """Headers of the records that are held."""
    fetched: int = 0
    missing: int = 0
    unlisted: int = 0
    """Papers whose records were told, but which the list of identifiers does not hold."""

    @property
    def held(self) -> pl.DataFrame:
        """Of each paper the newest datestamp of a record that is held (paper_id, datestamp, is_deleted)."""
        return _newest(self.told)


@dataclass(frozen=True, slots=True)
class Kept:
    """Pages of a list that a harvest before this process has kept: their headers, and the token to go on with."""

    told: tuple[pl.DataFrame, ...]
    token: str | None
    pages: int
    responded_at: datetime | None


Heard = Callable[[Harvest], None]


def harvested(asking: ArxivClient, harvest: Harvest, heard: Heard, rest: Kept | None = None) -> Verdict:
    """Walk the records of the harvest's window and reconcile them; `rest` is what was kept of the walk already.

    `heard` hears of every answer. Raises HarvestFailed and SourceUnreachable.
    """
    walk = _Walker(asking, harvest, heard)
    before = walk.records(rest)
    for _ in range(ROUNDS):
        listed = walk.headers("ListIdentifiers", harvest.window)
        wanting = _wanting(listed.headers, harvest.held)
        harvest.missing = wanting.height
        _fetch(walk, harvest, wanting)
        harvest.missing = _wanting(listed.headers, harvest.held).height
        harvest.unlisted = _unlisted(walk, harvest, listed.headers)
        if (
            not harvest.missing
            and not harvest.unlisted
            and before.is_steady
            and listed.is_steady
            and before.headers.equals(listed.headers)
        ):
            return "complete" if listed.headers.height else "confirmed_empty"
        before = listed
    return "partial"


@dataclass(frozen=True, slots=True)
class _List:
    """A list as it was walked: the newest header of each paper, and whether every paper was met only once."""

    headers: pl.DataFrame
    is_steady: bool


def _listed(pages: list[pl.DataFrame]) -> _List:
    newest = _newest(pages)
    return _List(newest, newest.height == sum(one.height for one in pages))


def _fetch(walk: _Walker, harvest: Harvest, wanting: pl.DataFrame) -> None:
    """Ask for the records that were listed and are not held: each by itself, or where they are many as a list."""
    if wanting.height > SINGLY:
        days = wanting["datestamp"].drop_nulls().sort()
        since, until = (days[0], days[-1]) if days.len() else (None, None)
        walk.headers("ListRecords", Window(harvest.window.set_spec, since, until))
    else:
        for paper_id in wanting["paper_id"]:
            walk.record(paper_id)
    harvest.fetched += wanting.height - _wanting(wanting, harvest.held).height


def _unlisted(walk: _Walker, harvest: Harvest, listed: pl.DataFrame) -> int:
    """How many papers that are held are not on a list, and have not left it: lists without records were reported.

    A paper leaves a list when it is gone, or was modified after the last day asked for. That it left a set is not
    looked into: the next harvest will do.
    """
    strays = harvest.held.join(listed, on="paper_id", how="anti")
    if strays.height > SINGLY:
        return strays.height
    until = harvest.window.until or date.max
    found = [walk.record(paper_id) for paper_id in strays["paper_id"]]
    return sum(
        told.error_code is None and not told.headers.filter(pl.col("datestamp") <= until).is_empty() for told in found
    )


def _wanting(listed: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """What is listed with a newer datestamp than that which is held."""
    both = listed.join(held.select("paper_id", have="datestamp"), on="paper_id", how="left", maintain_order="left")
    return both.filter(pl.col("have").is_null() | (pl.col("have") < pl.col("datestamp"))).drop("have")


def _newest(told: list[pl.DataFrame]) -> pl.DataFrame:
    every = pl.concat([pl.DataFrame(schema=_HEADER), *(one.select(*_HEADER) for one in told)])
    return every.sort("paper_id", "datestamp", "is_deleted").unique("paper_id", keep="last", maintain_order=True)


@dataclass(frozen=True, slots=True)
class _Walker:
    """Asks, keeps every answer before it is read, and tells of it."""

    asking: ArxivClient
    harvest: Harvest
    heard: Heard

    def records(self, rest: Kept | None) -> _List:
        """Walk the records of the window, or go on with `rest`; gives the list that they make."""
        if rest is not None:
            self.harvest.told += rest.told
            self.harvest.pages += rest.pages
            self.harvest.responded_at = rest.responded_at
            try:
                ahead = self._pages("ListRecords", self.harvest.window, rest.token) if rest.token else iter(())
                return _listed([*rest.told, *ahead])
            except _TokenExpired:
                pass
        return self.headers("ListRecords", self.harvest.window)

    def headers(self, verb: str, window: Window) -> _List:
        """Walk a list from its beginning, again where its token expires on the way."""
        for _ in range(RESTARTS):
            try:
                return _listed(list(self._pages(verb, window)))
            except _TokenExpired:
                continue
        raise HarvestFailed(
            f"arXiv let the list of {window} expire {RESTARTS} times before its end; harvest fewer days (--from, "
            "--until) or begin just after 00:00 UTC, when tokens expire"
        )

    def record(self, paper_id: str) -> Page:
        """Ask for one record. One that is gone meanwhile is no fault: lists will not agree until it is off them."""
        told = self._asked("GetRecord", partial(arxiv.record, self.asking.client, paper_id))
        if told.error_code not in {None, "idDoesNotExist", "cannotDisseminateFormat"}:
            raise _refused(told)
        return told

    def _pages(self, verb: str, window: Window, token: str | None = None) -> Iterator[pl.DataFrame]:
        """The headers of each page of a list, from its beginning or from `token` on. Raises _TokenExpired."""
        is_going_on = token is not None
        while True:
            told = self._asked(verb, partial(self._listed, verb, window, token))
            if told.error_code in _BROKEN_OFF and is_going_on:
                raise _TokenExpired
            if told.error_code == "noRecordsMatch":
                return
            if told.error_code is not None:
                raise _refused(told)
            yield told.headers
            if not told.resumption_token:
                return
            if told.resumption_token == token:
                raise HarvestFailed("arXiv gave the same resumption token twice, so its list has no end; try later")
            token, is_going_on = told.resumption_token, True

    def _listed(self, verb: str, window: Window, token: str | None) -> Answer:
        client = self.asking.client
        if token:
            return arxiv.resumed(client, verb, token)
        return arxiv.listed(client, verb, window.set_spec, window.since, window.until)

    def _asked(self, verb: str, ask: Callable[[], Answer]) -> Page:
        """A page as it was answered and kept. One that is damaged is asked for again, where that can help."""
        for attempt in range(1, TRIES + 1):
            answer = ask()
            self.asking.keep(verb, self.harvest.began, answer)
            if answer.status_code == HTTPStatus.FORBIDDEN:
                raise HarvestFailed(
                    "arXiv answered 403: it does not want to be asked by us now. Stop harvesting, set "
                    "PAPERLAKE_CONTACT, and see what its operators say before trying again"
                )
            told = page(answer.body, answer.status_code)
            if told.fault is None or not told.can_asking_again_help or attempt == TRIES:
                break
        self.harvest.pages += 1
        if told.fault is not None:
            raise HarvestFailed(
                f"arXiv's answer to {verb} cannot be read ({told.message}); it is kept, try again later"
            )
        self.harvest.responded_at = self.harvest.responded_at or told.response_date
        if verb != "ListIdentifiers":
            self.harvest.told.append(told.headers)
        self.heard(self.harvest)
        return told


def _refused(told: Page) -> HarvestFailed:
    return HarvestFailed(f"arXiv refused the request: {told.error_code} ({told.message or 'no reason given'})")
