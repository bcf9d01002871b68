"""Asking the Hub for a date, and keeping what it says before anything reads it."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from http import HTTPStatus

from paperlake.clock import RunClock
from paperlake.config import Settings, SettingWrong
from paperlake.ingest.hub_resume import Unfinished
from paperlake.sources.answer import Answer
from paperlake.sources.hub import entry_count, fetch_date
from paperlake.sources.polite import PoliteClient, open_client
from paperlake.sources.rate_limit import RETRYABLE
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from paperlake.store.pace import FilePace
from paperlake.text import many
from schemas.hub_replies import HUB_REPLIES

log = logging.getLogger("paperlake")
log.setLevel(logging.INFO)  # the root's level would hide it from the log of a run

WORTH_SAYING_S = 5.0
GIVE_UP = RETRYABLE | {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
"""Answers after which a source is left alone: it is unwell, or does not want us."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request is tried, in seconds: a person waits, a schedule has time."""

    faults_s: float
    quota_s: float
    answer_s: float


PATIENCE_BY_HAND = Patience(faults_s=15, quota_s=60, answer_s=40)
PATIENCE_SCHEDULED = Patience(faults_s=300, quota_s=660, answer_s=120)


@dataclass(frozen=True, slots=True)
class Captured:
    """What one capture came to: the status of its last page, its pages, and the entries on them."""

    status_code: int
    pages: int
    entries: int


@dataclass(frozen=True, slots=True)
class HubClient:
    """What is needed to capture: the client, the clock of the run, the lake to keep in.

    Threads may share it. One page at a time is asked for and kept: a source is visited by one guest, and whoever
    kills us loses the page in flight, no more.
    """

    client: PoliteClient
    clock: RunClock
    lake: Lake
    turn: threading.Lock = field(default_factory=threading.Lock)

    def capture(self, day: date, rest_of: Unfinished | None = None) -> Captured:
        """Keep every page of the list of `day`, or what `rest_of` a capture is wanting.

        Raises SourceUnreachable, and ClockWrong; the pages before are kept.
        """
        began = rest_of.began_at if rest_of else self.clock.now()
        first = rest_of.last_page + 1 if rest_of else 0
        answers = fetch_date(self.client, day, first, rest_of.last_body if rest_of else b"")
        pages = entries = status_code = 0
        while True:
            with self.turn:
                answer = next(answers, None)
                if answer is None:
                    break
                self.clock.check("the Hub", answer.source_time)
                self._keep(day, began, first + pages, answer)
            pages, status_code = pages + 1, answer.status_code
            entries += (entry_count(answer.body) or 0) if status_code == HTTPStatus.OK else 0
        if status_code == HTTPStatus.OK:
            log.info("captured %s: %s", day, many(pages, "page"))
        else:
            log.info("asked for %s: answered with status %d", day, status_code)
        return Captured(status_code, pages, entries)

    def _keep(self, day: date, began: datetime, page: int, answer: Answer) -> None:
        keep(
            self.lake,
            HUB_REPLIES,
            {
                "requested_on": day,
                "capture_started_at": began,
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
    settings: Settings, clock: RunClock, patience: Patience, sleep: Callable[[float], None] = time.sleep
) -> Iterator[HubClient]:
    """A client of the Hub within the limits that hold for all processes of this machine. Raises SettingWrong.

    `sleep` is what it waits with.
    """
    pace = FilePace(settings.state, "hub", settings.hub_quota, sleep=sleep, on_wait=announce("the Hub"))
    try:
        client = open_client(
            settings.hub_url,
            user_agent=settings.user_agent,
            pace=pace,
            token=settings.hub_token,
            patience_s=patience.faults_s,
            quota_patience_s=patience.quota_s,
            answer_deadline_s=patience.answer_s,
            on_wait=announce("the Hub"),
            now=clock.now,
            sleep=sleep,
        )
    except ValueError as unusable:
        raise SettingWrong(f"PAPERLAKE_HUB_URL, PAPERLAKE_CONTACT or HF_TOKEN cannot be used: {unusable}") from unusable
    with client:
        yield HubClient(client, clock, settings.lake)


def headers_as_json(answer: Answer) -> str:
    """The headers as a JSON object; a name that came twice has its values joined, as HTTP allows."""
    joined: dict[str, str] = {}
    for name, value in answer.headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return json.dumps(joined, ensure_ascii=False)


def announce(source: str) -> Callable[[float], None]:
    """A listener of waits that tells of those worth saying."""

    def told(wait_s: float) -> None:
        if wait_s >= WORTH_SAYING_S:
            log.warning("%s, or its limit, asks for patience; waiting %.0f s", source, wait_s)

    return told
