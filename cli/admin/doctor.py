"""`papers doctor`: whether all promises hold, and what to do where not."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli import show

if TYPE_CHECKING:
    from paperlake.monitoring.health import Check

_MARKS = {"well": ("ok   ", "green"), "look": ("look ", "yellow"), "broken": ("BROKEN", "red")}


@click.command()
@click.option("--quick", is_flag=True, help="Leave out reading every published file.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def doctor(context: click.Context, *, quick: bool, as_json: bool) -> None:
    """Look at everything that can go wrong, on one screen, with what to do about it.

    Freshness (date D is complete by 06:00 UTC on D+1), whether anything runs at all, gaps, refused captures and
    entries, judgements, lists unlike those before them, drift of the source, what waits, disk space, every published
    file, and of every schedule the coming run, the last one, and what keeps its slot: from the Prefect server that
    PREFECT_API_URL names, or that of `papers serve`.

    Exit code 1 when a promise is broken. For a monitor: lake/quality/heartbeat.json is written at the end of every
    daily run; alarm when it is older than 26 hours.
    """
    from datetime import UTC, datetime

    from paperlake import serve_state as prefect_home
    from paperlake.config import settings
    from paperlake.monitoring.health import run_checks

    said, now = settings(), datetime.now(UTC)
    lines = run_checks(said.lake, now, is_thorough=not quick)
    if said.prefect_api or prefect_home.serving(said.state):
        from flows.doctor import schedule_lines

        lines += schedule_lines(said, now)
    if as_json:
        click.echo(show.as_json([asdict(line) for line in lines]))
    else:
        for line in lines:
            _tell(line)
    broken = sum(line.state == "broken" for line in lines)
    if not as_json:
        click.echo(f"\n{broken} promises broken" if broken else "\nAll promises hold.")
    context.exit(1 if broken else 0)


def _tell(line: Check) -> None:
    mark, colour = _MARKS[line.state]
    head = f"{mark.ljust(7)}{line.name.ljust(23)} "
    told = click.wrap_text(head + show.shown(line.message), 110, "", " " * len(head))
    click.echo(told.replace(mark, click.style(mark, fg=colour), 1))
    if line.remedy:
        click.echo(f"{' ' * len(head)}→ {line.remedy}")
