"""Publish months: collect their evidence, build, validate, and commit what stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from paperlake.build import monthly, routed, windowed
from paperlake.build.batches import MONTH_FAULTS, Build, Built, batches, result_of, submit
from paperlake.build.partition import BuildOptions, InputHashes, StagedMonth
from paperlake.build.results import PartitionResult, Published
from paperlake.build.validation import MonthRefused, broken_months, refused_captures
from paperlake.build.workers import start_workers
from paperlake.quality.validation_log import Run, record, start_run
from paperlake.quality.validator import Validator
from paperlake.store import inbox
from paperlake.store.lake import Lake, part_name
from paperlake.store.publish import Writer, merge_staged, open_writer
from paperlake.store.snapshot import snapshot
from schemas.hub_replies import HUB_REPLIES
from schemas.table import Table
from transforms.graph import DERIVED, EVIDENCE, FROM_EVIDENCE, NOTHING_REFUSED

EVIDENCE_BATCH_MONTHS = 14
"""Validated together: the cost of validation hardly grows with the months, but none of them is published before it."""

PUBLISH_FAULTS = (MonthRefused, *MONTH_FAULTS)
"""What can keep a month from being published. Its captures stay where they are."""

Collect = Callable[[str], monthly.Evidence | None]
"""Gives the evidence of a month; None leaves the month as it is."""


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What all steps of one publish share. Without a `validator` nothing is validated."""

    writer: Writer
    options: BuildOptions
    workers: Executor
    validator: Validator | None
    run: Run


def waiting_months(lake: Lake) -> list[str]:
    """The months that have evidence in the inbox, oldest first."""
    return sorted({month for table in EVIDENCE for month in inbox.waiting_months(lake, table)})


def publish_month(lake: Lake, month: str, *, force: bool = False, run: Run | None = None) -> Published:
    """Publish what waits for `month`, and everything that it changes. Raises what `PUBLISH_FAULTS` lists.

    `force` also builds what is current; the result should not differ.
    """
    published = Published.of(publish_months(lake, [month], force=force, run=run))
    for fault in published.faults:
        raise fault
    return published


def publish_months(  # noqa: PLR0913 - what to build, how, and for which run
    lake: Lake,
    months: Sequence[str],
    *,
    force: bool = False,
    only: Collection[Table] = DERIVED,
    validator: Validator | None = None,
    is_validated: bool = True,
    run: Run | None = None,
) -> Iterator[PartitionResult]:
    """Publish `months`, several at a time, and every windowed or routed partition that they make stale.

    `only` limits which derived tables are built. Findings go to the validation log under the name of `run`, by default
    one that begins now. Only benchmarks go without validation. A month that cannot be published does not keep back the
    others: its partitions have a `fault`. Raises LakeBusy, JournalDamaged, ManifestUnreadable and WorkerDied, which
    concern all months.
    """
    options = BuildOptions(only, force, is_validated)
    with open_writer(lake) as writer, start_workers(_evidence_bytes(lake, months)) as workers:
        validate = (validator or Validator()) if is_validated else None
        context = BuildContext(writer, options, workers, validate, run or start_run("publish"))
        yield from publish_evidence(context, months, partial(monthly.collect_evidence, writer, options))


def publish_evidence(context: BuildContext, months: Sequence[str], collect: Collect) -> Iterator[PartitionResult]:
    """Publish the evidence that `collect` gives for each month, with every table that is built from it."""
    parts = [months[start : start + EVIDENCE_BATCH_MONTHS] for start in range(0, len(months), EVIDENCE_BATCH_MONTHS)]
    # One batch is built while the one before it is validated and committed.
    ahead = deque(_submit_months(context, collect, part) for part in parts[:1])
    windows_built: set[tuple[str, str]] = set()
    for number in range(1, len(parts) + 1):
        ahead.extend(_submit_months(context, collect, later) for later in parts[number : number + 1])
        yield from _publish_evidence_batch(context, [result_of(future) for future in ahead.popleft()], collect)
        to_come = {month for later in parts[number:] for month in later}
        yield from _publish_windows(context, {*months} - to_come, to_come, windows_built)
    if months:
        yield from _publish_routed(context, months)


def _submit_months(context: BuildContext, collect: Collect, months: Sequence[str]) -> list[Future[Built]]:
    return [submit(context.workers, month, _month_job(context, collect, month)) for month in months]


def _month_job(context: BuildContext, collect: Collect, month: str, refused: pl.DataFrame = NOTHING_REFUSED) -> Build:
    return partial(_collect_and_build, context.writer, context.options, collect, month, refused)


def _collect_and_build(
    writer: Writer, options: BuildOptions, collect: Collect, month: str, refused: pl.DataFrame
) -> StagedMonth | None:
    evidence = collect(month)
    return None if evidence is None else monthly.build_month(writer, options, month, evidence, refused)


