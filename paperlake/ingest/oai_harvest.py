"""Harvests arXiv completely: walks the list of records, then reconciles it with lists of identifiers.

The server pages by offset. If a record is modified during a walk, it moves to the end, its neighbour takes its place,
and the walk skips that neighbour. A later harvest would not find the skipped record. So after the records, lists of
identifiers are walked until two consecutive lists agree and every record on them is stored.

Agreement alone is not enough: a datestamp is a day, so a record that was modified twice on one day looks unchanged. But
a record that moves during a walk appears twice in it. So neither of the two lists may name a paper twice. Then a record
that moved during the first list left it, and would be missing from the second one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
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
from transforms.arxiv.oai_page import OaiPage, parse_page

HarvestVerdict = Literal["complete", "confirmed_empty", "partial", "failed"]

MAX_TRIES = 3
"""For a page that arrives damaged."""
MAX_RESTARTS = 3
"""For a list whose token expires."""
MAX_ROUNDS = 6
"""For reconciling: on a server that changes all the time, no two lists agree."""
MAX_SINGLE_REQUESTS = 200
"""If more records are missing, they are requested as a list."""
_LISTS = ("records", "identifiers")
MAX_STALE_PAGES = 3
"""Pages in a row that bring nothing new: then the list has no end."""
_INTERRUPTED_LIST = ("badResumptionToken", "noRecordsMatch")
"""Errors after the first page: the token expired, or all remaining records moved away. Neither is the list's end."""
_HEADER = {"paper_id": pl.String, "datestamp": pl.Date, "is_deleted": pl.Boolean}


class HarvestFailed(PaperlakeError):
    """arXiv's answer ends the harvest; the message says why, and what to do. All answers are stored.

    `error_code` is the error of OAI-PMH, if the answer was one.
    """

    error_code: str | None = None


class HarvestForbidden(HarvestFailed):
    """arXiv does not want to be asked by us now, so nothing else must be requested."""


class _TokenExpired(Exception):
    """The list cannot be continued. `list_size` is its size as arXiv told it, if it did."""

    def __init__(self, list_size: int | None) -> None:
        super().__init__()
        self.list_size = list_size


@dataclass(frozen=True, slots=True)
class Window:
    """The scope of a harvest: a set (None: all), and a range of datestamps (None: open)."""

    set_spec: str | None = None
    since: date | None = None
    until: date | None = None

    def __str__(self) -> str:
        """The window in words."""
        return f"{self.set_spec or 'all sets'}, {self.days}"

    @property
    def days(self) -> str:
        """The range of datestamps in words."""
        return f"from {self.since or 'the beginning'} {f'until {self.until}' if self.until else 'on'}"


@dataclass(slots=True)
class Harvest:
    """The progress of a harvest."""

    window: Window
    started_at: datetime
    responded_at: datetime | None = None
    """arXiv's clock in its first answer."""
    pages: int = 0
    headers: list[pl.DataFrame] = field(default_factory=list)
    """Headers of the stored records, a frame for each page."""
    fetched: int = 0
    """Records that only reconciling found."""
    missing: int = 0
    unlisted: int = 0
    """Papers whose records are stored, but that are not on the list of identifiers."""

    @property
    def newest_headers(self) -> pl.DataFrame:
        """The newest header of each stored paper: paper_id, datestamp, is_deleted."""
        return _newest_headers(self.headers)


@dataclass(frozen=True, slots=True)
class HarvestCheckpoint:
    """The stored part of an interrupted walk: the headers of its pages, and the token of the next page."""

    headers: tuple[pl.DataFrame, ...]
    token: str | None
    pages: int
    responded_at: datetime | None


OnAnswer = Callable[[Harvest], None]


def walk_and_reconcile(
    client: ArxivClient, harvest: Harvest, on_answer: OnAnswer, checkpoint: HarvestCheckpoint | None = None
) -> HarvestVerdict:
    """Walk the records of the harvest's window, from `checkpoint` on if there is one, and reconcile them.

    `on_answer` is called after every answer. Raises HarvestFailed and SourceUnreachable.
    """
    walker = _Walker(client, harvest, on_answer)
    previous = walker.walk_records(checkpoint)
    for _ in range(MAX_ROUNDS):
        identifiers = walker.walk_list("ListIdentifiers", harvest.window)
        missing = _missing_headers(identifiers.headers, harvest.newest_headers)
        harvest.missing = missing.height
        _fetch_missing(walker, harvest, missing)
        harvest.missing = _missing_headers(identifiers.headers, harvest.newest_headers).height
        harvest.unlisted = _count_unlisted(walker, harvest, identifiers.headers)
        if (
            not harvest.missing
            and not harvest.unlisted
            and previous.has_no_repeats
            and identifiers.has_no_repeats
            and previous.headers.equals(identifiers.headers)
        ):
            return "complete" if identifiers.headers.height else "confirmed_empty"
        previous = identifiers
    return "partial"


