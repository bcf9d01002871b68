"""The backfill pipeline: captures and publishes a range of dates, month by month."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import groupby

from paperlake.build.publish import publish_months, waiting_months
from paperlake.build.results import PartitionResult, Published
from paperlake.clock import ClockMismatch
from paperlake.ingest.client import log, retry_limits
from paperlake.ingest.coverage import split_failed_dates
from paperlake.ingest.dates import dates_between, missing_dates
from paperlake.ingest.doubt import PAUSE_S, EmptyWeekdays, dates_in_doubt
from paperlake.ingest.hub import GIVE_UP_STATUSES, CaptureResult, HubClient, hub_client
from paperlake.ingest.hub_resume import interrupted_captures
from paperlake.monitoring.run_report import RunReport, build_report, state_before
from paperlake.pipelines.progress import DatesListener, notify_dates
from paperlake.pipelines.runner import RunContext, Runner, SubmittedStep
from paperlake.quality.validation_log import Run
from paperlake.quality.validator import Validator
from paperlake.sources.answer import SourceUnreachable
from paperlake.store.snapshot import snapshot
from paperlake.text import plural
from schemas.calendar import month_of, months_of, newest_closed_date


class Interrupted(Exception):
    """The run is being stopped."""


@dataclass(slots=True)
class BackfillState:
    """The state that the threads of one backfill share."""

    listener: DatesListener
    stop: threading.Event = field(default_factory=threading.Event)
    problems: list[str] = field(default_factory=list)
    clock_error: ClockMismatch | None = None
    """Ends the run: verdicts depend on the time."""
    empty_weekdays: EmptyWeekdays | None = field(default_factory=EmptyWeekdays)
    """None if any number of them is expected."""

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the end of the run. Raises Interrupted."""
        if self.stop.wait(seconds):
            raise Interrupted

    def give_up(self, reason: str) -> None:
        """Send no more requests in this run."""
        if not self.stop.is_set():
            self.problems.append(reason)
        self.stop.set()


def backfill(
    context: RunContext,
    first: date,
    last: date | None = None,
    *,
    refresh: bool = False,
    allow_empty: bool = False,
) -> RunReport:
    """Capture and publish every date from `first` to `last` (the newest closed one) that has no final answer.

    With `refresh`, capture the dates with a final answer too. A date in doubt is requested once more after a pause.
    Five weekdays in a row without papers end the requests, unless `allow_empty`. Captures of an interrupted run are
    resumed. The report contains the problems of a run that published all it could. Raises DateNotOpen and
    ClockMismatch, and the error of a month that failed, after all other months are published.
    """
    settings, start, runner = context.settings, context.start, context.runner
    clock, lake = start.clock, settings.lake
    dates = dates_between(first, last or newest_closed_date(clock.started_at), clock.started_at)
    state = BackfillState(notify_dates, empty_weekdays=None if allow_empty else EmptyWeekdays())
    run = Run(f"backfill {runner.run_name}", clock.started_at)
    limits = retry_limits(is_scheduled=start.is_scheduled)
    validator = Validator()
    results: list[PartitionResult] = []
    steps: list[SubmittedStep[None]] = []
    with validator.imported_meanwhile(), hub_client(settings, clock, limits, sleep=state.sleep) as hub:
        try:
            results += _finish_interrupted(hub, state, dates, run, validator)
            before = state_before(lake, dates)
            missing = dates if refresh else sorted(missing_dates(snapshot(lake).manifest, dates[0], dates[-1]))
            state.listener(len(dates) - len(missing), None)
            for days in split_failed_dates(lake, missing):
                submitted, ended = _submit_months(runner, days, hub, state)
                steps += submitted
                for months in _ended_months(ended, len(submitted)):
                    if state.clock_error:
                        raise state.clock_error
                    results += publish_months(lake, months, run=run, validator=validator)
            for step in steps:
                step.result()
            results += _ask_again(runner, hub, state, dates, run, validator)
        finally:
            state.stop.set()
            for step in steps:  # each stores the page in flight
                step.wait()
    published = Published(tuple(results))
    faults = [str(fault) for fault in published.faults]
    report = build_report(lake, before, dates, published, [*state.problems, *faults], run, validator)
    runner.show_table("backfill-months", report.months(), report.summary)
    return report


