"""The harvest pipeline: fetch what changed at arXiv since the last harvest, reconcile it, publish it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import cast

import polars as pl

from paperlake.build.publish import PUBLISH_FAULTS, publish_months, waiting_months
from paperlake.build.results import Published
from paperlake.clock import RunClock
from paperlake.config import Settings
from paperlake.errors import PaperlakeError
from paperlake.ingest.arxiv import ArxivClient, arxiv_client
from paperlake.ingest.client import log, retry_limits
from paperlake.ingest.harvest_coverage import OVERLAP, coverage_of, is_known_set, read_harvests
from paperlake.ingest.oai_harvest import (
    Harvest,
    HarvestFailed,
    HarvestForbidden,
    HarvestVerdict,
    Window,
    walk_and_reconcile,
)
from paperlake.ingest.oai_resume import interrupted_harvest
from paperlake.ingest.oai_sets import UnknownSet, is_refusal, require_known_set
from paperlake.pipelines.progress import notify_harvest
from paperlake.pipelines.runner import RunContext, Runner, Start
from paperlake.quality.validation_log import Run
from paperlake.quality.validator import Validator
from paperlake.sources.answer import SourceUnreachable
from paperlake.sources.client_options import RetryLimits
from paperlake.store.inbox import Value, keep
from paperlake.store.lake import Lake
from paperlake.text import plural
from schemas.arxiv_papers import ARXIV_PAPERS
from schemas.harvests import HARVESTS
from transforms.arxiv.harvest_days import verdict_on_all


class DateInFuture(PaperlakeError):
    """A date of changes that is still to come; nothing was requested."""


@dataclass(frozen=True, slots=True)
class WindowReport:
    """The result of one window of a harvest. With a `problem` it failed, but all its answers are stored."""

    window: Window
    verdict: HarvestVerdict
    page_count: int
    record_count: int
    fetched_count: int
    missing_count: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class HarvestReport:
    """The result of a harvest of the missing windows of a set; none if nothing was missing.

    With `problems` it failed, but all its answers are stored and published.
    """

    set_spec: str | None
    until: date | None
    windows: tuple[WindowReport, ...]
    changed: tuple[str, ...]
    months: int
    """The number of months of papers with changed values."""
    problems: tuple[str, ...]

    @property
    def verdict(self) -> HarvestVerdict:
        """The verdict on all windows together."""
        return cast("HarvestVerdict", verdict_on_all([(part.verdict, part.record_count) for part in self.windows]))

    @property
    def record_count(self) -> int:
        """The papers whose records were told, in all windows."""
        return sum(part.record_count for part in self.windows)

    @property
    def summary(self) -> str:
        """The harvest in one line."""
        scope = self.set_spec or "all sets"
        if not self.windows:
            return f"{scope}, until {self.until}: nothing is missing, so nothing was requested"
        pages = sum(part.page_count for part in self.windows)
        fetched_count = sum(part.fetched_count for part in self.windows)
        missing_count = sum(part.missing_count for part in self.windows)
        fetched = f", {fetched_count} of them found only by reconciling" if fetched_count else ""
        missing = f", {missing_count} missing" if missing_count else ""
        months = f"{plural(self.months, 'month')} of papers changed" if self.months else "no paper changed"
        return (
            f"{scope}, {self._days}; {plural(self.record_count, 'record')} in {plural(pages, 'answer')}"
            f"{fetched}{missing}; {months}"
        )

    @property
    def _days(self) -> str:
        """The windows and their verdicts; a verdict that they share is said once."""
        verdicts = {part.verdict: part.verdict.replace("_", " ") for part in self.windows}
        if len(verdicts) == 1:
            return f"{' and '.join(part.window.days for part in self.windows)}: {verdicts[self.windows[0].verdict]}"
        return ", ".join(f"{part.window.days}: {verdicts[part.verdict]}" for part in self.windows)

    def json_values(self) -> dict[str, object]:
        """The report as values for JSON."""
        return {"summary": self.summary, "verdict": self.verdict, "record_count": self.record_count, **asdict(self)}


def harvest(
    context: RunContext, set_spec: str | None = None, since: date | None = None, until: date | None = None
) -> HarvestReport:
    """Harvest what changed in a set of arXiv's (None: all) and publish it.

    By default every window that is missing is harvested, the oldest first: gaps between earlier harvests, then what is
    new. Without an earlier harvest a scheduled run begins with yesterday, any other with arXiv's beginning. An
    interrupted harvest is resumed. The report contains the problems of a run that published all it could. Raises
    DateInFuture, HarvestInProgress, ClockMismatch, UnknownSet and, before anything is stored, SourceUnreachable.
    """
    settings, start, runner = context.settings, context.start, context.runner
    clock, lake = start.clock, settings.lake
    today = clock.now().date()
    if future := [day for day in (since, until) if day and day > today]:
        raise DateInFuture(f"{future[0]} is in the future: today is {today} (UTC), and nothing has changed after that")
    limits = retry_limits(is_scheduled=start.is_scheduled)
    harvests = read_harvests(lake)
    windows = [Window(set_spec, since, until)] if since else windows_to_ask(harvests, set_spec, until, start)
    if any(window.since is None for window in windows):
        log.warning(
            "nothing %s was harvested, so this requests all of it; `papers import-arxiv` is far faster",
            f"before {windows[0].until + OVERLAP}" if windows[0].until else "so far",
        )
    doubtful_set = set_spec if set_spec is not None and not is_known_set(harvests, set_spec) else None
    validator = Validator()
    with validator.imported_meanwhile():
        reports = runner.run("fetch", fetch, settings, clock, limits, windows, doubtful_set) if windows else []
    published, faults = _publish(runner, lake, Run(f"harvest {runner.run_name}", clock.started_at), validator)
    skipped = len(windows) - len(reports)
    left = [f"{plural(skipped, 'window')} of the harvest not requested after that"] if skipped else []
    report = HarvestReport(
        set_spec=set_spec,
        until=until,
        windows=tuple(reports),
        changed=published.changed,
        months=len(published.revised_months(ARXIV_PAPERS.name)),
        problems=(*(part.problem for part in reports if part.problem), *left, *faults),
    )
    runner.show_markdown("harvest-summary", f"# {report.summary}\n", report.summary)
    return report


def windows_to_ask(harvests: pl.DataFrame, set_spec: str | None, until: date | None, start: Start) -> list[Window]:
    """The windows that are missing, up to `until`, the oldest first."""
    coverage = coverage_of(harvests, set_spec)
    missing = coverage.missing(until)
    if not start.is_scheduled:
        return missing
    # A full harvest takes hours; a schedule must not start one by default.
    if not coverage.spans:
        return [Window(set_spec, start.clock.started_at.date() - OVERLAP, until)]
    return [window for window in missing if window.since]


def fetch(
    settings: Settings, clock: RunClock, limits: RetryLimits, windows: Sequence[Window], doubtful_set: str | None
) -> list[WindowReport]:
    """Harvest the windows of one set in this order, and store a row of `harvests` for each.

    A window that fails does not keep back the others, unless the server cannot be reached or wants no more requests:
    then the report lacks them. Raises HarvestInProgress, and UnknownSet if the server does not know `doubtful_set`,
    of which nothing was ever harvested.
    """
    reports: list[WindowReport] = []
    with arxiv_client(settings, clock, limits) as client:
        if doubtful_set is not None and require_known_set(client.client, doubtful_set):
            doubtful_set = None
        for window in windows:
            progress, verdict, error = _fetch_window(settings.lake, client, clock, window)
            if doubtful_set and not reports and isinstance(error, HarvestFailed) and is_refusal(error.error_code):
                raise UnknownSet(doubtful_set, str(error))
            problem = str(error) if error else _disagreement(progress) if verdict == "partial" else None
            keep(settings.lake, HARVESTS, _harvest_row(progress, verdict, problem, clock.now()))
            reports.append(_window_report(progress, verdict, problem))
            if isinstance(error, SourceUnreachable | HarvestForbidden):
                break
    return reports


def _fetch_window(
    lake: Lake, client: ArxivClient, clock: RunClock, window: Window
) -> tuple[Harvest, HarvestVerdict, PaperlakeError | None]:
    """Walk arXiv's lists until two agree. Returns the harvest, its verdict, and the error that ended it."""
    now = clock.now()
    started_at, checkpoint = interrupted_harvest(lake, window, now) or (now, None)
    progress = Harvest(window, started_at)
    if checkpoint is not None:
        log.info("resuming the harvest of %s, which has %s", started_at, plural(checkpoint.pages, "answer"))
    try:
        return progress, walk_and_reconcile(client, progress, notify_harvest, checkpoint), None
    except (HarvestFailed, SourceUnreachable) as error:
        return progress, "partial" if progress.newest_headers.height else "failed", error


