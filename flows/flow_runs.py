"""Runs pipelines as flow runs of the Prefect server that PREFECT_API_URL names, for a person who waits for them."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar
from urllib.parse import urlsplit

# Before the import, which sets logging up: what a person should know, we say ourselves.
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.automations import ServerSilent
from flows.backfill import backfill
from flows.daily import daily
from flows.harvest import HarvestHadProblems, harvest
from paperlake.config import settings
from paperlake.monitoring.run_report import Report, RunHadProblems
from paperlake.pipelines.harvest import Harvested
from paperlake.pipelines.progress import DatesListener, HarvestListener, listening

Outcome = TypeVar("Outcome")
_CONNECT_S = 5.0

# It tells of what it still has to send when a run ends.
logging.getLogger("EventsWorker").setLevel(logging.CRITICAL)


def run_daily(day: date | None, *, recheck: bool, now: datetime | None = None, site: bool = True) -> Report:
    """One run of the flow `daily`, also where it had problems. Raises DateNotOpen, ClockWrong and ServerSilent."""
    return _run(lambda: _reported(lambda: daily(day, recheck, now, site)))


def run_backfill(
    start: date, end: date | None, *, refresh: bool, listener: DatesListener, now: datetime | None = None
) -> Report:
    """One run of the flow `backfill`, also where it had problems. Raises DateNotOpen, ClockWrong and ServerSilent."""
    with listening(dates=listener):
        return _run(lambda: _reported(lambda: backfill(start, end, refresh, now)))


def run_harvest(
    set_spec: str | None,
    since: date | None,
    until: date | None,
    *,
    listener: HarvestListener,
    now: datetime | None = None,
) -> Harvested:
    """One run of the flow `harvest`, also where it had problems. Raises HarvestUnderWay and as the others do."""

    def reported() -> Harvested:
        try:
            return harvest(set_spec, since, until, now)
        except HarvestHadProblems as problems:
            return problems.outcome

    with listening(harvest=listener):
        return _run(reported)


def _reported(run: Callable[[], Report]) -> Report:
    try:
        return run()
    except RunHadProblems as problems:
        return problems.report


def _run(run: Callable[[], Outcome]) -> Outcome:
    api = str(settings().prefect_api)
    if not _is_answering(api):
        raise ServerSilent(
            f"the Prefect server at {api} does not answer; start it (`prefect server start`), or unset PREFECT_API_URL "
            "to run in this process without one"
        )
    # The heartbeat's thread is joined at the end of each flow, which takes a second.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        return run()


def _is_answering(api: str) -> bool:
    address = urlsplit(api)
    try:  # Prefect's client would try for minutes where nothing answers at all
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), _CONNECT_S).close()
    except (OSError, ValueError):
        return False
    with get_client(sync_client=True, httpx_settings={"timeout": _CONNECT_S}) as client:
        return client.api_healthcheck() is None
