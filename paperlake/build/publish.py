"""Months from kept answers to published tables: fold, read, judge, publish."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from itertools import islice
from typing import Protocol

import polars as pl

from paperlake.build import routed as gatherings
from paperlake.build.partition import BuildOptions, Evidence, Prepared, gathered, prepared
from paperlake.build.windowed import due, followed
from paperlake.build.workers import BUILDERS, builders, has_core_of_its_own
from paperlake.errors import PaperlakeError
from paperlake.quality.finding import Finding
from paperlake.quality.validation_log import Run, record, this_run
from paperlake.store import inbox
from paperlake.store.journal import JournalDamaged
from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.manifest import ManifestUnreadable
from paperlake.store.publish import FileDamaged, LakeBusy, Writer, merge_staged, open_writer
from paperlake.store.snapshot import snapshot
from schemas.catalogue import TABLES
from schemas.table import Table
from transforms.graph import DERIVED, EVIDENCE, NOTHING_REFUSED, ROUTED
from transforms.hub.answers import use_one_thread

BATCH_MONTHS = 14
"""Judged together: what the judge costs hardly grows with the months, but they are published only after it."""

BATCH_FURTHER = 120
BATCH_FURTHER_ROWS = 200_000
"""So many months, or so many rows, of what is made of published tables are judged together: most months of what is
gathered are small. It bounds what the judge holds in memory, and what a kill makes us build again."""
AHEAD = 8 * BUILDERS
"""So many months are being built, or wait to be judged, at a time."""


class MonthRefused(PaperlakeError):
    """A built month breaks its own declaration: a fault of ours. Nothing of it was published or lost."""


class BuilderDied(PaperlakeError):
    """A process that built months ended without a word; most often the machine had no memory left."""


MONTH_FAULTS = (MonthRefused, LakeBusy, FileDamaged, JournalDamaged, ManifestUnreadable)
"""What can keep a month from being published. What was captured of it stays kept."""


Job = Callable[[], Prepared | Exception | None]
"""What a builder does for a month. It can be pickled, for some builders are other processes."""


class Judge(Protocol):
    """Who stands between build and publish: `quality.judge`."""

    def findings(self, table: Table, told: Sequence[pl.DataFrame]) -> Sequence[Finding]:
        """What became of every expectation in months of a table."""

    def stopped(self, captures: pl.DataFrame) -> Stopped:
        """The captures to set aside."""


class Stopped(Protocol):
    """Captures (listed_on, captured_at, message) to set aside, and what was found of all."""

    @property
    def captures(self) -> pl.DataFrame:
        """Those to set aside."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What was found."""


