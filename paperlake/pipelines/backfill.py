"""The backfill pipeline: years of dates, month by month, as trustworthy as one morning."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import groupby

from paperlake.build.publish import Published, publish_months, waiting_months
from paperlake.clock import ClockWrong
from paperlake.ingest.coverage import in_turn
from paperlake.ingest.dates import dates_between, wanting
from paperlake.ingest.hub import GIVE_UP, PATIENCE_BY_HAND, PATIENCE_SCHEDULED, Captured, HubClient, hub_client, log
from paperlake.ingest.hub_resume import unfinished
from paperlake.monitoring.run_report import Report, known_before, report
from paperlake.pipelines.progress import DatesListener, tell_dates
from paperlake.pipelines.runner import RunContext, Submitted
from paperlake.pipelines.validator_import import judge_imported_meanwhile
from paperlake.quality.validation_log import Run
from paperlake.sources.answer import SourceUnreachable
from paperlake.store.lake import MONTH_FORM
from paperlake.store.snapshot import snapshot
from schemas.calendar import newest_closed_date


class Interrupted(Exception):
    """The run was told to stop."""


@dataclass(slots=True)
class Errand:
    """One backfill under way: what its tasks share."""

    listener: DatesListener
    stop: threading.Event = field(default_factory=threading.Event)
    ended: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    problems: list[str] = field(default_factory=list)
    clock_fault: ClockWrong | None = None
    """Ends the run: nothing that is judged by a wrong clock is right."""

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the end of the run. Raises Interrupted."""
        if self.stop.wait(seconds):
            raise Interrupted

    def give_up(self, why: str) -> None:
        """Leave the source alone from now on."""
        if not self.stop.is_set():
            self.problems.append(why)
        self.stop.set()


def backfill(context: RunContext, first: date, last: date | None = None, *, refresh: bool = False) -> Report:
    """Capture and publish every date from `first` to `last` (the newest closed one) that has no final answer.

    With `refresh` also those that have one. What a dead run left is resumed. The report tells the problems of a run
    that published all it could. Raises DateNotOpen and ClockWrong.
    """
    settings, start, runner = context.settings, context.start, context.runner
    clock, lake = start.clock, settings.lake
    dates = dates_between(first, last or newest_closed_date(clock.started_at), clock.started_at)
    errand = Errand(tell_dates)
    run = Run(f"backfill {runner.run_name}", clock.started_at)
    patience = PATIENCE_SCHEDULED if start.is_scheduled else PATIENCE_BY_HAND
    published: list[Published] = []
    asked: list[Submitted[None]] = []
    with judge_imported_meanwhile(), hub_client(settings, clock, patience, sleep=errand.sleep) as asking:
        try:
            published += _finish(asking, errand, dates)
            before = known_before(lake, dates)
            wanted = dates if refresh else sorted(wanting(snapshot(lake).manifest, dates[0], dates[-1]))
            errand.listener(len(dates) - len(wanted), None)
            for in_this_round in in_turn(lake, wanted):
                months = groupby(in_this_round, lambda day: day.strftime(MONTH_FORM))
                submitted = [
                    runner.submit(month, capture_month, month, list(days), asking, errand) for month, days in months
                ]
                asked += submitted
                for ended in _as_they_end(errand, len(submitted)):
                    if errand.clock_fault:
                        raise errand.clock_fault
                    published += publish_months(lake, ended, run=run)
            for one in asked:
                one.result()
        finally:
            errand.stop.set()
            for one in asked:  # the page in flight is still kept
                one.wait()
    faults = [str(done.fault) for done in published if done.fault is not None]
    outcome = report(lake, before, dates, published, [*errand.problems, *faults], run)
    runner.show_table("backfill-months", outcome.months(), outcome.summary)
    return outcome


def capture_month(month: str, days: Sequence[date], asking: HubClient, run: Errand) -> None:
    """Keep what the Hub says of `days`, all of `month`, until the run stops."""
    try:
        for day in days:
            if not run.stop.is_set() and (captured := _capture(run, partial(asking.capture, day))):
                run.listener(1, captured)
    finally:
        run.ended.put(month)


def _capture(run: Errand, capture: Callable[[], Captured]) -> Captured | None:
    """Capture once. A source that is unwell, or cannot be reached, is left alone for the rest of the run."""
    try:
        captured = capture()
    except Interrupted:
        return None
    except ClockWrong as wrong:
        run.clock_fault = wrong
        run.stop.set()
        return None
    except SourceUnreachable as unreachable:
        run.give_up(str(unreachable))
        return None
    if captured.status_code in GIVE_UP:
        run.give_up(
            f"the Hub answered with status {captured.status_code}; the dates after it were not asked for; "
            "the next run asks for them before it asks for this one again"
        )
    return captured


def _finish(asking: HubClient, run: Errand, dates: Sequence[date]) -> Iterator[Published]:
    """Go on with the captures that a dead run left unfinished, and publish what it left waiting."""
    wanted = set(dates)
    waiting = waiting_months(asking.lake)
    for month in waiting:
        for rest in unfinished(asking.lake, month, asking.clock.started_at):
            if rest.listed_on in wanted and not run.stop.is_set():
                _capture(run, partial(asking.capture, rest.listed_on, rest))
    if run.clock_fault:
        raise run.clock_fault
    if waiting:
        log.info("publishing what was left waiting: %s", ", ".join(waiting))
        yield from publish_months(asking.lake, waiting)


def _as_they_end(run: Errand, count: int) -> Iterator[list[str]]:
    """The months whose capture has ended, each time as many as have meanwhile: judged together they cost less."""
    while count:
        months = [run.ended.get()]
        with suppress(queue.Empty):
            while True:
                months.append(run.ended.get_nowait())
        count -= len(months)
        yield sorted(set(months))
