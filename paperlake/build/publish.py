"""Publish months: collect their evidence, build, validate, and commit what stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import polars as pl

from paperlake.build import monthly, routed, windowed
from paperlake.build.batches import MONTH_FAULTS, Build, BuiltMonths, batches, groups, result_of, shared_groups, submit
from paperlake.build.partition import BuildOptions, InputHashes, StagedMonth, StagedMonths
from paperlake.build.results import PartitionResult, Published
from paperlake.build.validation import MonthRefused, broken_months, refused_captures
from paperlake.build.workers import start_workers
from paperlake.quality.column_profile import ColumnProfile, merge_profiles, without_months
from paperlake.quality.validation_log import Run, record, start_run
from paperlake.quality.validator import Validator
from paperlake.store import inbox
from paperlake.store.lake import Lake, part_name
from paperlake.store.publish import Writer, merge_staged, open_writer
from paperlake.store.snapshot import snapshot
from schemas.hub_replies import HUB_REPLIES
from schemas.table import Table
from transforms.graph import DERIVED, EVIDENCE, FROM_EVIDENCE, NOTHING_REFUSED, RoutedTransform, WindowedTransform

EVIDENCE_BATCH_MONTHS = 60
EVIDENCE_BATCH_BYTES = 128 * 2**20
"""Months validated and committed together, by their number and their compressed evidence: the cost of validation hardly
grows with the months, but none of them is published before it."""
EVIDENCE_GROUP_BYTES = 2 * 2**20
GROUP_ROWS = 50_000
"""Months built together, by their compressed evidence or their rows: most of what a small month takes is a fixed cost.
Larger groups save little more, take more memory, and leave workers without work."""

PUBLISH_FAULTS = (MonthRefused, *MONTH_FAULTS)
"""What can keep a month from being published. Its captures stay where they are."""

AnyTransform = TypeVar("AnyTransform", WindowedTransform, RoutedTransform)
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
    with open_writer(lake) as writer, start_workers(sum(_evidence_bytes(lake, month) for month in months)) as workers:
        validate = (validator or Validator()) if is_validated else None
        context = BuildContext(writer, options, workers, validate, run or start_run("publish"))
        yield from publish_evidence(context, months, partial(monthly.collect_evidence, writer, options))


def publish_evidence(context: BuildContext, months: Sequence[str], collect: Collect) -> Iterator[PartitionResult]:
    """Publish the evidence that `collect` gives for each month, with every table that is built from it."""
    sizes = {month: _evidence_bytes(context.writer.lake, month) for month in months}
    parts = groups(sizes, EVIDENCE_BATCH_BYTES, EVIDENCE_BATCH_MONTHS)
    build = partial(_collect_and_build, context.writer, context.options, collect, NOTHING_REFUSED)
    # One batch is built while the one before it is validated and committed.
    ahead = deque(_submit_groups(context, part, sizes, build) for part in parts[:1])
    windows_built: set[tuple[str, str]] = set()
    for number in range(1, len(parts) + 1):
        ahead.extend(_submit_groups(context, later, sizes, build) for later in parts[number : number + 1])
        yield from _publish_evidence_batch(context, [result_of(future) for future in ahead.popleft()], collect)
        to_come = {month for later in parts[number:] for month in later}
        yield from _publish_windows(context, {*months} - to_come, to_come, windows_built)
    if months:
        yield from _publish_routed(context, months)


def _submit_groups(
    context: BuildContext, months: Sequence[str], sizes: Mapping[str, int], build: Build
) -> list[Future[BuiltMonths]]:
    together = groups({month: sizes[month] for month in months}, EVIDENCE_GROUP_BYTES)
    return [submit(context.workers, group, build) for group in together]


def _collect_and_build(
    writer: Writer, options: BuildOptions, collect: Collect, refused: pl.DataFrame, months: Sequence[str]
) -> StagedMonths:
    evidence = {month: collect(month) for month in months}
    known = {month: rows for month, rows in evidence.items() if rows is not None}
    return monthly.build_months(writer, options, known, refused)


def _publish_evidence_batch(
    context: BuildContext, results: Sequence[BuiltMonths], collect: Collect
) -> Iterator[PartitionResult]:
    """Validate months that were built from evidence, and commit those that stand, with their part of the inbox."""
    writer, options = context.writer, context.options
    staged = {month.month: month for result in results for month in result.staged.months}
    faults = {month: fault for result in results for month, fault in result.faults.items()}
    profiles = merge_profiles(result.staged.profiles for result in results)
    # Nearly always no capture is refused, so months are built as if none were, and the others a second time.
    refused = _refused(context, [*staged.values()])
    again = {
        month: submit(context.workers, [month], partial(_collect_and_build, writer, options, collect, captures))
        for month, captures in refused.items()
    }
    for month, future in again.items():
        writer.drop(staged.pop(month).files)
        result = result_of(future)
        staged |= {each.month: each for each in result.staged.months}
        faults |= result.faults
        others = {table: without_months(profile, [month]) for table, profile in profiles.items()}
        profiles = merge_profiles([others, result.staged.profiles])
    broken = _validate(context, [*staged.values()], profiles)
    changed = _commit(context, [*staged.values()], broken)
    for month in sorted({*staged, *faults}):
        if month in staged:
            yield from _month_results(context, staged[month], changed, broken.get(month))
        else:
            tables = [table for table in FROM_EVIDENCE if table in options.only]
            yield from (_failed(table, month, faults[month]) for table in tables)


def _publish_windows(
    context: BuildContext, touched: Collection[str], to_come: Collection[str], done: set[tuple[str, str]]
) -> Iterator[PartitionResult]:
    """Build, validate and commit the windowed partitions that are stale and not `done`; adds them to `done`."""
    for transform in windowed.transforms_to_run(context.options):
        stale = windowed.stale_months(context.writer, context.options, transform, touched, to_come)
        new = {month: inputs for month, inputs in stale.items() if (transform.table.name, month) not in done}
        done |= {(transform.table.name, month) for month in new}
        sizes = windowed.row_counts(context.writer, transform, new)
        build = partial(_build_stale, windowed.build_months, context.writer, context.options, transform, new)
        yield from _publish_derived(context, transform.downstream, sizes, build)


def _publish_routed(context: BuildContext, asked: Sequence[str]) -> Iterator[PartitionResult]:
    """Build, validate and commit the routed partitions that are stale."""
    for transform in routed.transforms_to_run(context.options):
        try:
            stale = routed.stale_months(context.writer, context.options, transform, asked)
        except MONTH_FAULTS as fault:
            yield from (_failed(table, month, fault) for table in transform.downstream for month in asked)
            continue
        sizes = routed.row_counts(context.writer, transform, stale)
        build = partial(_build_stale, routed.build_months, context.writer, context.options, transform, stale)
        yield from _publish_derived(context, transform.downstream, sizes, build)


def _build_stale(  # noqa: PLR0913, PLR0917 - what `build_months` takes
    build_months: Callable[[Writer, BuildOptions, AnyTransform, Mapping[str, InputHashes]], StagedMonths],
    writer: Writer,
    options: BuildOptions,
    transform: AnyTransform,
    stale: Mapping[str, InputHashes],
    months: Sequence[str],
) -> StagedMonths:
    return build_months(writer, options, transform, {month: stale[month] for month in months})


def _publish_derived(
    context: BuildContext, tables: Sequence[Table], sizes: Mapping[str, int], build: Build
) -> Iterator[PartitionResult]:
    """Build months of some derived tables; validate and commit them many at once. `sizes` are about their rows."""
    for batch in batches(context.workers, shared_groups(sizes, GROUP_ROWS), build):
        staged = [month for result in batch for month in result.staged.months]
        faults = {month: fault for result in batch for month, fault in result.faults.items()}
        broken = _validate(context, staged, merge_profiles(result.staged.profiles for result in batch))
        changed = _commit(context, staged, broken)
        built = {month.month: month for month in staged}
        for month in sorted({*built, *faults}):
            fault = faults.get(month) or broken.get(month)
            yield from (
                _failed(table, month, fault) if fault else _published(context, table, month, changed, built[month])
                for table in tables
            )


def _refused(context: BuildContext, staged: Sequence[StagedMonth]) -> Mapping[str, pl.DataFrame]:
    """The captures that validation sets aside, by month."""
    if context.validator is None or not any(month.captures.height for month in staged):
        return {}
    return refused_captures(context.validator, staged)


def _validate(
    context: BuildContext, staged: Sequence[StagedMonth], profiles: Mapping[Table, ColumnProfile]
) -> Mapping[str, MonthRefused]:
    """The months whose new rows break a declaration. All findings of the batch go to the validation log."""
    if context.validator is None or not (profiles or any(month.captures.height for month in staged)):
        return {}
    broken = broken_months(context.validator, profiles)
    record(context.writer, context.run, context.validator.take_findings())
    return broken


def _commit(context: BuildContext, staged: Sequence[StagedMonth], broken: Collection[str]) -> Collection[str]:
    """Publish the months that stand, all at once, and drop the `broken` ones. Returns the names of changed files."""
    writer = context.writer
    for month in staged:
        if month.month in broken:
            writer.drop(month.files)
    sound = [month for month in staged if month.month not in broken]
    if not sound:
        return ()
    folded = tuple(path for month in sound for path in month.folded)
    return writer.commit(merge_staged([month.files for month in sound]), folded, thorough=context.options.force)


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


def _evidence_bytes(lake: Lake, month: str) -> int:
    """The compressed evidence of a month, published and waiting."""
    published = snapshot(lake).manifest
    entries = [published.entry(table.name, month) for table in EVIDENCE]
    waiting = sum(inbox.waiting_bytes(lake, table, month) for table in EVIDENCE)
    return sum(entry.bytes for entry in entries if entry) + waiting
