"""Health checks of the schedules at a Prefect server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from paperlake.config import Settings
from paperlake.monitoring.health import Check, ago
from paperlake.serve_state import serve_process
from paperlake.text import plural


@dataclass(frozen=True, slots=True)
class Schedule:
    """The state of one scheduled deployment at a Prefect server."""

    name: str
    is_deployed: bool = False
    is_active: bool = False
    next_at: datetime | None = None
    late: tuple[str, ...] = ()
    """Names of the runs that should have begun."""
    last: str | None = None
    """The final state of the run that ended last, such as Completed."""
    last_ended_at: datetime | None = None
    is_running: bool = False
    dead: tuple[str, ...] = ()
    """Names of the runs whose process is gone, but which the server still counts as running."""
    orphaned_slots: int = 0
    """Slots that are taken, but not by any run."""
    slot_name: str = ""
    """The server's concurrency limit of this deployment."""


ScheduleReader = Callable[[str, Path, datetime], list[Schedule] | None]
"""Reads the schedules from the Prefect API at an address, with the state folder and the time; None: no answer."""


def check_schedules(settings: Settings, now: datetime, read: ScheduleReader) -> list[Check]:
    """Check the schedules. No checks if neither a Prefect server nor a `papers serve` is known."""
    process = None if settings.prefect_api else serve_process(settings.state)
    if process and not process.is_running:
        message = f"`papers serve` (process {process.pid}) died: no schedule runs"
        return [Check("schedule", "fail", message, "papers serve")]
    api = process.api if process else settings.prefect_api
    if api is None:
        return []
    schedules = read(api, settings.state, now)
    if schedules is None:
        remedy = "papers serve, again" if process else "prefect server start"
        return [Check("schedule", "fail", f"the Prefect server at {api} does not answer", remedy)]
    return [check_schedule(schedule, now) for schedule in schedules]


def check_schedule(schedule: Schedule, now: datetime) -> Check:
    """Check one schedule. It is ok only if its next run is known."""
    name = f"schedule {schedule.name}"
    last = "it has not run yet"
    if schedule.last_ended_at:
        last = f"the last run ended {ago(now - schedule.last_ended_at)} ago: {schedule.last}"
    for fault, remedy in _faults(schedule):
        return Check(name, "fail", f"{fault}; {last}" if schedule.is_deployed else fault, remedy)
    running = "it runs now; " if schedule.is_running else ""
    message = f"next at {schedule.next_at:%Y-%m-%d %H:%M} UTC; {running}{last}"
    if schedule.last in {"Failed", "Crashed"}:
        return Check(name, "warn", message, "look at that run in Prefect's UI")
    return Check(name, "ok", message)


def _faults(schedule: Schedule) -> Iterator[tuple[str, str]]:
    """What prevents runs of a deployment, and the remedy; the most specific fault first."""
    if not schedule.is_deployed:
        yield "it is not deployed", "papers serve (or prefect deploy --all)"
    if not schedule.is_active:
        yield "its schedule is paused", f"resume {schedule.name} in Prefect's UI, or deploy it again"
    if schedule.dead:
        yield (
            f"its slot is taken by {', '.join(schedule.dead)}, whose process is gone",
            "start `papers serve` again; with a worker the next run frees it, after 5 minutes at most",
        )
    if schedule.orphaned_slots:
        yield (
            f"{plural(schedule.orphaned_slots, 'slot')} taken, but not by any run, so no run can begin",
            f"start `papers serve` again; with a worker: prefect gcl update {schedule.slot_name} --active-slots 0",
        )
    if schedule.late:
        yield f"{plural(len(schedule.late), 'run')} late: nothing executes them", "start `papers serve`, or a worker"
    if schedule.next_at is None:
        yield (
            "no run is scheduled: the server's scheduler does not run",
            "look at the server's log, and restart it",
        )
