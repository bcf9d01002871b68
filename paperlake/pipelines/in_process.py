"""Runs pipelines in this process, without Prefect and without a server."""

from __future__ import annotations

from datetime import date, datetime

from paperlake.config import read_settings
from paperlake.monitoring.run_report import RunReport
from paperlake.pipelines.backfill import backfill
from paperlake.pipelines.daily import daily
from paperlake.pipelines.harvest import HarvestReport, harvest
from paperlake.pipelines.progress import DatesListener, HarvestListener, listening
from paperlake.pipelines.runner import InProcessRunner, RunContext, start_now


def run_daily(day: date | None, *, recheck: bool, now: datetime | None = None, site: bool = True) -> RunReport:
    """Run the daily pipeline once. The report may contain problems. Raises DateNotOpen and ClockMismatch."""
    return daily(_context(now), day, recheck=recheck, site=site)


def run_backfill(  # noqa: PLR0913 - the options of the command
    start: date,
    end: date | None,
    *,
    refresh: bool,
    listener: DatesListener,
    now: datetime | None = None,
    allow_empty: bool = False,
) -> RunReport:
    """Run the backfill pipeline once. The report may contain problems. Raises DateNotOpen and ClockMismatch."""
    with listening(dates=listener):
        return backfill(_context(now), start, end, refresh=refresh, allow_empty=allow_empty)


def run_harvest(
    set_spec: str | None,
    since: date | None,
    until: date | None,
    *,
    listener: HarvestListener,
    now: datetime | None = None,
) -> HarvestReport:
    """Run the harvest pipeline once. The report may contain problems. Raises HarvestInProgress and ClockMismatch."""
    with listening(harvest=listener):
        return harvest(_context(now), set_spec, since, until)


def _context(now: datetime | None) -> RunContext:
    return RunContext(read_settings(), start_now(now), InProcessRunner())
