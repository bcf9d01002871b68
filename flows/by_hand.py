"""Flows called by a person, inside this process: no server of one's own is needed, and no log scrolls by."""

from __future__ import annotations

import os
from datetime import date, datetime

# Before the import, which sets logging up: what a person should know, we say ourselves.
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.daily import RunHadProblems, daily
from flows.report import Report


def run_daily(day: date | None, *, recheck: bool, now: datetime | None = None) -> Report:
    """One run of the daily flow, also where it had problems. Raises DateNotOpen."""
    # The heartbeat's thread is joined at the end of each flow, which takes a second.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        try:
            return daily(day, recheck, now)
        except RunHadProblems as told:
            return told.report
