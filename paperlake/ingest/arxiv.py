"""The client of arXiv: one connection per machine, and every answer stored before anything parses it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from filelock import FileLock, Timeout

from paperlake.clock import RunClock
from paperlake.config import Settings
from paperlake.errors import PaperlakeError
from paperlake.ingest.client import SourceAccess, headers_as_json, open_source
from paperlake.sources.answer import Answer
from paperlake.sources.client_options import RetryLimits
from paperlake.sources.polite import PoliteClient
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.source_days import ARXIV

TITLE = "arXiv"


class HarvestInProgress(PaperlakeError):
    """Another process of this machine is harvesting arXiv, which allows one connection."""


@dataclass(frozen=True, slots=True)
class ArxivClient:
    """Sends the requests of a harvest and stores the answers in the lake."""

    client: PoliteClient
    clock: RunClock
    lake: Lake

    def store(self, verb: str, started_at: datetime, answer: Answer) -> None:
        """Store an answer of the harvest that began at `started_at`, byte for byte. Raises ClockMismatch."""
        self.clock.check(TITLE, answer.source_time)
        keep(
            self.lake,
            ARXIV_REPLIES,
            {
                "captured_on": answer.received_at.date(),
                "captured_at": answer.received_at,
                "harvest_started_at": started_at,
                "verb": verb,
                "url": answer.url,
                "status_code": answer.status_code,
                "headers": headers_as_json(answer),
                "body": answer.body,
                "body_sha256": sha256(answer.body).hexdigest(),
            },
        )


@contextmanager
def arxiv_client(
    settings: Settings, clock: RunClock, limits: RetryLimits, sleep: Callable[[float], None] = time.sleep
) -> Iterator[ArxivClient]:
    """Open the only client of arXiv on this machine, which waits with `sleep`.

    Raises InvalidSetting and HarvestInProgress.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    access = SourceAccess(
        ARXIV,
        TITLE,
        settings.arxiv_url,
        "PAPERLAKE_ARXIV_URL or PAPERLAKE_CONTACT",
        interval_s=settings.arxiv_interval_s,
    )
    with open_source(access, settings, clock, limits, sleep) as client, _harvest_lock(settings):
        yield ArxivClient(client, clock, settings.lake)


@contextmanager
def _harvest_lock(settings: Settings) -> Iterator[None]:
    lock = FileLock(settings.state / "arxiv.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise HarvestInProgress(
            "another process of this machine is harvesting arXiv, which allows one connection; wait until it is done"
        ) from None
    try:
        yield
    finally:
        lock.release()
