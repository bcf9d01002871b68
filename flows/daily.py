"""The daily flow: plan, capture, build, judge, publish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from itertools import islice
from pathlib import Path

import polars as pl
from prefect import flow, runtime, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from digests.counts import many
from flows.build import MONTH_FAULTS, Published, publish_months, waiting_months
from flows.capture import GIVE_UP, PATIENCE_BY_HAND, PATIENCE_SCHEDULED, Asking, Captured, asking_hub, log
from flows.clock import newest_closed_date
from flows.deployed_run import begin
from flows.editions import editions_in_force
from flows.gaps import in_turn
from flows.heartbeat import Heartbeat, beat
from flows.ledger import ALONE, Run
from flows.plan import GAPS_A_RUN, RECHECK_DAYS, dates_to_capture, wanting
from flows.report import Report, RunHadProblems, known_before, report
from flows.settings import Settings, settings
from flows.website import build_site
from schemas.source_days import SOURCE_DAYS
from sources.answer import SourceUnreachable
from store.lake import MONTH_FORM, Lake
from store.rows import scan
from store.snapshot import Snapshot, read_whole, snapshot


@flow(name="daily")
def daily(
    day: date | None = None,
    recheck: bool = False,  # noqa: FBT001, FBT002 - parameters of a deployment
    now: datetime | None = None,
    site: bool = True,  # noqa: FBT001, FBT002
) -> Report:
    """Capture and publish the newest closed date, the 14 before it, the open one, and up to 30 older gaps.

    With `day` only that date, with `recheck` also the 14 before it. With `site`, its pages are brought up to date.

    `now` simulates another start; without it, the date follows from when the run was due, so that a late
    run means its own day. Raises RunHadProblems when all that could be published is, and before anything is kept
    DateNotOpen and ClockWrong.
    """
    said = settings()
    begun = begin(said.state, now)
    clock, due_at = begun.clock, begun.due_at
    dates = dates_to_capture(due_at, day, recheck=recheck, gaps=_gaps(said.lake, newest_closed_date(due_at)))
    patience = PATIENCE_SCHEDULED if begun.is_scheduled else PATIENCE_BY_HAND
    with asking_hub(said, clock, patience) as asking:
        problems = _capture_all(asking, _newest_first(said.lake, dates))
    run = Run(f"daily {runtime.flow_run.name or ALONE}", clock.started_at)
    before = known_before(said.lake, dates, due=None if day else newest_closed_date(due_at))
    published, faults = _publish_all(said.lake, dates, run)
    if site:
        faults += pages(said)
    outcome = report(said.lake, before, dates, published, [*problems, *faults], run)
    create_table_artifact(key="daily-verdicts", table=outcome.rows(), description=outcome.summary)
    create_markdown_artifact(key="daily-summary", markdown=outcome.markdown(), description=outcome.summary)
    if outcome.oddities.docs:
        page = Path(outcome.oddities.docs).as_uri()
        create_link_artifact(key="data-docs", link=page, description="What Great Expectations judged in this run.")
    if day is None:  # one that a person asked for does not tell that mornings come
        beat(said.lake, Heartbeat(run.name, run.started_at, clock.now(), not outcome.problems, outcome.summary))
    if outcome.problems:
        raise RunHadProblems(outcome)
    return outcome


def _gaps(lake: Lake, newest: date) -> list[date]:
    """The dates up to `newest` that are wanting since the lake's first asked date, newest first."""
    seen = snapshot(lake)
    for month in seen.manifest.months(SOURCE_DAYS.name):
        days = read_whole(lake, partial(_asked_of_hub, month))
        if days.height:
            first = days["listed_on"].sort()[0]
            return list(islice(wanting(seen.manifest, first, newest), GAPS_A_RUN + RECHECK_DAYS + 1))
    return []


def _asked_of_hub(month: str, seen: Snapshot) -> pl.DataFrame:
    return scan(seen, SOURCE_DAYS, [month]).filter(pl.col("source") == "hub").select("listed_on").collect()


@task(task_run_name="capture-{day}", cache_policy=NO_CACHE)
def capture(day: date, asking: Asking) -> Captured:
    """Keep what the Hub says of `day`. Raises SourceUnreachable."""
    return asking.capture(day)


@task(task_run_name="publish-{months}", cache_policy=NO_CACHE)
def publish(months: list[str], root: Path, run: Run) -> list[Published]:
    """Fold, build, judge and publish `months`, judged together. Needs no network. Raises what `MONTH_FAULTS` lists."""
    published = list(publish_months(Lake(root), months, run=run))
    for done in published:
        log.info("published %s: %s", done.month, many(len(done.changed), "file") if done.changed else "unchanged")
    return published


@task(task_run_name="site", cache_policy=NO_CACHE)
def pages(said: Settings) -> list[str]:
    """Bring the site up to date; gives what kept it from that, for the tables are published all the same."""
    try:
        log.info("site: %s", build_site(said.lake, editions_in_force(said), said.public_url))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not keep a morning from its report
        return [f"the site is not up to date: {str(error).splitlines()[0]} (`papers site` builds it)"]
    return []


def _newest_first(lake: Lake, dates: Sequence[date]) -> list[date]:
    """Those that failed last: whatever one date makes of the source, the newest are asked for before."""
    healthy, failed = in_turn(lake, dates)
    return [*reversed(healthy), *failed]


def _capture_all(asking: Asking, dates: Sequence[date]) -> list[str]:
    """Capture date by date; a source that is unwell, or cannot be reached, is left alone for this run."""
    for n, day in enumerate(dates, 1):
        try:
            status_code = capture(day, asking).status_code
            if status_code in GIVE_UP and n < len(dates):
                return [f"the Hub answered with status {status_code}: {len(dates) - n} more dates were not asked for"]
        except SourceUnreachable as unreachable:
            return [str(unreachable)]
    return []


def _publish_all(lake: Lake, dates: Sequence[date], run: Run) -> tuple[list[Published], list[str]]:
    """Publish the months of `dates`, and those that still have answers waiting from a run that died."""
    months = sorted({*(day.strftime(MONTH_FORM) for day in dates), *waiting_months(lake)})
    try:
        published = publish(months, lake.root, run)
    except MONTH_FAULTS as fault:
        return [], [str(fault)]
    return published, [str(done.fault) for done in published if done.fault is not None]