def _disagreement(progress: Harvest) -> str:
    if progress.missing:
        why = f"missing: {plural(progress.missing, 'record')}"
    elif progress.unlisted:
        why = f"told, but not on the list: {plural(progress.unlisted, 'paper')}"
    else:
        why = "the lists go on changing"
    return f"two lists made one after the other never agreed ({why}); harvest again later"


def publish(lake: Lake, months: list[str], run: Run, validator: Validator) -> Published:
    """Build, validate and publish `months`. Raises the errors in `PUBLISH_FAULTS`."""
    return Published.of(publish_months(lake, months, run=run, validator=validator))


def _publish(runner: Runner, lake: Lake, run: Run, validator: Validator) -> tuple[Published, list[str]]:
    try:
        published = runner.run("publish", publish, lake, waiting_months(lake), run, validator)
    except PUBLISH_FAULTS as fault:
        return Published(), [str(fault)]
    return published, [str(fault) for fault in published.faults]


def _window_report(progress: Harvest, verdict: HarvestVerdict, problem: str | None) -> WindowReport:
    return WindowReport(
        window=progress.window,
        verdict=verdict,
        page_count=progress.pages,
        record_count=progress.newest_headers.height,
        fetched_count=progress.fetched,
        missing_count=progress.missing,
        problem=problem,
    )


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
