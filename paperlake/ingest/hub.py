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
from paperlake.sources.hub import count_entries, fetch_date
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


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """The result of one capture: the status of its last page, and the number of pages and of entries."""

    status_code: int
    pages: int
    entries: int


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
        started_at = resumed.started_at if resumed else self.clock.now()
        first_page = resumed.last_page + 1 if resumed else 0
        answers = fetch_date(self.client, day, first_page, resumed.last_body if resumed else b"")
        pages = entries = status_code = 0
        while True:
            with self.lock:
                answer = next(answers, None)
                if answer is None:
                    break
                self.clock.check(TITLE, answer.source_time)
                self._store(day, started_at, first_page + pages, answer)
            pages, status_code = pages + 1, answer.status_code
            entries += (count_entries(answer.body) or 0) if status_code == HTTPStatus.OK else 0
        if status_code == HTTPStatus.OK:
            log.info("captured %s: %s", day, plural(pages, "page"))
        else:
            log.info("requested %s: answered with status %d", day, status_code)
        return CaptureResult(status_code, pages, entries)

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
