"""`papers daily`: the daily run."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from cli import show
from cli.arguments import Day
from cli.still_running import signs_of_life

if TYPE_CHECKING:
    from paperlake.monitoring.run_report import RunReport


@click.command()
@click.option("--date", "day", type=Day(), help="Only this date, closed or open.")
@click.option("--recheck", is_flag=True, help="With --date: also the 14 days before it.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def daily(context: click.Context, day: date | None, *, recheck: bool, as_json: bool) -> None:
    """Capture, validate and publish the newest closed date.

    Without --date it also recaptures the 14 days before (votes change, papers move) and the open date. Answers are
    stored before they are parsed. It is safe to run twice.
    """
    from cli.run.pipelines import pipelines

    show.log_to_stderr()
    with signs_of_life(lambda: "daily: still running"):
        report = pipelines().run_daily(day, recheck=recheck)
    if as_json:
        click.echo(show.as_json(report.json_values()))
    else:
        print_report(report)
    context.exit(1 if report.problems else 0)


def print_report(report: RunReport) -> None:
    """Print the verdicts, warnings and errors. A run that changed nothing and failed prints only the errors."""
    if report.changed or not report.problems:
        show.table(report.rows(), right=("papers", "captures"))
        click.echo(report.summary)
        if report.anomalies.docs:
            click.echo(f"Validation report: {report.anomalies.docs}")
    for warning in (*report.anomalies.warnings, *report.anomalies.drift):
        click.secho(f"Warning: {show.safe_line(warning)}", err=True, fg="yellow")
    for problem in report.problems:
        click.secho(f"Error: {show.safe_line(problem)}", err=True, fg="red")