def great_expectations() -> Judge:
    """The judge of every run; importing it takes seconds, which only who builds pays."""
    from paperlake.quality import judge  # noqa: PLC0415

    return judge


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing a month did. With a `fault`, it was not published, or not what is built from it.

    `changed` also names files of other months that are built from this one.
    """

    month: str
    changed: tuple[str, ...] = ()
    refused: tuple[tuple[date, datetime, str], ...] = ()
    unreadable: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    fault: Exception | None = None


def waiting_months(lake: Lake) -> list[str]:
    """The months that have evidence waiting to be folded in, oldest first."""
    return sorted({month for table in EVIDENCE for month in inbox.waiting_months(lake, table)})


def publish_month(lake: Lake, month: str, *, force: bool = False, run: Run | None = None) -> Published:
    """Fold what waits for `month`, and build and publish what that changes. Raises what `MONTH_FAULTS` lists.

    `force` builds it even where inputs and code are those it was built from; what changes then should not have.
    """
    (done,) = publish_months(lake, [month], force=force, run=run)
    if done.fault is not None:
        raise done.fault
    return done


def publish_months(  # noqa: PLR0913 - what, how, and who says so
    lake: Lake,
    months: Sequence[str],
    *,
    force: bool = False,
    only: Collection[Table] = DERIVED,
    judge: Callable[[], Judge] | None = great_expectations,
    run: Run | None = None,
) -> Iterator[Published]:
    """Publish `months` as `publish_month` does, several at a time; of the derived tables only some.

    A month that cannot be published keeps none of the others from it: see its `fault`. What is judged is kept in the
    ledger under the name of `run`, by default one that begins now. Only what measures goes without a `judge`.
    Raises LakeBusy, JournalDamaged and ManifestUnreadable, which concern them all, and BuilderDied.
    """
    work = BuildOptions(only, force, judge is not None)
    with open_writer(lake) as pen, builders(_evidence_bytes(lake, months)) as crew:
        shop = BuildContext(pen, work, crew, judge, run or this_run("publish"))
        yield from publish_evidence(shop, months, partial(gathered, pen, work))


@dataclass(frozen=True, slots=True)
class BuildContext:
    """Where months are built: by whom, how, judged by whom, published and recorded with which pen and in which run."""

    pen: Writer
    work: BuildOptions
    crew: Executor
    judge: Callable[[], Judge] | None
    run: Run


def publish_evidence(
    shop: BuildContext, months: Sequence[str], gather: Callable[[str], Evidence | None]
) -> Iterator[Published]:
    """Publish the evidence that `gather` gives of each month, with what is derived; None leaves a month alone."""
    build = partial(_built, shop.pen, shop.work, gather)
    batches = [months[start : start + BATCH_MONTHS] for start in range(0, len(months), BATCH_MONTHS)]
    # One batch is built while the one before it is judged and committed.
    ahead = deque((batch, [shop.crew.submit(build, month) for month in batch]) for batch in batches[:1])
    done: set[str] = set()
    for number, later in enumerate([*batches[1:], ()], 1):
        ahead.append((later, [shop.crew.submit(build, month) for month in later]))
        batch, futures = ahead.popleft()
        found = dict(zip(batch, [_result(future) for future in futures], strict=True))
        published = {one.month: one for one in _published(shop, found, build)}
        to_come = {month for months in batches[number:] for month in months}
        done |= _publish_sequels(shop, published, set(months) - to_come, to_come, done)
        if not to_come:
            _publish_gatherings(shop, published, months)
        yield from published.values()


def _published(
    shop: BuildContext,
    found: dict[str, Prepared | Exception | None],
    build: Callable[[str, pl.DataFrame], Prepared | Exception | None],
) -> Iterator[Published]:
    """Judge the months `found`, and publish what stands."""
    pen, judge = shop.pen, shop.judge() if shop.judge and any(found.values()) else None
    findings: list[Finding] = []
    # Nearly always no capture is refused, so months are built as if none were; the others once more.
    again: dict[str, Future[Prepared | Exception | None]] = {}
    for month, broken in _refused(judge, found, findings).items():
        if isinstance(one := found[month], Prepared):
            pen.drop(one.staged)
        again[month] = shop.crew.submit(build, month, broken)
    found |= {month: _result(future) for month, future in again.items()}
    faults = _unmet(judge, found, findings)
    record(pen, shop.run, findings)
    for month, one in found.items():
        if isinstance(one, Prepared) and month not in faults:
            changed = pen.commit(one.staged, one.folded, thorough=shop.work.force)
            yield Published(month, tuple(changed), tuple(one.refused.rows()), one.unreadable, _rows(pen, month))
        elif isinstance(one, Prepared):
            pen.drop(one.staged)
            yield Published(month, unreadable=one.unreadable, fault=faults[month])
        else:
            yield Published(month, rows=_rows(pen, month), fault=one)


def _publish_sequels(
    shop: BuildContext,
    published: dict[str, Published],
    touched: Collection[str],
    to_come: Collection[str],
    done: set[str],
) -> set[str]:
    """Build, judge and publish what is made of the months `published`, and say so there; gives the months built.

    `touched` are all months of the run until now; what was made of them before is `done`.
    """
    if not published:
        return set()
    months = [month for month in due(shop.pen.manifest, shop.work, touched, to_come) if month not in done]
    _publish_further(shop, published, {month: partial(_followed, shop.pen, shop.work, month) for month in months})
    return set(months)


def _publish_gatherings(shop: BuildContext, published: dict[str, Published], asked: Collection[str]) -> None:
    """Build, judge and publish what is gathered from months of other tables, one table after the other."""
    if not published:
        return
    for gathering in gatherings.wanted(shop.work):
        try:
            inputs = gatherings.due(shop.pen, shop.work, gathering, asked)
        except MONTH_FAULTS as fault:
            last = max(published)
            published[last] = replace(published[last], fault=published[last].fault or fault)
            continue
        build = partial(_gathered, shop.pen, shop.work, ROUTED.index(gathering))
        _publish_further(shop, published, {month: partial(build, month, inputs[month]) for month in inputs})


def _publish_further(shop: BuildContext, published: dict[str, Published], jobs: Mapping[str, Job]) -> None:
    """Do the `jobs` of months, judge and publish them many at once, and say so with the months `published`."""
    for found in _batches(shop.crew, jobs):
        _publish_batch(shop, published, found)


def _batches(crew: Executor, jobs: Mapping[str, Job]) -> Iterator[dict[str, Prepared | Exception | None]]:
    """What came of the jobs, as many at a time as are judged together; the next are done meanwhile."""
    to_do, ahead = iter(jobs.items()), deque[tuple[str, Future[Prepared | Exception | None]]]()
    found: dict[str, Prepared | Exception | None] = {}
    rows = 0
    while True:
        ahead.extend((month, crew.submit(job)) for month, job in islice(to_do, AHEAD - len(ahead)))
        if not ahead:
            break
        month, future = ahead.popleft()
        found[month] = one = _result(future)
        rows += sum(entry.rows for entry in one.staged.entries.values()) if isinstance(one, Prepared) else 0
        if len(found) == BATCH_FURTHER or rows >= BATCH_FURTHER_ROWS:
            yield found
            found, rows = {}, 0
    if found:
        yield found


def _publish_batch(
    shop: BuildContext, published: dict[str, Published], found: Mapping[str, Prepared | Exception | None]
) -> None:
    pen = shop.pen
    is_told = any(one.facts for one in found.values() if isinstance(one, Prepared))
    findings: list[Finding] = []
    faults = _unmet(shop.judge() if shop.judge and is_told else None, found, findings)
    record(pen, shop.run, findings)
    whole = {month: one.staged for month, one in found.items() if isinstance(one, Prepared) and month not in faults}
    changed = set(pen.commit(merge_staged([*whole.values()]), thorough=shop.work.force)) if whole else set()
    for month, one in found.items():
        if isinstance(one, Prepared) and month in faults:
            pen.drop(one.staged)
        fault = one if isinstance(one, Exception) else faults.get(month)
        mine = [name for name in whole[month].entries if name in changed] if month in whole else []
        # A month that was not asked for is told of with the last of those that were.
        told = month if month in published else max(published)
        before = published[told]
        published[told] = replace(
            before, changed=(*before.changed, *mine), fault=before.fault or fault, rows=_rows(pen, told)
        )


def _gathered(
    pen: Writer, work: BuildOptions, number: int, month: str, inputs: gatherings.Inputs
) -> Prepared | Exception:
    """A month of what is gathered, prepared, or what kept it from that."""
    if has_core_of_its_own():
        use_one_thread()
    try:
        return gatherings.gathered(pen, work, number, month, inputs)
    except MONTH_FAULTS as fault:
        return fault


def _followed(pen: Writer, work: BuildOptions, month: str) -> Prepared | Exception | None:
    """What is made of a month and those before it, prepared, or what kept it from that."""
    if has_core_of_its_own():
        use_one_thread()
    try:
        return followed(pen, work, month)
    except MONTH_FAULTS as fault:
        return fault


def _result(future: Future[Prepared | Exception | None]) -> Prepared | Exception | None:
    try:
        return future.result()
    except BrokenProcessPool as died:
        raise BuilderDied(
            "a process that builds months was ended from outside, most likely for want of memory; nothing is lost: "
            "try again, or build fewer months at a time (--month)"
        ) from died


def _built(
    pen: Writer,
    work: BuildOptions,
    gather: Callable[[str], Evidence | None],
    month: str,
    broken: pl.DataFrame = NOTHING_REFUSED,
) -> Prepared | Exception | None:
    """A month, prepared; what kept it from that; or None where there is nothing to do."""
    if has_core_of_its_own():
        use_one_thread()
    try:
        evidence = gather(month)
        return None if evidence is None else prepared(pen, work, month, evidence, broken)
    except MONTH_FAULTS as fault:
        return fault


def _evidence_bytes(lake: Lake, months: Sequence[str]) -> int:
    published = snapshot(lake).manifest
    entries = [published.entry(table.name, month) for table in EVIDENCE for month in months]
    return sum(entry.bytes for entry in entries if entry)


def _refused(
    judge: Judge | None, found: Mapping[str, Prepared | Exception | None], findings: list[Finding]
) -> dict[str, pl.DataFrame]:
    """The captures that the judge sets aside, by month; only of months that have any."""
    captures = [one.captures for one in found.values() if isinstance(one, Prepared) and one.captures.height]
    if judge is None or not captures:
        return {}
    stopped = judge.stopped(pl.concat(captures))
    findings += stopped.findings
    by_month = stopped.captures.with_columns(month=pl.col("listed_on").dt.strftime(MONTH_FORM)).partition_by(
        "month", as_dict=True, include_key=False
    )
    return {str(month): rows for (month,), rows in by_month.items()}


def _unmet(
    judge: Judge | None, found: Mapping[str, Prepared | Exception | None], findings: list[Finding]
) -> dict[str, MonthRefused]:
    """The months that break a declaration. Bytes that are published already were judged when they came."""
    broken: dict[str, list[Finding]] = {}
    for table in DERIVED:
        told = [one.facts[table] for one in found.values() if isinstance(one, Prepared) and table in one.facts]
        judged = judge.findings(table, told) if judge is not None and told else ()
        findings += judged
        for finding in judged:
            if not finding.success:
                broken.setdefault(finding.month, []).append(finding)
    return {
        month: MonthRefused(
            f"{month} was built but not published, for it breaks its own declaration (the answers are kept, nothing "
            "is lost; please report this): " + "; ".join(map(str, unmet[:5]))
        )
        for month, unmet in broken.items()
    }


def _rows(pen: Writer, month: str) -> dict[str, int]:
    published = pen.manifest
    return {name: entry.rows for name in TABLES if (entry := published.entry(name, month))}
