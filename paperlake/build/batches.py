"""Build jobs, run by the workers a little ahead of the validation and the commit of their results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice

from paperlake.build.partition import StagedMonths
from paperlake.build.workers import WORKERS, is_worker_process
from paperlake.errors import PaperlakeError
from paperlake.quality.column_profile import merge_profiles
from paperlake.store.journal import JournalDamaged
from paperlake.store.manifest import ManifestUnreadable
from paperlake.store.publish import FileDamaged, LakeBusy
from transforms.hub.database import use_one_thread

BATCH_MONTHS = 400
BATCH_ROWS = 200_000
"""A batch is validated and committed together, up to this many months or rows: most months of routed tables are small.
It bounds what validation holds in memory, and what has to be built again after a kill."""
GROUP_MONTHS = 120
"""The most months that are built together."""
SHARED_FROM_MONTHS = 8
"""Fewer small months are built by one worker: what two of them save, their fixed costs take."""
AHEAD = 8 * WORKERS
"""The most months that are being built, or wait for validation, at a time."""


class WorkerDied(PaperlakeError):
    """A process that builds months ended without a result; most often the machine had no memory left."""


MONTH_FAULTS = (LakeBusy, FileDamaged, JournalDamaged, ManifestUnreadable)
"""What can keep a month from being built. Its captures stay where they are."""

Build = Callable[[Sequence[str]], StagedMonths]
"""Builds some months; it is pickled, for some workers are other processes. A month that is current has no result."""


@dataclass(frozen=True, slots=True)
class BuiltMonths:
    """The result of a build job: staged months with their column profiles, and by month what prevented the others."""

    staged: StagedMonths
    faults: Mapping[str, Exception] = field(default_factory=dict)


def submit(workers: Executor, months: Sequence[str], build: Build) -> Future[BuiltMonths]:
    """Build some months together on one of the workers."""
    return workers.submit(_run, tuple(months), build)


def result_of(future: Future[BuiltMonths]) -> BuiltMonths:
    """The result, once it is there. Raises WorkerDied."""
    try:
        return future.result()
    except BrokenProcessPool as died:
        raise WorkerDied(
            "a process that builds months was ended from outside, most likely because the machine ran out of memory; "
            "nothing is lost: try again, or build fewer months at a time (--month)"
        ) from died


def groups(sizes: Mapping[str, int], most: int, most_months: int | None = None) -> list[tuple[str, ...]]:
    """Split months into groups, in their order: each group is as large as `most` allows, or one larger month.

    `sizes` gives the months with their sizes, in any unit.
    """
    parts: list[list[str]] = []
    total = 0
    for month, size in sizes.items():
        if not parts or total + size > most or len(parts[-1]) == (most_months or GROUP_MONTHS):
            parts.append([])
            total = 0
        parts[-1].append(month)
        total += size
    return [tuple(part) for part in parts]


def shared_groups(sizes: Mapping[str, int], most: int) -> list[tuple[str, ...]]:
    """`groups`, but not so large that a worker has nothing to do."""
    if len(sizes) < SHARED_FROM_MONTHS:
        return groups(sizes, most)
    return groups(sizes, min(most, -(-sum(sizes.values()) // WORKERS)))


def batches(workers: Executor, jobs: Iterable[Sequence[str]], build: Build) -> Iterator[list[BuiltMonths]]:
    """The results of building groups of months, in their order, in batches; later groups are built meanwhile.

    Raises WorkerDied.
    """
    waiting, ahead = iter(jobs), deque[Future[BuiltMonths]]()
    batch: list[BuiltMonths] = []
    months = rows = 0
    while True:
        ahead.extend(submit(workers, group, build) for group in islice(waiting, AHEAD - len(ahead)))
        if not ahead:
            break
        built = result_of(ahead.popleft())
        batch.append(built)
        months += len(built.staged.months)
        rows += sum(entry.rows for month in built.staged.months for entry in month.files.entries.values())
        if months >= BATCH_MONTHS or rows >= BATCH_ROWS:
            yield batch
            batch, months, rows = [], 0, 0
    if batch:
        yield batch


def _run(months: Sequence[str], build: Build) -> BuiltMonths:
    if is_worker_process():
        use_one_thread()
    try:
        return BuiltMonths(build(months))
    except MONTH_FAULTS as fault:
        if len(months) == 1:
            return BuiltMonths(StagedMonths(()), {months[0]: fault})
    # One month must not keep back the others, so each is built alone.
    alone = [_run([month], build) for month in months]
    staged = StagedMonths(
        [month for part in alone for month in part.staged.months],
        merge_profiles(part.staged.profiles for part in alone),
    )
    return BuiltMonths(staged, {month: fault for part in alone for month, fault in part.faults.items()})
