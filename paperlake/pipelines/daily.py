"""The daily pipeline: select dates, capture, build, validate, publish."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path

import polars as pl

from paperlake.build.publish import PUBLISH_FAULTS, publish_months, waiting_months
from paperlake.build.results import Published
from paperlake.config import Settings
from paperlake.ingest.client import log, retry_limits
from paperlake.ingest.coverage import split_failed_dates
from paperlake.ingest.dates import MAX_GAPS_PER_RUN, RECHECK_DAYS, dates_to_capture, missing_dates
from paperlake.ingest.doubt import PAUSE_S, dates_in_doubt
from paperlake.ingest.hub import GIVE_UP_STATUSES, CaptureResult, HubClient, hub_client
from paperlake.monitoring.heartbeat import Heartbeat, write_heartbeat
from paperlake.monitoring.run_report import RunReport, build_report, state_before
from paperlake.outputs import published_site
from paperlake.pipelines.runner import RunContext, Runner
from paperlake.quality.validation_log import Run
from paperlake.quality.validator import Validator
from paperlake.retrieval.word_index import update_index
from paperlake.sources.answer import SourceUnreachable
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import Snapshot, read_consistent, snapshot
from paperlake.text import plural
from schemas.calendar import months_of, newest_closed_date
from schemas.source_days import HUB, SOURCE_DAYS


def daily(context: RunContext, day: date | None = None, *, recheck: bool = False, site: bool = True) -> RunReport:
    """Capture and publish the newest closed date, the 14 before it, the open one, and up to 30 older gaps.

    With `day` only that date, with `recheck` also the 14 before it. With `site`, update the site and the search index
    too. The newest date depends on when the run was due, not on when it starts. The report contains the problems of a
    run that published all it could. Raises DateNotOpen and ClockMismatch before anything is stored.
    """
    settings, start, runner = context.settings, context.start, context.runner
    clock, lake = start.clock, settings.lake
    newest = newest_closed_date(start.due_at)
    dates = dates_to_capture(start.due_at, day, recheck=recheck, gaps=_gaps(lake, newest))
    limits = retry_limits(is_scheduled=start.is_scheduled)
    validator = Validator()
    with validator.imported_meanwhile(), hub_client(settings, clock, limits) as hub:
        problems = _capture_all(runner, hub, _request_order(lake, dates))
    run = Run(f"daily {runner.run_name}", clock.started_at)
    before = state_before(lake, dates, due=None if day else newest)
    published, faults = _publish_all(runner, lake, dates, run, validator)
    if not problems and (doubtful := dates_in_doubt(lake, dates, clock.started_at)[:MAX_GAPS_PER_RUN]):
        log.info("asking again for %s in doubt, in %d s", plural(len(doubtful), "date"), PAUSE_S)
        time.sleep(PAUSE_S)
        with hub_client(settings, clock, limits) as hub:
            problems = _capture_all(runner, hub, doubtful)
        again, faults_again = _publish_all(runner, lake, doubtful, run, validator)
        published = Published((*published.partitions, *again.partitions))
        faults += [fault for fault in faults_again if fault not in faults]
    if site:
        faults += runner.run("site", update_site, settings)
        faults += runner.run("search-index", update_search_index, lake)
    report = build_report(lake, before, dates, published, [*problems, *faults], run, validator)
    runner.show_table("daily-verdicts", report.rows(), report.summary)
    runner.show_markdown("daily-summary", report.markdown(), report.summary)
    if report.anomalies.docs:
        page = Path(report.anomalies.docs).as_uri()
        runner.show_link("data-docs", page, "What Great Expectations validated in this run.")
    if day is None:  # a run for one date does not show that the schedule works
        write_heartbeat(lake, Heartbeat(run.name, run.started_at, clock.now(), not report.problems, report.summary))
    return report


def _gaps(lake: Lake, newest: date) -> list[date]:
    """The dates without a final answer from the lake's first requested date to `newest`, newest first."""
    seen = snapshot(lake)
    for month in seen.manifest.months(SOURCE_DAYS.name):
        days = read_consistent(lake, partial(_requested_dates, month))
        if days.height:
            first = days["listed_on"].sort()[0]
            return list(islice(missing_dates(seen.manifest, first, newest), MAX_GAPS_PER_RUN + RECHECK_DAYS + 1))
    return []


def _requested_dates(month: str, seen: Snapshot) -> pl.DataFrame:
    return scan(seen, SOURCE_DAYS, [month]).filter(pl.col("source") == HUB).select("listed_on").collect()


def capture(day: date, hub: HubClient) -> CaptureResult:
    """Capture the list of `day`. Raises SourceUnreachable."""
    return hub.capture(day)


def publish(months: list[str], root: Path, run: Run, validator: Validator) -> Published:
    """Build, validate and publish `months`. Needs no network. Raises the errors in `PUBLISH_FAULTS`."""
    published = Published.of(publish_months(Lake(root), months, run=run, validator=validator))
    for month in published.months:
        files = len(published.of_month(month).changed)
        log.info("published %s: %s", month, plural(files, "file") if files else "unchanged")
    return published


def update_site(settings: Settings) -> list[str]:
    """Update the site. Returns the problem that prevented it, if any: the tables are published in any case."""
    try:
        built = published_site.update_site(settings)
        log.info("site: %s", built)
        if built.warning:
            log.warning("site: %s", built.warning)
    except Exception as error:  # noqa: BLE001 - no error of the site may prevent the report of the run
        return [f"the site is not up to date: {str(error).splitlines()[0]} (`papers site` builds it)"]
    return []


def update_search_index(lake: Lake) -> list[str]:
    """Update the search index. Returns the problem that prevented it, if any."""
    try:
        log.info("search index: %s", update_index(lake))
    except Exception as error:  # noqa: BLE001 - no error of the index may prevent the report of the run
        return [f"the search index is not up to date: {str(error).splitlines()[0]} (`papers index` updates it)"]
    return []


def _request_order(lake: Lake, dates: Sequence[date]) -> list[date]:
    """The newest dates first, and last the dates whose last capture failed."""
    others, failed = split_failed_dates(lake, dates)
    return [*reversed(others), *failed]


def _capture_all(runner: Runner, hub: HubClient, dates: Sequence[date]) -> list[str]:
    """Capture date by date; if the source is failing or unreachable, skip the remaining dates. Returns the problems."""
    for number, day in enumerate(dates, 1):
        try:
            status_code = runner.run(f"capture-{day}", capture, day, hub).status_code
            if status_code in GIVE_UP_STATUSES and number < len(dates):
                skipped = plural(len(dates) - number, "more date was", "more dates were")
                return [f"the Hub answered with status {status_code}, so {skipped} not requested"]
        except SourceUnreachable as error:
            return [str(error)]
    return []


def _publish_all(
    runner: Runner, lake: Lake, dates: Sequence[date], run: Run, validator: Validator
) -> tuple[Published, list[str]]:
    """Publish the months of `dates`, and those with answers of an interrupted run in the inbox."""
    months = sorted({*months_of(dates), *waiting_months(lake)})
    try:
        published = runner.run(f"publish-{months[0]}", publish, months, lake.root, run, validator)
    except PUBLISH_FAULTS as fault:
        return Published(), [str(fault)]
    return published, [str(fault) for fault in published.faults]
