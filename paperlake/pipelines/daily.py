"""The daily pipeline: plan, capture, build, validate, publish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path

import polars as pl

from paperlake.build.publish import MONTH_FAULTS, Published, publish_months, waiting_months
from paperlake.config import Settings
from paperlake.ingest.coverage import in_turn
from paperlake.ingest.dates import GAPS_A_RUN, RECHECK_DAYS, dates_to_capture, wanting
from paperlake.ingest.hub import GIVE_UP, PATIENCE_BY_HAND, PATIENCE_SCHEDULED, Captured, HubClient, hub_client, log
from paperlake.monitoring.heartbeat import Heartbeat, beat
from paperlake.monitoring.run_report import Report, known_before, report
from paperlake.outputs.editions import editions_in_force
from paperlake.outputs.site import build_site
from paperlake.pipelines.runner import RunContext, Runner
from paperlake.pipelines.validator_import import judge_imported_meanwhile
from paperlake.quality.validation_log import Run
from paperlake.sources.answer import SourceUnreachable
from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import Snapshot, read_whole, snapshot
from paperlake.text import many
from schemas.calendar import newest_closed_date
from schemas.source_days import SOURCE_DAYS


def daily(context: RunContext, day: date | None = None, *, recheck: bool = False, site: bool = True) -> Report:
    """Capture and publish the newest closed date, the 14 before it, the open one, and up to 30 older gaps.

    With `day` only that date, with `recheck` also the 14 before it. With `site`, its pages are brought up to date.
    The date follows from when the run was due, so a late run means its own day. The report tells the problems of a run
    that published all it could; before anything is kept DateNotOpen and ClockWrong are raised.
    """
    settings, start, runner = context.settings, context.start, context.runner
    clock, lake = start.clock, settings.lake
    newest = newest_closed_date(start.due_at)
    dates = dates_to_capture(start.due_at, day, recheck=recheck, gaps=_gaps(lake, newest))
    patience = PATIENCE_SCHEDULED if start.is_scheduled else PATIENCE_BY_HAND
    with judge_imported_meanwhile(), hub_client(settings, clock, patience) as asking:
        problems = _capture_all(runner, asking, _newest_first(lake, dates))
    run = Run(f"daily {runner.run_name}", clock.started_at)
    before = known_before(lake, dates, due=None if day else newest)
    published, faults = _publish_all(runner, lake, dates, run)
    if site:
        faults += runner.run("site", update_site, settings)
    outcome = report(lake, before, dates, published, [*problems, *faults], run)
    runner.show_table("daily-verdicts", outcome.rows(), outcome.summary)
    runner.show_markdown("daily-summary", outcome.markdown(), outcome.summary)
    if outcome.oddities.docs:
        page = Path(outcome.oddities.docs).as_uri()
        runner.show_link("data-docs", page, "What Great Expectations validated in this run.")
    if day is None:  # one that a person asked for does not tell that mornings come
        beat(lake, Heartbeat(run.name, run.started_at, clock.now(), not outcome.problems, outcome.summary))
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


def capture(day: date, asking: HubClient) -> Captured:
    """Keep what the Hub says of `day`. Raises SourceUnreachable."""
    return asking.capture(day)


def publish(months: list[str], root: Path, run: Run) -> list[Published]:
    """Fold, build, judge and publish `months`, judged together. Needs no network. Raises what `MONTH_FAULTS` lists."""
    published = list(publish_months(Lake(root), months, run=run))
    for done in published:
        log.info("published %s: %s", done.month, many(len(done.changed), "file") if done.changed else "unchanged")
    return published


def update_site(settings: Settings) -> list[str]:
    """Bring the site up to date; gives what kept it from that, for the tables are published all the same."""
    try:
        log.info("site: %s", build_site(settings.lake, editions_in_force(settings), settings.public_url))
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not keep a morning from its report
        return [f"the site is not up to date: {str(error).splitlines()[0]} (`papers site` builds it)"]
    return []


def _newest_first(lake: Lake, dates: Sequence[date]) -> list[date]:
    """Those that failed last: whatever one date makes of the source, the newest are asked for before."""
    healthy, failed = in_turn(lake, dates)
    return [*reversed(healthy), *failed]


def _capture_all(runner: Runner, asking: HubClient, dates: Sequence[date]) -> list[str]:
    """Capture date by date; a source that is unwell, or cannot be reached, is left alone for this run."""
    for n, day in enumerate(dates, 1):
        try:
            status_code = runner.run(f"capture-{day}", capture, day, asking).status_code
            if status_code in GIVE_UP and n < len(dates):
                return [f"the Hub answered with status {status_code}: {len(dates) - n} more dates were not asked for"]
        except SourceUnreachable as unreachable:
            return [str(unreachable)]
    return []


def _publish_all(runner: Runner, lake: Lake, dates: Sequence[date], run: Run) -> tuple[list[Published], list[str]]:
    """Publish the months of `dates`, and those that still have answers waiting from a run that died."""
    months = sorted({*(day.strftime(MONTH_FORM) for day in dates), *waiting_months(lake)})
    try:
        published = runner.run(f"publish-{months[0]}", publish, months, lake.root, run)
    except MONTH_FAULTS as fault:
        return [], [str(fault)]
    return published, [str(done.fault) for done in published if done.fault is not None]
