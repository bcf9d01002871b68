"""`papers demo`: a month of mornings in a minute, offline."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from cli import show

FIRST_MORNING = datetime(2025, 10, 6, 3, 15, tzinfo=UTC)
QUERY = """
select listed_on, max(signals.upvote_count) - min(signals.upvote_count) as votes_gained,
       count(*) as captures, any_value(title) as title
from signals join listings using (listed_on, paper_id)
where is_listed group by listed_on, paper_id order by votes_gained desc limit 8
"""


@click.command()
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-lake"),
    show_default=True,
    help="Where the lake of the demo lies; made anew.",
)
@click.option("--mornings", type=click.IntRange(1, 400), default=30, show_default=True, help="How many to simulate.")
def demo(root: Path, mornings: int) -> None:
    """Simulate a month of mornings of the daily run, against an invented Hub on loopback.

    Lists grow while their date is open, votes move for two weeks, papers are moved between dates: the lake
    shows all of it afterwards. Nothing leaves this machine.
    """
    if root.exists() and any(root.iterdir()) and not (root / "manifest.json").exists():
        raise click.UsageError(f"{root} is not empty and holds no lake; choose another with --root")
    shutil.rmtree(root, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="paperlake-demo-") as state:
        _simulate(root.absolute(), mornings, state)
    _tell(root)


def _simulate(root: Path, mornings: int, state: str) -> None:
    from sandbox.clock import Clock
    from sandbox.generated import GeneratedHub
    from sandbox.hub import HubServer

    show.narrate(quiet=True)
    clock = Clock(FIRST_MORNING)
    with HubServer(GeneratedHub(papers_a_day=25), clock=clock, quota=None) as hub:
        os.environ.update(
            PAPERLAKE_ROOT=str(root), PAPERLAKE_STATE=state, PAPERLAKE_HUB_URL=hub.url, PAPERLAKE_HUB_QUOTA="0"
        )
        click.echo(f"An invented Hub is at {hub.url}.", err=True)
        from paperlake.pipelines.in_process import run_daily

        failed = 0
        for morning in range(mornings):
            now = FIRST_MORNING + timedelta(days=morning)
            clock.move_to(now)
            outcome = run_daily(None, recheck=True, now=now, site=morning == mornings - 1)
            failed += bool(outcome.problems)
            click.echo(f"{now:%a %Y-%m-%d %H:%M} UTC  {show.shown(outcome.summary)}", err=True)
        if failed:
            raise click.ClickException(f"{failed} of {mornings} mornings had problems")


def _tell(root: Path) -> None:
    # At the end of a process with Prefect's threads, DuckDB tells at length which objects it leaves to the system.
    atexit.register(os.dup2, os.open(os.devnull, os.O_WRONLY), 2)
    from cli.query import published_tables
    from paperlake.store.lake import Lake
    from paperlake.store.sql import query

    lake = Lake(root.absolute())
    click.echo(f"\nPublished in {root}:\n")
    show.table(published_tables(lake), right=("rows", "kB"))
    click.echo("\nThe papers that gained most votes while we watched:\n")
    rows = [{**row, "title": str(row["title"])[:60]} for row in query(lake, QUERY).to_pylist()]
    show.table(rows, right=("votes_gained", "captures"))
    click.echo(
        f"\nNext: ask it something yourself,\n"
        f"  PAPERLAKE_ROOT={root} .venv/bin/papers sql 'from source_days'\n"
        f"look at its pages:\n  {(root / 'digests' / 'site' / 'index.html').absolute().as_uri()}\n"
        f"bring out an issue as a mail:\n"
        f"  PAPERLAKE_ROOT={root} .venv/bin/papers digest --edition daily --date 2025-11-03 --open\n"
        f"read the files with any tool (pandas, Polars, DuckDB): {root}/tables/listings/**/*.parquet\n"
        f"or capture the real Hub: make daily"
    )