@dataclass(frozen=True, slots=True)
class _WalkedList:
    """The newest header of each paper on a list, and whether the list named every paper only once."""

    headers: pl.DataFrame
    has_no_repeats: bool


def _walked_list(pages: list[pl.DataFrame]) -> _WalkedList:
    newest = _newest_headers(pages)
    return _WalkedList(newest, newest.height == sum(page.height for page in pages))


def _fetch_missing(walker: _Walker, harvest: Harvest, missing: pl.DataFrame) -> None:
    """Request the missing records one by one, or as a list if there are many."""
    if missing.height > MAX_SINGLE_REQUESTS:
        days = missing["datestamp"].drop_nulls().sort()
        since, until = (days[0], days[-1]) if days.len() else (None, None)
        walker.walk_list("ListRecords", Window(harvest.window.set_spec, since, until))
    else:
        for paper_id in missing["paper_id"]:
            walker.fetch_record(paper_id)
    harvest.fetched += missing.height - _missing_headers(missing, harvest.newest_headers).height


def _count_unlisted(walker: _Walker, harvest: Harvest, listed: pl.DataFrame) -> int:
    """Count the stored papers that should be on the list but are not: such incomplete lists have been reported.

    A paper leaves the list if it is gone, or was modified after the last day of the window. Whether it left its set is
    not checked; the next harvest covers that.
    """
    unlisted = harvest.newest_headers.join(listed, on="paper_id", how="anti")
    if unlisted.height > MAX_SINGLE_REQUESTS:
        return unlisted.height
    until = harvest.window.until or date.max
    records = [walker.fetch_record(paper_id) for paper_id in unlisted["paper_id"]]
    return sum(
        record.error_code is None and not record.headers.filter(pl.col("datestamp") <= until).is_empty()
        for record in records
    )


