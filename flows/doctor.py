"""The doctor flow: every promise looked at, by a schedule; it fails when one is broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State as RunState
from prefect.states import Cancelled

from flows.automations import Schedule, schedules
from flows.deployed_run import begin
from flows.reconcile import SKIPPED
from paperlake import serve_state as prefect_home
from paperlake.config import Settings, settings
from paperlake.errors import PaperlakeError
from paperlake.monitoring.health import Check, ago, broken, run_checks
from paperlake.text import many


class PromiseBroken(PaperlakeError):
    """Something does not hold that readers rely on."""


@flow(name="doctor")
def doctor(now: datetime | None = None) -> list[Check] | RunState[list[Check]]:
    """Look at everything, and leave what was seen as an artifact. Raises PromiseBroken.

    A run that was missed is skipped: the run that makes up for the missed morning has still to come.
    """
    said = settings()
    run = begin(said.state, now)
    if run.is_missed:
        return Cancelled(name=SKIPPED, message="Nobody was there to execute this run when it was due.")
    lines = [*run_checks(said.lake, run.start.clock.started_at), *schedule_lines(said, run.start.clock.now())]
    wrong = list(broken(lines))
    create_markdown_artifact(key="doctor", markdown=markdown(lines), description=f"{len(wrong)} promises broken")
    if wrong:
        raise PromiseBroken("; ".join(f"{line.name}: {line.message}" for line in wrong))
    return lines


def markdown(lines: list[Check]) -> str:
    """The lines as a table."""
    rows = [
        f"| {line.state} | {line.name} | {line.message.replace('|', '/')} | {line.remedy.replace('|', '/')} |"
        for line in lines
    ]
    return "\n".join(["| | | | what to do |", "|---|---|---|---|", *rows])


def schedule_lines(settings: Settings, now: datetime) -> list[Check]:
    """The health of the schedules, a line for each; none where nothing is known of a Prefect server."""
    serving = None if settings.prefect_api else prefect_home.serving(settings.state)
    if serving and not serving.is_running:
        message = f"`papers serve` (process {serving.pid}) died: nothing runs by a schedule"
        return [Check("schedule", "broken", message, "papers serve")]
    api = serving.api if serving else settings.prefect_api
    if api is None:
        return []
    seen = schedules(api, settings.state, now)
    if seen is None:
        remedy = "papers serve, again" if serving else "prefect server start"
        return [Check("schedule", "broken", f"the Prefect server at {api} does not answer", remedy)]
    return [schedule_line(one, now) for one in seen]


def schedule_line(seen: Schedule, now: datetime) -> Check:
    """What the Prefect server tells of one deployment. All is well only where its next run is known."""
    name = f"schedule {seen.name}"
    last = "it has not run yet"
    if seen.last_ended_at:
        last = f"the last run ended {ago(now - seen.last_ended_at)} ago: {seen.last}"
    for fault, remedy in _faults(seen):
        return Check(name, "broken", f"{fault}; {last}" if seen.is_deployed else fault, remedy)
    running = "it runs now; " if seen.is_running else ""
    message = f"next at {seen.next_at:%Y-%m-%d %H:%M} UTC; {running}{last}"
    if seen.last in {"Failed", "Crashed"}:
        return Check(name, "look", message, "look at that run in Prefect's UI")
    return Check(name, "well", message)


def _faults(seen: Schedule) -> Iterator[tuple[str, str]]:
    """What keeps a deployment from its mornings, the most telling first, each with what to do."""
    if not seen.is_deployed:
        yield "it is not deployed", "papers serve (or prefect deploy --all)"
    if not seen.is_active:
        yield "its schedule is paused", f"resume {seen.name} in Prefect's UI, or deploy it again"
    if seen.dead:
        yield (
            f"its slot is held by {', '.join(seen.dead)}, whose process is gone",
            "start `papers serve` again; with a worker the next run frees it, after 5 minutes at most",
        )
    if seen.slots_held_by_nothing:
        yield (
            f"{many(seen.slots_held_by_nothing, 'slot')} held by nothing, so no run can begin",
            f"start `papers serve` again; with a worker: prefect gcl update {seen.slot_name} --active-slots 0",
        )
    if seen.late:
        yield f"{many(len(seen.late), 'run')} late: nobody executes them", "start `papers serve`, or a worker"
    if seen.next_at is None:
        yield (
            "no run is to come: the server's scheduler does not run",
            "look at the server's log, and start it again",
        )
