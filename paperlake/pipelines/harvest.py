"""The harvest pipeline: fetch what changed at arXiv since the last harvest, reconcile it, publish it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

import polars as pl

from paperlake.build.publish import PUBLISH_FAULTS, publish_months, waiting_months
from paperlake.build.results import Published
from paperlake.clock import RunClock
from paperlake.config import Settings
from paperlake.ingest.arxiv import arxiv_client
from paperlake.ingest.client import log, retry_limits
from paperlake.ingest.oai_harvest import Harvest, HarvestFailed, HarvestVerdict, Window, walk_and_reconcile
from paperlake.ingest.oai_resume import interrupted_harvest
from paperlake.pipelines.progress import notify_harvest
from paperlake.pipelines.runner import RunContext, Runner
from paperlake.quality.validation_log import Run
from paperlake.quality.validator import Validator
from paperlake.sources.answer import SourceUnreachable
from paperlake.sources.client_options import RetryLimits
from paperlake.store.inbox import Value, keep
from paperlake.store.lake import Lake, part_name
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_consistent
from paperlake.text import plural
from schemas.arxiv_papers import ARXIV_PAPERS
from schemas.harvests import HARVESTS

OVERLAP = timedelta(days=1)
"""Requested again: a datestamp is a day, and the last day of a harvest was not over."""


@dataclass(frozen=True, slots=True)
class HarvestReport:
    """The result of a harvest. With `problems` it failed, but all its answers are stored and published."""

    window: Window
    verdict: HarvestVerdict
    page_count: int
    record_count: int
    fetched_count: int
    missing_count: int
    changed: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def months(self) -> int:
        """The number of months of papers that changed."""
        folder = part_name(ARXIV_PAPERS.name, "").partition("month=")[0]
        return sum(name.startswith(folder) for name in self.changed)

    @property
    def summary(self) -> str:
        """The harvest in one line."""
        fetched = f", {self.fetched_count} of them found only by reconciling" if self.fetched_count else ""
        missing = f", {self.missing_count} missing" if self.missing_count else ""
        months = f"{plural(self.months, 'month')} of papers changed" if self.months else "no paper changed"
        return (
            f"{self.window}: {self.verdict.replace('_', ' ')}; {self.record_count} records in {self.page_count} answers"
            f"{fetched}{missing}; {months}"
        )


def harvest(
    context: RunContext, set_spec: str | None = None, since: date | None = None, until: date | None = None
) -> HarvestReport:
    """Harvest what changed in a set of arXiv's (None: all) and publish it.

    The default of `since` is the day before the last complete harvest of the set; if there is none, yesterday for a
    scheduled run, else arXiv's beginning. An interrupted harvest is resumed. The report contains the problems of a run
    that published all it could. Raises HarvestInProgress and ClockMismatch.
    """
    settings, start, runner = context.settings, context.start, context.runner
    clock, lake = start.clock, settings.lake
    limits = retry_limits(is_scheduled=start.is_scheduled)
    window = Window(set_spec, since or next_start(lake, set_spec), until)
    if window.since is None and start.is_scheduled:
        # A full harvest takes hours; a schedule must not start one by default.
        window = Window(set_spec, clock.started_at.date() - OVERLAP, until)
    elif window.since is None:
        log.warning("no earlier harvest is complete, so this requests everything; `papers import-arxiv` is far faster")
    validator = Validator()
    with validator.imported_meanwhile():
        progress, verdict, problem = runner.run("fetch", fetch, settings, clock, limits, window)
    keep(lake, HARVESTS, _harvest_row(progress, verdict, problem, clock.now()))
    published, faults = _publish(runner, lake, Run(f"harvest {runner.run_name}", clock.started_at), validator)
    report = HarvestReport(
        window=window,
        verdict=verdict,
        page_count=progress.pages,
        record_count=progress.newest_headers.height,
        fetched_count=progress.fetched,
        missing_count=progress.missing,
        changed=published.changed,
        problems=(*([problem] if problem else []), *faults),
    )
    runner.show_markdown("harvest-summary", f"# {report.summary}\n", report.summary)
    return report


def fetch(
    settings: Settings, clock: RunClock, limits: RetryLimits, window: Window
) -> tuple[Harvest, HarvestVerdict, str | None]:
    """Walk arXiv's lists until two agree. Returns the harvest, verdict and problem. Raises HarvestInProgress."""
    with arxiv_client(settings, clock, limits) as client:
        resumed = interrupted_harvest(settings.lake, window, clock.started_at)
        started_at, checkpoint = resumed or (clock.started_at, None)
        progress = Harvest(window, started_at)
        if checkpoint is not None:
            log.info("resuming the harvest of %s, which has %d answers", started_at, checkpoint.pages)
        try:
            verdict = walk_and_reconcile(client, progress, notify_harvest, checkpoint)
        except (HarvestFailed, SourceUnreachable) as error:
            return progress, "partial" if progress.newest_headers.height else "failed", str(error)
    if verdict != "partial":
        return progress, verdict, None
    why = _disagreement(progress)
    return progress, verdict, f"two lists made one after the other never agreed ({why}); harvest again later"


def _disagreement(progress: Harvest) -> str:
    if progress.missing:
        return f"{progress.missing} records are missing"
    if progress.unlisted:
        return f"{progress.unlisted} papers whose records were told are not on the list"
    return "the lists go on changing"


def publish(lake: Lake, months: list[str], run: Run, validator: Validator) -> Published:
    """Build, validate and publish `months`. Raises the errors in `PUBLISH_FAULTS`."""
    return Published.of(publish_months(lake, months, run=run, validator=validator))


def _publish(runner: Runner, lake: Lake, run: Run, validator: Validator) -> tuple[Published, list[str]]:
    try:
        published = runner.run("publish", publish, lake, waiting_months(lake), run, validator)
    except PUBLISH_FAULTS as fault:
        return Published(), [str(fault)]
    return published, [str(fault) for fault in published.faults]


def next_start(lake: Lake, set_spec: str | None) -> date | None:
    """The day before the last complete harvest that covers the set, by arXiv's clock; None if there is none."""
    is_covering = pl.col("set_spec").is_null() | (pl.col("set_spec") == (set_spec or ""))
    is_complete = pl.col("verdict").is_in(["complete", "confirmed_empty"]) & pl.col("until_on").is_null()
    newest = read_consistent(
        lake,
        lambda seen: (
            scan(seen, HARVESTS).filter(is_covering, is_complete).select(pl.col("responded_at").max()).collect().item()
        ),
    )
    return cast("datetime", newest).date() - OVERLAP if newest else None


def _harvest_row(
    progress: Harvest, verdict: HarvestVerdict, problem: str | None, ended_at: datetime
) -> dict[str, Value]:
    return {
        "harvested_on": progress.started_at.date(),
        "harvest_started_at": progress.started_at,
        "ended_at": ended_at,
        "set_spec": progress.window.set_spec,
        "from_on": progress.window.since,
        "until_on": progress.window.until,
        "verdict": verdict,
        "responded_at": progress.responded_at,
        "page_count": progress.pages,
        "record_count": progress.newest_headers.height,
        "fetched_count": progress.fetched,
        "missing_count": progress.missing,
        "reason": problem,
    }
