"""Flows called by a person, inside this process: no server of one's own is needed, and no log scrolls by."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import date, datetime
from typing import TypeVar

# Before the import, which sets logging up: what a person should know, we say ourselves.
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
# Prefect's 20 s are too little where other processes keep the machine busy.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.backfill import Listener, backfill, listening
from flows.daily import daily
from flows.harvest import Harvested, HarvestHadProblems, harvest
from flows.harvest import listening as listening_to_harvests
from flows.harvesting import Heard
from flows.lifeline import end_temporary_server_with_us
from flows.report import Report, RunHadProblems

Outcome = TypeVar("Outcome")


class TemporaryServerSilent(Exception):
    """Prefect's temporary server did not come up."""


def run_daily(day: date | None, *, recheck: bool, now: datetime | None = None, site: bool = True) -> Report:
    """One run of the daily flow, also where it had problems. Raises DateNotOpen."""
    return _in_peace(lambda: _reported(lambda: daily(day, recheck, now, site)))


def run_backfill(
    start: date, end: date | None, *, refresh: bool, listener: Listener, now: datetime | None = None
) -> Report:
    """One run of the backfill flow, also where it had problems. Raises DateNotOpen."""
    with listening(listener):
        return _in_peace(lambda: _reported(lambda: backfill(start, end, refresh, now)))


def run_harvest(
    set_spec: str | None, since: date | None, until: date | None, *, listener: Heard, now: datetime | None = None
) -> Harvested:
    """One run of the harvest flow, also where it had problems. Raises HarvestUnderWay."""

    def told() -> Harvested:
        try:
            return harvest(set_spec, since, until, now)
        except HarvestHadProblems as problems:
            return problems.outcome

    with listening_to_harvests(listener):
        return _in_peace(told)


# It tells of what it still has to send when a run ends.
logging.getLogger("EventsWorker").setLevel(logging.CRITICAL)


def _reported(run: Callable[[], Report]) -> Report:
    try:
        return run()
    except RunHadProblems as told:
        return told.report


def _in_peace(run: Callable[[], Outcome]) -> Outcome:
    end_temporary_server_with_us()
    # The heartbeat's thread is joined at the end of each flow, which takes a second.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        try:
            return run()
        except RuntimeError as error:
            if "ephemeral Prefect API server" not in str(error):
                raise
            waited = os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"]
            raise TemporaryServerSilent(
                f"Prefect's temporary server did not come up within {waited} s; is this machine very busy? Try\n"
                "again, or start one that stays, `prefect server start`, and export PREFECT_API_URL=http://127.0.0.1:4200/api"
            ) from None