def _publish_evidence_batch(
    context: BuildContext, results: Sequence[Built], collect: Collect
) -> Iterator[PartitionResult]:
    """Validate months that were built from evidence, and commit each that stands, with its part of the inbox."""
    writer = context.writer
    built = {result.month: result for result in results}
    # Nearly always no capture is refused, so months are built as if none were, and the others a second time.
    again = {
        month: submit(context.workers, month, _month_job(context, collect, month, captures))
        for month, captures in _refused(context, results).items()
    }
    for month, future in again.items():
        if (first := built[month].staged) is not None:
            writer.drop(first.files)
        built[month] = result_of(future)
    broken = _validate(context, [*built.values()])
    for month, result in built.items():
        if result.staged is None:
            tables = [table for table in FROM_EVIDENCE if table in context.options.only] if result.fault else ()
            yield from (_failed(table, month, result.fault) for table in tables if result.fault)
        elif month in broken:
            writer.drop(result.staged.files)
            yield from _month_results(context, result.staged, (), broken[month])
        else:
            changed = writer.commit(result.staged.files, result.staged.folded, thorough=context.options.force)
            yield from _month_results(context, result.staged, changed, None)


def _publish_windows(
    context: BuildContext, touched: Collection[str], to_come: Collection[str], done: set[tuple[str, str]]
) -> Iterator[PartitionResult]:
    """Build, validate and commit the windowed partitions that are stale and not `done`; adds them to `done`."""
    for transform in windowed.transforms_to_run(context.options):
        stale = windowed.stale_months(context.writer, context.options, transform, touched, to_come)
        new = {month: inputs for month, inputs in stale.items() if (transform.table.name, month) not in done}
        done |= {(transform.table.name, month) for month in new}
        build = partial(windowed.build_month, context.writer, context.options, transform)
        yield from _publish_derived(context, transform.downstream, build, new)


def _publish_routed(context: BuildContext, asked: Sequence[str]) -> Iterator[PartitionResult]:
    """Build, validate and commit the routed partitions that are stale, one transform after the other."""
    for transform in routed.transforms_to_run(context.options):
        try:
            stale = routed.stale_months(context.writer, context.options, transform, asked)
        except MONTH_FAULTS as fault:
            yield from (_failed(table, month, fault) for table in transform.downstream for month in asked)
            continue
        build = partial(routed.build_month, context.writer, context.options, transform)
        yield from _publish_derived(context, transform.downstream, build, stale)


def _publish_derived(
    context: BuildContext,
    tables: Sequence[Table],
    build: Callable[[str, InputHashes], StagedMonth],
    stale: Mapping[str, InputHashes],
) -> Iterator[PartitionResult]:
    """Build the stale months of some derived tables; validate and commit them many at once."""
    jobs = ((month, partial(build, month, inputs)) for month, inputs in stale.items())
    for batch in batches(context.workers, jobs):
        broken = _validate(context, batch)
        sound = [result.staged.files for result in batch if result.staged and result.month not in broken]
        changed = context.writer.commit(merge_staged(sound), thorough=context.options.force) if sound else ()
        for result in batch:
            if result.staged and result.month in broken:
                context.writer.drop(result.staged.files)
            fault = result.fault or broken.get(result.month)
            yield from (
                _failed(table, result.month, fault)
                if fault
                else _published(context, table, result.month, changed, result.staged)
                for table in tables
            )


def _refused(context: BuildContext, results: Sequence[Built]) -> Mapping[str, pl.DataFrame]:
    """The captures that validation sets aside, by month."""
    staged = [result.staged for result in results if result.staged]
    if context.validator is None or not any(month.captures.height for month in staged):
        return {}
    return refused_captures(context.validator, staged)


def _validate(context: BuildContext, results: Sequence[Built]) -> Mapping[str, MonthRefused]:
    """The months whose new rows break a declaration. All findings of the batch go to the validation log."""
    staged = [result.staged for result in results if result.staged]
    if context.validator is None or not any(month.profiles or month.captures.height for month in staged):
        return {}
    broken = broken_months(context.validator, staged)
    record(context.writer, context.run, context.validator.take_findings())
    return broken


def _month_results(
    context: BuildContext, staged: StagedMonth, changed: Collection[str], fault: Exception | None
) -> Iterator[PartitionResult]:
    """A result for each partition of a month of evidence, with what was refused or could not be read of it."""
    for table in (*EVIDENCE, *FROM_EVIDENCE):
        is_staged = part_name(table.name, staged.month) in staged.files.entries
        result = _published(context, table, staged.month, changed, staged)
        if is_staged and fault is not None:
            result = replace(result, fault=fault)
        if table is HUB_REPLIES:
            result = replace(result, refused=tuple(staged.refused.rows()))
        if unreadable := staged.unreadable.get(table.name):
            result = replace(result, unreadable=unreadable)
        if is_staged or result.rows or result.refused or result.unreadable:
            yield result


def _published(
    context: BuildContext, table: Table, month: str, changed: Collection[str], staged: StagedMonth | None
) -> PartitionResult:
    entry = context.writer.manifest.entry(table.name, month)
    is_changed = part_name(table.name, month) in changed
    is_revised = is_changed and staged is not None and table in staged.revised
    rows = entry.rows if entry else 0
    return PartitionResult(table.name, month, rows, is_changed=is_changed, is_revised=is_revised)


def _failed(table: Table, month: str, fault: Exception) -> PartitionResult:
    return PartitionResult(table.name, month, fault=fault)


def _evidence_bytes(lake: Lake, months: Sequence[str]) -> int:
    published = snapshot(lake).manifest
    entries = [published.entry(table.name, month) for table in EVIDENCE for month in months]
    return sum(entry.bytes for entry in entries if entry)