def _missing_headers(listed: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """The listed headers that are newer than the stored ones."""
    both = listed.join(
        stored.select("paper_id", stored_datestamp="datestamp"), on="paper_id", how="left", maintain_order="left"
    )
    is_newer = pl.col("stored_datestamp").is_null() | (pl.col("stored_datestamp") < pl.col("datestamp"))
    return both.filter(is_newer).drop("stored_datestamp")


def _newest_headers(pages: list[pl.DataFrame]) -> pl.DataFrame:
    headers = pl.concat([pl.DataFrame(schema=_HEADER), *(page.select(*_HEADER) for page in pages)])
    return headers.sort("paper_id", "datestamp", "is_deleted").unique("paper_id", keep="last", maintain_order=True)


@dataclass(frozen=True, slots=True)
class _Walker:
    """Sends requests, stores every answer before parsing it, and updates the harvest."""

    client: ArxivClient
    harvest: Harvest
    on_answer: OnAnswer

    def walk_records(self, checkpoint: HarvestCheckpoint | None) -> _WalkedList:
        """Walk the records of the window, from `checkpoint` on if there is one."""
        if checkpoint is not None:
            self.harvest.headers += checkpoint.headers
            self.harvest.pages += checkpoint.pages
            self.harvest.responded_at = checkpoint.responded_at
            pages = list(checkpoint.headers)
            if checkpoint.token:
                with suppress(_TokenExpired):
                    for page in self._pages("ListRecords", self.harvest.window, checkpoint.token):
                        pages.append(page)  # noqa: PERF402 - those before the token expired count
            return _walked_list(pages)
        return self.walk_list("ListRecords", self.harvest.window)

    def walk_list(self, verb: str, window: Window) -> _WalkedList:
        """Walk a list from its beginning.

        If its token expires, a list of records ends there, because the list of identifiers shows what is missing. A
        list of identifiers is walked again. It is at its end if the token is refused twice after the same papers: some
        servers send a token with a last page that is full.
        """
        before: pl.DataFrame | None = None
        for _ in range(MAX_RESTARTS):
            pages: list[pl.DataFrame] = []
            try:
                for page in self._pages(verb, window):
                    pages.append(page)  # noqa: PERF402 - as above
            except _TokenExpired as expired:
                walked = _walked_list(pages)
                is_short = expired.list_size is not None and walked.headers.height < expired.list_size
                is_end = before is not None and walked.headers.equals(before) and not is_short
                if verb == "ListIdentifiers" and not is_end:
                    before = walked.headers
                    continue
            return _walked_list(pages)
        raise HarvestFailed(
            f"arXiv let the list of {window} expire {MAX_RESTARTS} times before its end; harvest fewer days (--from, "
            "--until) or begin just after 00:00 UTC, when tokens expire"
        )

    def fetch_record(self, paper_id: str) -> OaiPage:
        """Request one record. A record that is gone is no error: the lists agree only once it left them."""
        page = self._fetch("GetRecord", partial(arxiv.get_record, self.client.client, paper_id))
        if page.error_code not in {None, "idDoesNotExist", "cannotDisseminateFormat"}:
            raise _refused(page)
        return page

    def _pages(self, verb: str, window: Window, token: str | None = None) -> Iterator[pl.DataFrame]:
        """The headers of each page of a list, from its beginning or from `token` on.

        Raises _TokenExpired, and HarvestFailed for a list that is empty without saying so, or that has no end.
        """
        tokens, papers, stale = {token} - {None}, _newest_headers([]).select("paper_id"), 0
        list_size: int | None = None
        while True:
            page = self._fetch(verb, partial(self._request_page, verb, window, token))
            if page.error_code in _INTERRUPTED_LIST and tokens:
                raise _TokenExpired(list_size)
            if page.error_code == "noRecordsMatch":
                return
            if page.error_code is not None:
                raise _refused(page)
            if not page.record_count:
                raise HarvestFailed(
                    f"arXiv's answer to {verb} is an empty list, {MAX_TRIES} times, without the error noRecordsMatch; "
                    "try later"
                )
            yield page.headers
            list_size = page.complete_list_size or list_size
            token = page.resumption_token
            if not token:
                return
            new = page.headers.select("paper_id").join(papers, on="paper_id", how="anti")
            stale = 0 if new.height else stale + 1
            if token in tokens or stale >= MAX_STALE_PAGES:
                why = (
                    f"a resumption token came back ({token[:60]})"
                    if token in tokens
                    else f"{stale} pages brought nothing new"
                )
                raise HarvestFailed(f"arXiv's list of {window} has no end: {why}; try later")
            tokens.add(token)
            papers = pl.concat([papers, new])

    def _request_page(self, verb: str, window: Window, token: str | None) -> Answer:
        client = self.client.client
        if token:
            return arxiv.next_page(client, verb, token)
        return arxiv.first_page(client, verb, window.set_spec, window.since, window.until)

    def _fetch(self, verb: str, send: Callable[[], Answer]) -> OaiPage:
        """Send a request and store its answer. A damaged answer is requested again if that can help."""
        for attempt in range(1, MAX_TRIES + 1):
            answer = send()
            self.client.store(verb, self.harvest.started_at, answer)
            if answer.status_code == HTTPStatus.FORBIDDEN:
                raise HarvestForbidden(
                    "arXiv answered 403: it does not want to be asked by us now. Stop harvesting, set "
                    "PAPERLAKE_CONTACT, and see what its operators say before trying again"
                )
            page = parse_page(answer.body, answer.status_code)
            is_empty_list = page.error_code is None and page.kind in _LISTS and not page.record_count
            if not (is_empty_list or page.is_retryable) or attempt == MAX_TRIES:
                break
        self.harvest.pages += 1
        if page.kind == "fault":
            raise HarvestFailed(
                f"arXiv's answer to {verb} cannot be read ({page.message}); it is kept, try again later"
            )
        self.harvest.responded_at = self.harvest.responded_at or page.response_date
        if verb != "ListIdentifiers":
            self.harvest.headers.append(page.headers)
        self.on_answer(self.harvest)
        return page


def _refused(page: OaiPage) -> HarvestFailed:
    failed = HarvestFailed(f"arXiv refused the request: {page.error_code} ({page.message or 'no reason given'})")
    failed.error_code = page.error_code
    return failed
