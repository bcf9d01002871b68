"""The doctor flow: every promise looked at, by a schedule; it fails when one is broken."""

from __future__ import annotations

from datetime import datetime

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.clock import started
from flows.examine import Line, broken, examine
from flows.schedule import Schedule, schedule
from flows.settings import Settings, settings


class PromiseBroken(Exception):
    """Something does not hold that readers rely on."""


@flow(name="doctor")
def doctor(now: datetime | None = None) -> list[Line]:
    """Look at everything, and leave what was seen as an artifact. Raises PromiseBroken."""
    said = settings()
    lines = [*examine(said.lake, started(now).started_at), *schedule_lines(said)]
    wrong = list(broken(lines))
    create_markdown_artifact(key="doctor", markdown=markdown(lines), description=f"{len(wrong)} promises broken")
    if wrong:
        raise PromiseBroken("; ".join(f"{line.name}: {line.message}" for line in wrong))
    return lines


def markdown(lines: list[Line]) -> str:
    """The lines as a table."""
    rows = [
        f"| {line.state} | {line.name} | {line.message.replace('|', '/')} | {line.remedy.replace('|', '/')} |"
        for line in lines
    ]
    return "\n".join(["| | | | what to do |", "|---|---|---|---|", *rows])


def schedule_lines(said: Settings) -> list[Line]:
    """The health of the schedule; no line where no Prefect server is set."""
    return [schedule_line(schedule(said.prefect_api))] if said.prefect_api else []


def schedule_line(seen: Schedule) -> Line:
    """What the Prefect server tells of the schedule."""
    if not seen.is_answering:
        return Line("schedule", "broken", f"the Prefect server at {seen.api} does not answer", "prefect server start")
    if not seen.is_deployed:
        remedy = "papers serve (or prefect deploy --all)"
        return Line("schedule", "broken", f"no deployment daily at {seen.api}", remedy)
    if not seen.is_active:
        remedy = "prefect deployment schedule resume daily/daily …"
        return Line("schedule", "broken", "the schedule of the deployment daily is paused", remedy)
    if seen.late_count:
        remedy = "start `papers serve`, or a worker"
        return Line("schedule", "broken", f"{seen.late_count} daily runs are late: nobody executes them", remedy)
    return Line("schedule", "well", f"the deployment daily is scheduled at {seen.api}")
