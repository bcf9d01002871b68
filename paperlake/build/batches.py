"""Build jobs, run by the workers a little ahead of the validation and the commit of their results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice

from paperlake.build.partition import StagedMonth
from paperlake.build.workers import WORKERS, is_worker_process
from paperlake.errors import PaperlakeError
from paperlake.store.journal import JournalDamaged
from paperlake.store.manifest import ManifestUnreadable
from paperlake.store.publish import FileDamaged, LakeBusy
from transforms.hub.database import use_one_thread

BATCH_MONTHS = 120
BATCH_ROWS = 200_000
"""A batch is validated and committed together, up to this many months or rows: most months of routed tables are small.
It bounds what validation holds in memory, and what has to be built again after a kill."""
AHEAD = 8 * WORKERS
"""The most months that are being built, or wait for validation, at a time."""


class WorkerDied(PaperlakeError):
    """A process that builds months ended without a result; most often the machine had no memory left."""


MONTH_FAULTS = (LakeBusy, FileDamaged, JournalDamaged, ManifestUnreadable)
"""What can keep a month from being built. Its captures stay where they are."""

Build = Callable[[], StagedMonth | None]
"""Builds a month; it is pickled, for some workers are other processes."""


@dataclass(frozen=True, slots=True)
class Built:
    """The result of a build job: a staged month, the fault that prevented it, or neither where nothing was stale."""

    month: str
    staged: StagedMonth | None = None
    fault: Exception | None = None


def submit(workers: Executor, month: str, build: Build) -> Future[Built]:
    """Build a month on one of the workers."""
    return workers.submit(_run, month, build)


def result_of(future: Future[Built]) -> Built:
    """The result, once it is there. Raises WorkerDied."""
    try:
        return future.result()
    except BrokenProcessPool as died:
        raise WorkerDied(
            "a process that builds months was ended from outside, most likely because the machine ran out of memory; "
            "nothing is lost: try again, or build fewer months at a time (--month)"
        ) from died


def batches(workers: Executor, jobs: Iterable[tuple[str, Build]]) -> Iterator[list[Built]]:
    """The results of `jobs` in their order, in batches; later jobs run while a batch is handled. Raises WorkerDied."""
    waiting, ahead = iter(jobs), deque[Future[Built]]()
    batch: list[Built] = []
    rows = 0
    while True:
        ahead.extend(submit(workers, month, build) for month, build in islice(waiting, AHEAD - len(ahead)))
        if not ahead:
            break
        built = result_of(ahead.popleft())
        batch.append(built)
        rows += sum(entry.rows for entry in built.staged.files.entries.values()) if built.staged else 0
        if len(batch) == BATCH_MONTHS or rows >= BATCH_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _run(month: str, build: Build) -> Built:
    if is_worker_process():
        use_one_thread()
    try:
        return Built(month, build())
    except MONTH_FAULTS as fault:
        return Built(month, fault=fault)
