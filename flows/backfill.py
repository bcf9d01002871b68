"""The backfill flow: years of dates, month by month, as trustworthy as one morning."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from itertools import groupby
from typing import Any, cast

from prefect import flow, runtime, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from flows.build import Published, publish_months, waiting_months
from flows.capture import GIVE_UP, PATIENCE_BY_HAND, PATIENCE_SCHEDULED, Asking, Captured, asking_hub, log
from flows.clock import ClockWrong, newest_closed_date
from flows.deployed_run import begin
from flows.gaps import in_turn
from flows.ledger import ALONE, Run
from flows.plan import dates_between, wanting
from flows.report import Report, RunHadProblems, known_before, report
from flows.settings import settings
from flows.unfinished import unfinished
from sources.answer import SourceUnreachable
from store.lake import MONTH_FORM
from store.snapshot import snapshot

MONTHS_AT_ONCE = 3
"""While one month waits for its turn to ask, others are read and published."""

Listener = Callable[[int, Captured | None], None]
"""Hears of dates that need asking for no more, and what the capture of the last of them came to."""


class Interrupted(Exception):
    """The run was told to stop."""


@dataclass(slots=True)
class Errand:
    """One backfill under way: what its tasks share."""

    listener: Listener
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


_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let `listener` hear how the backfills in this block get on; a flow takes no functions as parameters."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def _tell_all(count: int, captured: Captured | None) -> None:
    for listener in _listeners:
        listener(count, captured)


@flow(name="backfill", task_runner=cast("Any", ThreadPoolTaskRunner(max_workers=MONTHS_AT_ONCE)))
def backfill(
    start: date,
    end: date | None = None,
    refresh: bool = False,  # noqa: FBT001, FBT002 - a parameter of a deployment
    now: datetime | None = None,
) -> Report:
    """Capture and publish every date from `start` to `end` (the newest closed one) that has no final answer.

    With `refresh` also those that have one. What a dead run left is gone on with. `now` simulates another start.
    Raises DateNotOpen, ClockWrong, and RunHadProblems when all that could be published is.
    """
    said = settings()
    begun = begin(said.state, now)
    clock = begun.clock
    dates = dates_between(start, end or newest_closed_date(clock.started_at), clock.started_at)
    run = Errand(_tell_all)
    told_as = Run(f"backfill {runtime.flow_run.name or ALONE}", clock.started_at)
    patience = PATIENCE_SCHEDULED if begun.is_scheduled else PATIENCE_BY_HAND
    published: list[Published] = []
    asked: list[PrefectFuture[None]] = []
    with asking_hub(said, clock, patience, sleep=run.sleep) as asking:
        try:
            published += _finish(asking, run, dates)
            before = known_before(said.lake, dates)
            wanted = dates if refresh else sorted(wanting(snapshot(said.lake).manifest, dates[0], dates[-1]))
            run.listener(len(dates) - len(wanted), None)
            for in_this_round in in_turn(said.lake, wanted):
                months = groupby(in_this_round, lambda day: day.strftime(MONTH_FORM))
                submitted = [capture_month.submit(month, list(days), asking, run) for month, days in months]
                asked += submitted
                for ended in _as_they_end(run, len(submitted)):
                    if run.clock_fault:
                        raise run.clock_fault
                    published += publish_months(said.lake, ended, run=told_as)
            for one in asked:
                one.result()
        finally:
            run.stop.set()
            for one in asked:  # the page in flight is still kept
                one.wait()
    faults = [str(done.fault) for done in published if done.fault is not None]
    outcome = report(said.lake, before, dates, published, [*run.problems, *faults], told_as)
    create_table_artifact(key="backfill-months", table=outcome.months(), description=outcome.summary)
    if outcome.problems:
        raise RunHadProblems(outcome)
    return outcome


@task(task_run_name="{month}", cache_policy=NO_CACHE)
def capture_month(month: str, days: Sequence[date], asking: Asking, run: Errand) -> None:
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


def _finish(asking: Asking, run: Errand, dates: Sequence[date]) -> Iterator[Published]:
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
