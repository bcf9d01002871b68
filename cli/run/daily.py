"""`papers daily`: one morning."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING

import click

from cli import show
from cli.arguments import Day

if TYPE_CHECKING:
    from paperlake.monitoring.run_report import Report


@click.command()
@click.option("--date", "day", type=Day(), help="Only this date, whether closed or still open.")
@click.option("--recheck", is_flag=True, help="With --date: also the 14 days before it.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def daily(context: click.Context, day: date | None, *, recheck: bool, as_json: bool) -> None:
    """Capture, judge and publish the newest closed date.

    Without --date it also captures again the 14 days before (votes move, papers are moved) and the date
    that is still open. Every answer is on disk before anything reads it; running twice does no harm.
    """
    from cli.pipelines import pipelines

    show.narrate()
    outcome = pipelines().run_daily(day, recheck=recheck)
    if as_json:
        click.echo(show.as_json({"summary": outcome.summary, **asdict(outcome)}))
    else:
        tell(outcome)
    context.exit(1 if outcome.problems else 0)


def tell(outcome: Report) -> None:
    """Print the verdicts and what is wrong. Where nothing was answered at all, only what is wrong."""
    if outcome.changed or not outcome.problems:
        show.table(outcome.rows(), right=("papers", "captures"))
        click.echo(outcome.summary)
        if outcome.oddities.docs:
            click.echo(f"What was judged: {outcome.oddities.docs}")
    for odd in (*outcome.oddities.warnings, *outcome.oddities.drift):
        click.secho(f"Warning: {show.shown(odd)}", err=True, fg="yellow")
    for problem in outcome.problems:
        click.secho(f"Error: {show.shown(problem)}", err=True, fg="red")
