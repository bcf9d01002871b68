"""Captures lists from the Hub: requests the pages of a date, and stores each answer before anything parses it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from http import HTTPStatus

from paperlake.clock import RunClock
from paperlake.config import Settings
from paperlake.ingest.client import SourceAccess, headers_as_json, log, open_source
from paperlake.ingest.hub_resume import InterruptedCapture
from paperlake.sources.answer import Answer
from paperlake.sources.client_options import RetryLimits
from paperlake.sources.hub import count_entries, fetch_date, has_changed, is_first_page_again
from paperlake.sources.polite import PoliteClient
from paperlake.sources.rate_limit import RETRYABLE
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from paperlake.text import plural
from schemas.hub_replies import HUB_REPLIES
from schemas.source_days import HUB

TITLE = "the Hub"
GIVE_UP_STATUSES = RETRYABLE | {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
"""Statuses after which a run sends no more requests: the source is failing, or rejects us."""

MAX_ATTEMPTS = 3
"""Captures of one date in a row while its list changes between its pages. After them the date is partial."""


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """The result of one capture: the status of its last page, and the number of pages and of entries."""

    status_code: int
    pages: int
    entries: int

    @property
    def is_empty(self) -> bool:
        """Whether the source answered with an empty list."""
        return self.status_code == HTTPStatus.OK and self.entries == 0


@dataclass(frozen=True, slots=True)
class HubClient:
    """Captures lists into the lake.

    Threads may share it: a lock lets one page at a time be requested and stored. A process that is killed loses at most
    the page in flight.
    """

    client: PoliteClient
    clock: RunClock
    lake: Lake
    lock: threading.Lock = field(default_factory=threading.Lock)

    def capture(self, day: date, resumed: InterruptedCapture | None = None) -> CaptureResult:
        """Store every page of the list of `day`; of a `resumed` capture, the pages that it does not have yet.

        Raises SourceUnreachable and ClockMismatch; the pages before the error are stored.
        """
        for _ in range(MAX_ATTEMPTS):
            answers = self._capture_once(day, resumed)
            # Where a server sends one page again and again, asking once more does not help.
            is_stuck = len(answers) > 1 and answers[-1].body == answers[-2].body
            if resumed or is_stuck or not has_changed(answers):
                break
            log.info("the list of %s changed while it was read; it is requested again", day)
        status_code = answers[-1].status_code if answers else 0
        counts = [
            count_entries(answer.body) or 0
            for page, answer in enumerate(answers)
            if answer.status_code == HTTPStatus.OK and not is_first_page_again(answer.url, page)
        ]
        if status_code == HTTPStatus.OK:
            log.info("captured %s: %s", day, plural(len(answers), "page"))
        else:
            log.info("requested %s: answered with status %d", day, status_code)
        return CaptureResult(status_code, len(answers), sum(counts))

    def _capture_once(self, day: date, resumed: InterruptedCapture | None) -> list[Answer]:
        """Store the pages of one capture as they arrive."""
        started_at = resumed.started_at if resumed else self.clock.now()
        first_page = resumed.last_page + 1 if resumed else 0
        pages = fetch_date(
            self.client,
            day,
            first_page,
            resumed.last_body if resumed else b"",
            is_at_end=resumed is not None and resumed.is_at_end,
        )
        answers: list[Answer] = []
        while True:
            with self.lock:
                answer = next(pages, None)
                if answer is None:
                    return answers
                self.clock.check(TITLE, answer.source_time)
                self._store(day, started_at, first_page + len(answers), answer)
            answers.append(answer)

    def _store(self, day: date, started_at: datetime, page: int, answer: Answer) -> None:
        keep(
            self.lake,
            HUB_REPLIES,
            {
                "requested_on": day,
                "capture_started_at": started_at,
                "page": page,
                "captured_at": answer.received_at,
                "url": answer.url,
                "status_code": answer.status_code,
                "headers": headers_as_json(answer),
                "body": answer.body,
                "body_sha256": sha256(answer.body).hexdigest(),
            },
        )


@contextmanager
def hub_client(
    settings: Settings, clock: RunClock, limits: RetryLimits, sleep: Callable[[float], None] = time.sleep
) -> Iterator[HubClient]:
    """Open a client of the Hub, which waits with `sleep`. Raises InvalidSetting."""
    access = SourceAccess(
        HUB,
        TITLE,
        settings.hub_url,
        "PAPERLAKE_HUB_URL, PAPERLAKE_CONTACT or HF_TOKEN",
        quota=settings.hub_quota,
        token=settings.hub_token,
    )
    with open_source(access, settings, clock, limits, sleep) as client:
        yield HubClient(client, clock, settings.lake)
