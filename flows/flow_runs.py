"""Runs pipelines as flow runs for the command line, at the Prefect server of PREFECT_API_URL."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar
from urllib.parse import urlsplit

# Before the import, which configures logging: the command prints the results itself.
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.automations import ServerNotAnswering
from flows.backfill import backfill
from flows.daily import daily
from flows.harvest import HarvestHadProblems, harvest
from paperlake.config import read_settings
from paperlake.monitoring.run_report import RunHadProblems, RunReport
from paperlake.pipelines.harvest import HarvestReport
from paperlake.pipelines.progress import DatesListener, HarvestListener, listening

Result = TypeVar("Result")
_CONNECT_S = 5.0

# At the end of a run it logs events that are still to be sent.
logging.getLogger("EventsWorker").setLevel(logging.CRITICAL)


def run_daily(day: date | None, *, recheck: bool, now: datetime | None = None, site: bool = True) -> RunReport:
    """Run the flow `daily` once. The report may contain problems.

    Raises DateNotOpen, ClockMismatch and ServerNotAnswering.
    """
    return _run(lambda: _report(lambda: daily(day, recheck, now, site)))


def run_backfill(  # noqa: PLR0913 - the options of the command
    start: date,
    end: date | None,
    *,
    refresh: bool,
    listener: DatesListener,
    now: datetime | None = None,
    allow_empty: bool = False,
) -> RunReport:
    """Run the flow `backfill` once. The report may contain problems.

    Raises DateNotOpen, ClockMismatch and ServerNotAnswering.
    """
    with listening(dates=listener):
        return _run(lambda: _report(lambda: backfill(start, end, refresh, now, allow_empty)))


def run_harvest(
    set_spec: str | None,
    since: date | None,
    until: date | None,
    *,
    listener: HarvestListener,
    now: datetime | None = None,
) -> HarvestReport:
    """Run the flow `harvest` once. The report may contain problems.

    Raises HarvestInProgress, ClockMismatch and ServerNotAnswering.
    """

    def report() -> HarvestReport:
        try:
            return harvest(set_spec, since, until, now)
        except HarvestHadProblems as problems:
            return problems.report

    with listening(harvest=listener):
        return _run(report)


def _report(run: Callable[[], RunReport]) -> RunReport:
    try:
        return run()
    except RunHadProblems as problems:
        return problems.report


def _run(run: Callable[[], Result]) -> Result:
    api = str(read_settings().prefect_api)
    if not _is_answering(api):
        raise ServerNotAnswering(
            f"the Prefect server at {api} does not answer; start it (`prefect server start`), or unset PREFECT_API_URL "
            "to run in this process without one"
        )
    # Without Prefect's heartbeat: joining its thread at the end of each flow takes a second.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        return run()


def _is_answering(api: str) -> bool:
    address = urlsplit(api)
    try:  # Prefect's client would try for minutes if nothing listens there
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), _CONNECT_S).close()
    except (OSError, ValueError):
        return False
    with get_client(sync_client=True, httpx_settings={"timeout": _CONNECT_S}) as client:
        return client.api_healthcheck() is None
