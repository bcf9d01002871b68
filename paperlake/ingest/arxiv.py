"""Asking arXiv, one request at a time on this machine, and keeping what it says before anything reads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from filelock import FileLock, Timeout

from paperlake.clock import RunClock
from paperlake.config import Settings, SettingWrong
from paperlake.errors import PaperlakeError
from paperlake.ingest.hub import Patience, announce, headers_as_json
from paperlake.sources.answer import Answer
from paperlake.sources.polite import PoliteClient, open_client
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from paperlake.store.pace import FilePace
from schemas.arxiv_replies import ARXIV_REPLIES


class HarvestUnderWay(PaperlakeError):
    """Another process of this machine harvests arXiv, which allows one connection."""


@dataclass(frozen=True, slots=True)
class ArxivClient:
    """What is needed to harvest: the client, the clock of the run, the lake to keep in."""

    client: PoliteClient
    clock: RunClock
    lake: Lake

    def keep(self, verb: str, began: datetime, answer: Answer) -> None:
        """Keep an answer of the harvest that began at `began`, verbatim and flushed. Raises ClockWrong."""
        self.clock.check("arXiv", answer.source_time)
        keep(
            self.lake,
            ARXIV_REPLIES,
            {
                "captured_on": answer.received_at.date(),
                "captured_at": answer.received_at,
                "harvest_started_at": began,
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
    settings: Settings, clock: RunClock, patience: Patience, sleep: Callable[[float], None] = time.sleep
) -> Iterator[ArxivClient]:
    """A client of arXiv that keeps its terms over all processes of this machine: one connection, and the interval.

    `sleep` is what it waits with. Raises SettingWrong and HarvestUnderWay.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    pace = FilePace(
        settings.state, "arxiv", 0, interval_s=settings.arxiv_interval_s, sleep=sleep, on_wait=announce("arXiv")
    )
    try:
        client = open_client(
            settings.arxiv_url,
            user_agent=settings.user_agent,
            pace=pace,
            patience_s=patience.faults_s,
            quota_patience_s=patience.quota_s,
            answer_deadline_s=patience.answer_s,
            on_wait=announce("arXiv"),
            now=clock.now,
            sleep=sleep,
        )
    except ValueError as unusable:
        raise SettingWrong(f"PAPERLAKE_ARXIV_URL or PAPERLAKE_CONTACT cannot be used: {unusable}") from unusable
    with client, _alone(settings):
        yield ArxivClient(client, clock, settings.lake)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    lock = FileLock(settings.state / "arxiv.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise HarvestUnderWay(
            "another process of this machine is harvesting arXiv, which allows one connection; wait until it is done"
        ) from None
    try:
        yield
    finally:
        lock.release()