def _ask_again(  # noqa: PLR0913, PLR0917 - the parts of a run
    runner: Runner, hub: HubClient, state: BackfillState, dates: Sequence[date], run: Run, validator: Validator
) -> Iterator[PartitionResult]:
    """Capture and publish the dates once more that this run left in doubt, after a pause."""
    doubtful = [] if state.stop.is_set() else dates_in_doubt(hub.lake, dates, hub.clock.started_at)
    if not doubtful:
        return
    log.info("asking again for %s in doubt, in %d s", plural(len(doubtful), "date"), PAUSE_S)
    state.sleep(PAUSE_S)
    runner.run("in-doubt", capture_again, doubtful, hub, state)
    if state.clock_error:
        raise state.clock_error
    yield from publish_months(hub.lake, sorted(months_of(doubtful)), run=run, validator=validator)


def capture_again(days: Sequence[date], hub: HubClient, state: BackfillState) -> None:
    """Capture the lists of `days` once more, until the run stops."""
    for day in days:
        if not state.stop.is_set():
            _capture(state, partial(hub.capture, day))


def _submit_months(
    runner: Runner, days: Sequence[date], hub: HubClient, state: BackfillState
) -> tuple[list[SubmittedStep[None]], queue.SimpleQueue[str]]:
    """Submit a step for each month of `days`; the queue receives each month when its step ends, however it ends."""
    steps: list[SubmittedStep[None]] = []
    ended: queue.SimpleQueue[str] = queue.SimpleQueue()
    for month, days_of_month in groupby(days, month_of):
        step = runner.submit(month, capture_month, list(days_of_month), hub, state)
        step.add_done_callback(partial(_put, ended, month))
        steps.append(step)
    return steps, ended


def _put(ended: queue.SimpleQueue[str], month: str, _step: object) -> None:
    ended.put(month)


def capture_month(days: Sequence[date], hub: HubClient, state: BackfillState) -> None:
    """Capture the lists of `days`, until the run stops."""
    for day in days:
        if not state.stop.is_set() and (capture := _capture(state, partial(hub.capture, day))):
            state.listener(1, capture)
            if capture.is_empty and state.empty_weekdays and (row := state.empty_weekdays.add(day)):
                first, last = row
                state.give_up(
                    f"all weekdays from {first} to {last} came with an empty list, so the dates after them were not "
                    "requested: does the Hub have these lists? If they are empty, continue with --allow-empty"
                )


def _capture(state: BackfillState, send: Callable[[], CaptureResult]) -> CaptureResult | None:
    """Capture once. If the source is failing or unreachable, the run sends no more requests."""
    try:
        capture = send()
    except Interrupted:
        return None
    except ClockMismatch as error:
        state.clock_error = error
        state.stop.set()
        return None
    except SourceUnreachable as error:
        state.give_up(str(error))
        return None
    if capture.status_code in GIVE_UP_STATUSES:
        state.give_up(
            f"the Hub answered with status {capture.status_code}, so the dates after it were not requested; "
            "the next run requests them before this one"
        )
    return capture


def _finish_interrupted(
    hub: HubClient, state: BackfillState, dates: Sequence[date], run: Run, validator: Validator
) -> Iterator[PartitionResult]:
    """Resume the captures that an interrupted run left incomplete, and publish the answers in the inbox."""
    dates_of_run = set(dates)
    months = waiting_months(hub.lake)
    for month in months:
        for capture in interrupted_captures(hub.lake, month, hub.clock.started_at):
            if capture.listed_on in dates_of_run and not state.stop.is_set():
                _capture(state, partial(hub.capture, capture.listed_on, capture))
    if state.clock_error:
        raise state.clock_error
    if months:
        log.info("publishing answers of an earlier run: %s", ", ".join(months))
        yield from publish_months(hub.lake, months, run=run, validator=validator)


def _ended_months(ended: queue.SimpleQueue[str], count: int) -> Iterator[list[str]]:
    """Wait for `count` months; yield all that have ended by now, because validating several at once costs less."""
    while count:
        months = [ended.get()]
        with suppress(queue.Empty):
            while True:
                months.append(ended.get_nowait())
        count -= len(months)
        yield sorted(set(months))
