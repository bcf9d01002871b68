"""`papers demo`: weeks of simulated daily runs, offline, in a minute."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import show

if TYPE_CHECKING:
    from flows.deployment_process import DeploymentProcess
    from sandbox.clock import Clock

FIRST_MORNING = datetime(2025, 10, 6, 3, 15, tzinfo=UTC)
QUERY = """
select listed_on, max(signals.upvote_count) - min(signals.upvote_count) as votes_gained,
       count(*) as captures, any_value(title) as title
from signals join listings using (listed_on, paper_id)
where is_listed group by listed_on, paper_id order by votes_gained desc limit 8
"""

NEWEST_LIST = "select max(listed_on) as listed_on from source_days where verdict = 'complete' and paper_count > 0"


@click.command()
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo-lake"),
    show_default=True,
    help="The demo lake; an existing one is replaced.",
)
@click.option(
    "--mornings",
    type=click.IntRange(2, 400),
    default=20,
    show_default=True,
    help="Number of daily runs to simulate; the last one is a deployment run at a Prefect server.",
)
def demo(root: Path, mornings: int) -> None:
    """Simulate weeks of daily runs against a generated Hub on loopback, offline.

    Lists grow while their date is open, votes change for two weeks, papers move between dates: the lake records all
    of it. All runs but the last are in-process; the last one is a flow run that you can look at in Prefect's UI.
    """
    if root.exists() and any(root.iterdir()) and not (root / "manifest.json").exists():
        raise click.UsageError(f"{root} is not empty and is not a lake; choose another folder with --root")
    shutil.rmtree(root, ignore_errors=True)
    # The tables of the demo are tiny: threads cost Polars a tenth more time than they save.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="paperlake-demo-") as state:
        _simulate(root.absolute(), mornings, Path(state))
    _print_result(root)


def _simulate(root: Path, mornings: int, state: Path) -> None:
    from sandbox.clock import Clock
    from sandbox.hub.generated import GeneratedHub
    from sandbox.hub.server import HubServer

    show.log_to_stderr(quiet=True)
    clock = Clock(FIRST_MORNING)
    with HubServer(GeneratedHub(papers_a_day=25), clock=clock, quota=None) as hub:
        os.environ.update(
            PAPERLAKE_ROOT=str(root), PAPERLAKE_STATE=str(state), PAPERLAKE_HUB_URL=hub.url, PAPERLAKE_HUB_QUOTA="0"
        )
        click.echo(f"A generated Hub runs at {hub.url}.", err=True)
        from paperlake.config import read_settings
        from paperlake.serve_state import use_own_prefect_home

        use_own_prefect_home(read_settings())
        from flows.deployment_process import DeploymentProcess
        from flows.local_server import LocalServer

        # Both need ten seconds to start, and do it beside the mornings: the server first, then the process.
        with LocalServer(state) as server:
            _run_in_process(clock, FIRST_MORNING)
            with DeploymentProcess(server, "daily/daily") as deployment:
                for morning in range(1, mornings - 1):
                    _run_in_process(clock, FIRST_MORNING + timedelta(days=morning))
                _run_deployment(deployment, clock, FIRST_MORNING + timedelta(days=mornings - 1))


def _run_in_process(clock: Clock, now: datetime) -> None:
    from paperlake.pipelines.in_process import run_daily

    clock.move_to(now)
    report = run_daily(None, recheck=True, now=now, site=False)
    click.echo(f"{now:%a %Y-%m-%d %H:%M} UTC  {show.safe_line(report.summary)}", err=True)
    if report.problems:
        raise click.ClickException("; ".join(map(show.safe_line, report.problems)))


def _run_deployment(deployment: DeploymentProcess, clock: Clock, now: datetime) -> None:
    click.echo(f"{now:%a %Y-%m-%d %H:%M} UTC  The deployment daily/daily runs at a Prefect server.", err=True)
    clock.move_to(now)
    run = deployment.run({"recheck": True, "now": now.isoformat()})
    click.echo(
        f"{now:%a %Y-%m-%d %H:%M} UTC  Flow run {run.name}: {run.state}. Prefect's UI shows it: {run.url}", err=True
    )
    if run.state != "Completed":
        raise click.ClickException(f"the flow run {run.name} ended as {run.state}; its page tells why: {run.url}")
    if sys.stdin.isatty():
        click.pause("Look at it in your browser. Press any key to stop the Prefect server and see the tables ...")


def _print_result(root: Path) -> None:
    from cli.query.tables import published_tables
    from paperlake.store.lake import Lake
    from paperlake.store.sql import query

    lake = Lake(root.absolute())
    click.echo(f"\nPublished in {root}:\n")
    show.table(published_tables(lake), right=("rows", "kB"))
    click.echo("\nThe papers that gained most votes during the demo:\n")
    rows = [{**row, "title": str(row["title"])[:60]} for row in query(lake, QUERY).to_pylist()]
    show.table(rows, right=("votes_gained", "captures"))
    newest = query(lake, NEWEST_LIST).to_pylist()[0]["listed_on"]
    click.echo(
        f"\nNext steps. Search it:\n"
        f"  PAPERLAKE_ROOT={root} .venv/bin/papers search household robots\n"
        f"Query it:\n"
        f"  PAPERLAKE_ROOT={root} .venv/bin/papers sql 'from source_days'\n"
        f"Open its site:\n  {(root / 'digests' / 'site' / 'index.html').absolute().as_uri()}\n"
        f"Publish an issue as a mail:\n"
        f"  PAPERLAKE_ROOT={root} .venv/bin/papers digest --edition daily --date {newest} --open\n"
        f"Read the files with pandas, Polars or DuckDB: {root}/tables/listings/**/*.parquet\n"
        f"Capture the real Hub: make daily"
    )
