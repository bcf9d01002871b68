"""The harvest flow: what arXiv has changed since the last one, reconciled and published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

import polars as pl
from prefect import flow, runtime, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from digests.counts import many
from flows.asking_arxiv import asking_arxiv
from flows.build import MONTH_FAULTS, Published, publish_months, waiting_months
from flows.capture import PATIENCE_BY_HAND, PATIENCE_SCHEDULED, Patience, log
from flows.clock import RunClock
from flows.deployed_run import begin
from flows.harvesting import Harvest, HarvestFailed, Heard, Verdict, Window, harvested
from flows.ledger import ALONE, Run
from flows.resuming import unfinished_harvest
from flows.settings import Settings, settings
from schemas.arxiv_papers import ARXIV_PAPERS
from schemas.harvests import HARVESTS
from sources.answer import SourceUnreachable
from store.inbox import Value, keep
from store.lake import Lake, part_name
from store.rows import scan
from store.snapshot import read_whole

OVERLAP = timedelta(days=1)
"""Asked for again: a datestamp is a day, and the last day of a harvest was not over."""


@dataclass(frozen=True, slots=True)
class Harvested:
    """What a harvest came to. With `problems` it has failed, but what was answered is kept and published."""

    window: Window
    verdict: Verdict
    page_count: int
    record_count: int
    fetched_count: int
    missing_count: int
    changed: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def months(self) -> int:
        """The months of papers that changed."""
        folder = part_name(ARXIV_PAPERS.name, "").partition("month=")[0]
        return sum(name.startswith(folder) for name in self.changed)

    @property
    def summary(self) -> str:
        """The harvest in one line."""
        singly = f", {self.fetched_count} of them found only by reconciling" if self.fetched_count else ""
        missing = f", {self.missing_count} missing" if self.missing_count else ""
        months = f"{many(self.months, 'month')} of papers changed" if self.months else "no paper changed"
        return (
            f"{self.window}: {self.verdict.replace('_', ' ')}; {self.record_count} records in {self.page_count} answers"
            f"{singly}{missing}; {months}"
        )


class HarvestHadProblems(Exception):
    """Something that a person should know of; what could be published was. The outcome is in `outcome`."""

    def __init__(self, outcome: Harvested) -> None:
        """Say the problems."""
        super().__init__("; ".join(outcome.problems))
        self.outcome = outcome


_listeners: list[Heard] = []


@contextmanager
def listening(listener: Heard) -> Iterator[None]:
    """Let `listener` hear how the harvests in this block get on; a flow takes no functions as parameters."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@flow(name="harvest")
def harvest(
    set_spec: str | None = None, since: date | None = None, until: date | None = None, now: datetime | None = None
) -> Harvested:
    """Harvest what arXiv has changed in a set (all where None) and publish it.

    Without `since` it begins a day before the last complete harvest of the set. Where there is none, it begins at
    arXiv's beginning, or if it is scheduled, with yesterday. A harvest that was interrupted is gone on with. `now`
    simulates another start. Raises HarvestHadProblems when all that could be published is, and HarvestUnderWay.
    """
    said = settings()
    begun = begin(said.state, now)
    clock = begun.clock
    patience = PATIENCE_SCHEDULED if begun.is_scheduled else PATIENCE_BY_HAND
    window = Window(set_spec, since or next_day(said.lake, set_spec), until)
    if window.since is None and begun.is_scheduled:
        # A schedule must not ask for everything, which takes hours, because nobody told it not to.
        window = Window(set_spec, clock.started_at.date() - OVERLAP, until)
    elif window.since is None:
        log.warning("nothing was harvested yet: this asks for everything. `papers import-arxiv` is far faster")
    work, verdict, problem = fetch(said, clock, patience, window)
    keep(said.lake, HARVESTS, _row(work, verdict, problem, clock.now()))
    published, faults = _published(said.lake, Run(f"harvest {runtime.flow_run.name or ALONE}", clock.started_at))
    outcome = Harvested(
        window=window,
        verdict=verdict,
        page_count=work.pages,
        record_count=work.held.height,
        fetched_count=work.fetched,
        missing_count=work.missing,
        changed=tuple(name for done in published for name in done.changed),
        problems=(*([problem] if problem else []), *faults),
    )
    create_markdown_artifact(key="harvest-summary", markdown=f"# {outcome.summary}\n", description=outcome.summary)
    if outcome.problems:
        raise HarvestHadProblems(outcome)
    return outcome


@task(task_run_name="fetch", cache_policy=NO_CACHE)
def fetch(said: Settings, clock: RunClock, patience: Patience, window: Window) -> tuple[Harvest, Verdict, str | None]:
    """Ask arXiv until two lists agree; gives what came of it, and what was wrong. Raises HarvestUnderWay."""
    with asking_arxiv(said, clock, patience) as asking:
        began, rest = unfinished_harvest(said.lake, window, clock.started_at) or (clock.started_at, None)
        work = Harvest(window, began)
        if rest is not None:
            log.info("going on with the harvest of %s: %d answers are kept", began, rest.pages)
        try:
            verdict = harvested(asking, work, _heard, rest)
        except (HarvestFailed, SourceUnreachable) as fault:
            return work, "partial" if work.held.height else "failed", str(fault)
    if verdict != "partial":
        return work, verdict, None
    return work, verdict, f"two lists made one after the other never agreed ({_doubt(work)}); harvest again later"


def _doubt(work: Harvest) -> str:
    if work.missing:
        return f"{work.missing} records are missing"
    if work.unlisted:
        return f"{work.unlisted} papers whose records were told are not on the list"
    return "the lists go on changing"


@task(task_run_name="publish", cache_policy=NO_CACHE)
def publish(lake: Lake, months: list[str], run: Run) -> list[Published]:
    """Fold, build, judge and publish `months` and what is gathered from them. Raises what `MONTH_FAULTS` lists."""
    return list(publish_months(lake, months, run=run))


def _published(lake: Lake, run: Run) -> tuple[list[Published], list[str]]:
    try:
        published = publish(lake, waiting_months(lake), run)
    except MONTH_FAULTS as fault:
        return [], [str(fault)]
    return published, [str(done.fault) for done in published if done.fault is not None]


def next_day(lake: Lake, set_spec: str | None) -> date | None:
    """Where to begin: a day before the server's clock at the last harvest that covers the set; None without one."""
    covers = pl.col("set_spec").is_null() | (pl.col("set_spec") == (set_spec or ""))
    is_whole = pl.col("verdict").is_in(["complete", "confirmed_empty"]) & pl.col("until_on").is_null()
    newest = read_whole(
        lake,
        lambda seen: (
            scan(seen, HARVESTS).filter(covers, is_whole).select(pl.col("responded_at").max()).collect().item()
        ),
    )
    return cast("datetime", newest).date() - OVERLAP if newest else None


def _row(work: Harvest, verdict: Verdict, problem: str | None, ended_at: datetime) -> dict[str, Value]:
    return {
        "harvested_on": work.began.date(),
        "harvest_started_at": work.began,
        "ended_at": ended_at,
        "set_spec": work.window.set_spec,
        "from_on": work.window.since,
        "until_on": work.window.until,
        "verdict": verdict,
        "responded_at": work.responded_at,
        "page_count": work.pages,
        "record_count": work.held.height,
        "fetched_count": work.fetched,
        "missing_count": work.missing,
        "reason": problem,
    }


def _heard(work: Harvest) -> None:
    for listener in _listeners:
        listener(work)
