"""The harvest pipeline: what arXiv has changed since the last one, reconciled and published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

import polars as pl

from paperlake.build.publish import MONTH_FAULTS, Published, publish_months, waiting_months
from paperlake.clock import RunClock
from paperlake.config import Settings
from paperlake.ingest.arxiv import arxiv_client
from paperlake.ingest.hub import PATIENCE_BY_HAND, PATIENCE_SCHEDULED, Patience, log
from paperlake.ingest.oai_harvest import Harvest, HarvestFailed, Verdict, Window, harvested
from paperlake.ingest.oai_resume import unfinished_harvest
from paperlake.pipelines.progress import tell_harvest
from paperlake.pipelines.runner import RunContext, Runner
from paperlake.pipelines.validator_import import judge_imported_meanwhile
from paperlake.quality.validation_log import Run
from paperlake.sources.answer import SourceUnreachable
from paperlake.store.inbox import Value, keep
from paperlake.store.lake import Lake, part_name
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_whole
from paperlake.text import many
from schemas.arxiv_papers import ARXIV_PAPERS
from schemas.harvests import HARVESTS

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


def harvest(
    context: RunContext, set_spec: str | None = None, since: date | None = None, until: date | None = None
) -> Harvested:
    """Harvest what arXiv has changed in a set (all where None) and publish it.

    Without `since` it begins a day before the last complete harvest of the set. Where there is none, it begins at
    arXiv's beginning, or if it is scheduled, with yesterday. A harvest that was interrupted is gone on with. The result
    tells the problems of a run that published all it could. Raises HarvestUnderWay and ClockWrong.
    """
    settings, start, runner = context.settings, context.start, context.runner
    clock, lake = start.clock, settings.lake
    patience = PATIENCE_SCHEDULED if start.is_scheduled else PATIENCE_BY_HAND
    window = Window(set_spec, since or next_day(lake, set_spec), until)
    if window.since is None and start.is_scheduled:
        # A schedule must not ask for everything, which takes hours, because nobody told it not to.
        window = Window(set_spec, clock.started_at.date() - OVERLAP, until)
    elif window.since is None:
        log.warning("nothing was harvested yet: this asks for everything. `papers import-arxiv` is far faster")
    with judge_imported_meanwhile():
        work, verdict, problem = runner.run("fetch", fetch, settings, clock, patience, window)
    keep(lake, HARVESTS, _row(work, verdict, problem, clock.now()))
    published, faults = _published(runner, lake, Run(f"harvest {runner.run_name}", clock.started_at))
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
    runner.show_markdown("harvest-summary", f"# {outcome.summary}\n", outcome.summary)
    return outcome


def fetch(
    settings: Settings, clock: RunClock, patience: Patience, window: Window
) -> tuple[Harvest, Verdict, str | None]:
    """Ask arXiv until two lists agree; gives what came of it, and what was wrong. Raises HarvestUnderWay."""
    with arxiv_client(settings, clock, patience) as asking:
        began, rest = unfinished_harvest(settings.lake, window, clock.started_at) or (clock.started_at, None)
        work = Harvest(window, began)
        if rest is not None:
            log.info("going on with the harvest of %s: %d answers are kept", began, rest.pages)
        try:
            verdict = harvested(asking, work, tell_harvest, rest)
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


def publish(lake: Lake, months: list[str], run: Run) -> list[Published]:
    """Fold, build, judge and publish `months` and what is gathered from them. Raises what `MONTH_FAULTS` lists."""
    return list(publish_months(lake, months, run=run))


def _published(runner: Runner, lake: Lake, run: Run) -> tuple[list[Published], list[str]]:
    try:
        published = runner.run("publish", publish, lake, waiting_months(lake), run)
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
