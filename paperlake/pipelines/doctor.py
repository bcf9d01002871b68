"""The doctor pipeline: run the health checks and show their results."""

from __future__ import annotations

from collections.abc import Sequence

from paperlake.monitoring.health import Check, failed_checks, run_checks
from paperlake.monitoring.schedules import ScheduleReader, check_schedules
from paperlake.monitoring.subscriptions import check_subscriptions
from paperlake.pipelines.runner import RunContext
from paperlake.text import plural


def doctor(context: RunContext, read_schedules: ScheduleReader, *, is_thorough: bool = True) -> list[Check]:
    """Run all checks of the lake, the subscriptions and the schedules. Raises ManifestUnreadable.

    `is_thorough` reads every published file too. `read_schedules` is called only if a Prefect server is known.
    """
    settings, clock = context.settings, context.start.clock
    checks = run_checks(settings.lake, clock.started_at, is_thorough=is_thorough)
    checks += check_subscriptions(settings.state)
    checks += check_schedules(settings, clock.now(), read_schedules)
    context.runner.show_markdown("doctor", markdown(checks), f"{plural(len(failed_checks(checks)), 'check')} failed")
    return checks


def markdown(checks: Sequence[Check]) -> str:
    """The checks as a table."""
    rows = [
        f"| {check.state} | {check.name} | {check.message.replace('|', '/')} | {check.remedy.replace('|', '/')} |"
        for check in checks
    ]
    return "\n".join(["| | | | what to do |", "|---|---|---|---|", *rows])
