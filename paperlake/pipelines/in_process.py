"""Runs pipelines in this process: no Prefect, no server, the first request at once."""

from __future__ import annotations

from datetime import date, datetime

from paperlake.config import settings
from paperlake.monitoring.run_report import Report
from paperlake.pipelines.backfill import backfill
from paperlake.pipelines.daily import daily
from paperlake.pipelines.harvest import Harvested, harvest
from paperlake.pipelines.progress import DatesListener, HarvestListener, listening
from paperlake.pipelines.runner import InProcessRunner, RunContext, start_now


def run_daily(day: date | None, *, recheck: bool, now: datetime | None = None, site: bool = True) -> Report:
    """One run of the daily pipeline, also where it had problems. Raises DateNotOpen and ClockWrong."""
    return daily(_context(now), day, recheck=recheck, site=site)


def run_backfill(
    start: date, end: date | None, *, refresh: bool, listener: DatesListener, now: datetime | None = None
) -> Report:
    """One run of the backfill pipeline, also where it had problems. Raises DateNotOpen and ClockWrong."""
    with listening(dates=listener):
        return backfill(_context(now), start, end, refresh=refresh)


def run_harvest(
    set_spec: str | None,
    since: date | None,
    until: date | None,
    *,
    listener: HarvestListener,
    now: datetime | None = None,
) -> Harvested:
    """One run of the harvest pipeline, also where it had problems. Raises HarvestUnderWay and ClockWrong."""
    with listening(harvest=listener):
        return harvest(_context(now), set_spec, since, until)


def _context(now: datetime | None) -> RunContext:
    return RunContext(settings(), start_now(now), InProcessRunner())
