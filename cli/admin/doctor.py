"""`papers doctor`: run the health checks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli import show
from cli.still_running import signs_of_life

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from paperlake.monitoring.health import Check
    from paperlake.monitoring.schedules import Schedule

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@click.option("--quick", is_flag=True, help="Do not read every published file.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def doctor(context: click.Context, *, quick: bool, as_json: bool) -> None:
    """Run all health checks, and print a remedy for each problem.

    They check freshness (date D is complete by 06:00 UTC on D+1), the heartbeat, gaps, refused captures and entries,
    validation, anomalous lists, drift of the source, the newest arXiv harvest, unpublished answers, disk space, every
    published file, and suspended mail subscriptions. For every schedule they show the next run, the last run, and what
    occupies its slot, from the Prefect server of PREFECT_API_URL or of `papers serve`.

    Exit code 1 when a check fails. For monitoring: every daily run writes lake/quality/heartbeat.json at its end;
    alert when it is older than 26 hours.
    """
    from paperlake.config import read_settings
    from paperlake.monitoring.health import failed_checks
    from paperlake.pipelines import doctor as pipeline
    from paperlake.pipelines.runner import InProcessRunner, RunContext, start_now
    from paperlake.text import plural

    run = RunContext(read_settings(), start_now(), InProcessRunner())
    with signs_of_life(lambda: "doctor: still checking"):
        checks = pipeline.doctor(run, _read_schedules, is_thorough=not quick)
    if as_json:
        click.echo(show.as_json([asdict(check) for check in checks]))
    else:
        for check in checks:
            _print_check(check)
    failed = len(failed_checks(checks))
    if not as_json:
        click.echo(f"\n{plural(failed, 'check')} failed." if failed else "\nAll checks passed.")
    context.exit(1 if failed else 0)


def _read_schedules(api: str, state: Path, now: datetime) -> list[Schedule] | None:
    from flows.automations import read_schedules  # imports Prefect, so only if there is a server

    return read_schedules(api, state, now)


def _print_check(check: Check) -> None:
    mark, colour = _MARKS[check.state]
    head = f"{mark.ljust(7)}{check.name.ljust(23)} "
    text = click.wrap_text(head + show.safe_line(check.message), 110, "", " " * len(head))
    click.echo(text.replace(mark, click.style(mark, fg=colour), 1))
    if check.remedy:
        click.echo(f"{' ' * len(head)}→ {check.remedy}")
