"""Flows called by a person, inside this process: no server of one's own is needed, and no log scrolls by."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import date, datetime

# Before the import, which sets logging up: what a person should know, we say ourselves.
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.backfill import Listener, backfill, listening
from flows.daily import daily
from flows.report import Report, RunHadProblems


def run_daily(day: date | None, *, recheck: bool, now: datetime | None = None, site: bool = True) -> Report:
    """One run of the daily flow, also where it had problems. Raises DateNotOpen."""
    return _outcome(lambda: daily(day, recheck, now, site))


def run_backfill(
    start: date, end: date | None, *, refresh: bool, listener: Listener, now: datetime | None = None
) -> Report:
    """One run of the backfill flow, also where it had problems. Raises DateNotOpen."""
    with listening(listener):
        return _outcome(lambda: backfill(start, end, refresh, now))


# It tells of what it still has to send when a run ends.
logging.getLogger("EventsWorker").setLevel(logging.CRITICAL)


def _outcome(run: Callable[[], Report]) -> Report:
    # The heartbeat's thread is joined at the end of each flow, which takes a second.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        try:
            return run()
        except RunHadProblems as told:
            return told.report
