"""A publish killed at any moment leaves no partial file or state, loses no answer, and is completed by the next writer.

Each test needs a process to kill. A child process that runs this file forks them: it has imported polars and pyarrow
but not used them, and so has no threads whose locks would stay locked after a fork.
"""

import contextlib
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from paperlake.store import inbox, parquet
from paperlake.store.lake import Lake
from paperlake.store.publish import open_writer
from paperlake.store.rows import scan
from paperlake.store.snapshot import Snapshot, read_consistent
from schemas.hub_replies import HUB_REPLIES
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS
from schemas.table import Table

pytestmark = pytest.mark.long

MONTHS = ("2025-10", "2025-11")
TABLES = (SIGNALS, SOURCE_DAYS, HUB_REPLIES)
DIED = 9
Rows = dict[str, list[dict[str, object]]]


# The data: every published file contains the version.


def timestamp(month: str, hour: int = 22) -> datetime:
    return datetime.fromisoformat(f"{month}-03T{hour:02}:00:00").replace(tzinfo=UTC)


def frames(month: str, version: int) -> dict[Table, pl.DataFrame]:
    day = date.fromisoformat(f"{month}-03")
    vote = {"listed_on": day, "captured_at": timestamp(month), "upvote_count": version}
    source_day = {
        "source": "hub",
        "listed_on": day,
        "verdict": "complete",
        "paper_count": version,
        "page_count": 1,
        "capture_count": 1,
        "first_captured_at": timestamp(month),
        "last_captured_at": timestamp(month),
    }
    votes = [{**vote, "paper_id": f"2511.{number:05}"} for number in range(0, 300, 10)]
    return {
        SIGNALS: pl.DataFrame(votes, schema=pl.Schema(SIGNALS.arrow())),
        SOURCE_DAYS: pl.DataFrame([source_day], schema=pl.Schema(SOURCE_DAYS.arrow())),
    }


def answer(month: str, hour: int) -> dict[str, object]:
    body = f"answer of {month} at {hour}".encode()
    return {
        "requested_on": date.fromisoformat(f"{month}-03"),
        "capture_started_at": timestamp(month, hour),
        "page": 0,
        "captured_at": timestamp(month, hour),
        "url": None,
        "status_code": 200,
        "headers": None,
        "body": body,
        "body_sha256": sha256(body).hexdigest(),
    }


def publish(lake: Lake, version: int) -> None:
    """Publish both months of all tables at once, with the rows in the inbox."""
    with open_writer(lake) as writer:
        staged, folded = None, []
        for month in MONTHS:
            waiting = inbox.waiting(lake, HUB_REPLIES, month)
            replies = waiting.rows
            if writer.manifest.entry(HUB_REPLIES.name, month):
                replies = pl.concat([parquet.read(lake.part(HUB_REPLIES.name, month), HUB_REPLIES), replies])
            replies = replies.unique(HUB_REPLIES.key).sort(HUB_REPLIES.sort)
            staged = writer.stage(month, {**frames(month, version), HUB_REPLIES: replies}, into=staged)
            folded += waiting.files
        writer.commit(staged, tuple(folded))


def publish_new(lake: Lake) -> None:
    publish(lake, 2)


def recover(lake: Lake) -> None:
    with open_writer(lake):
        pass


def publish_repeatedly(lake: Lake) -> None:
    for version in itertools.count(100 * int(time.monotonic() * 1000)):
        publish(lake, version % 2**31)


# Killing.


def die_at(root: Path, last: int) -> None:
    """End this process without cleanup, instead of its operation number `last` that changes the disk.

    A file that is about to be flushed, or is being written, is truncated to half its size, as after a power failure.
    """
    operations = itertools.count(1)
    real_fsync, real_write_table = os.fsync, pq.write_table

    def step(before_exit: Callable[[], object] = lambda: None) -> None:
        if next(operations) == last:
            before_exit()
            os._exit(DIED)

    def halve(path: Path | int) -> None:
        with contextlib.suppress(OSError):  # a folder, or a file open for reading
            os.truncate(path, os.stat(path).st_size // 2)  # noqa: PTH116 - may be a file descriptor

    def on_audit_event(event: str, args: tuple[object, ...]) -> None:
        is_writing = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if is_writing and str(args[0]).startswith(str(root)):
            step()
        if event in {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}:
            step()

    def fsync(handle: int) -> None:
        step(lambda: halve(handle))
        real_fsync(handle)

    def write_table(rows: object, path: Path, **options: object) -> None:
        step(lambda: (real_write_table(rows, path, **options), halve(path)))
        real_write_table(rows, path, **options)

    sys.addaudithook(on_audit_event)
    os.fsync, pq.write_table = fsync, write_table


def run_jobs() -> None:
    """Fork a process for each job on standard input, and print its exit code."""
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if not child:
            try:
                if job["last"]:
                    die_at(Path(job["root"]), job["last"])
                globals()[job["job"]](Lake(Path(job["root"])))
            except BaseException:  # noqa: BLE001 - the child must not continue this loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        if job["kill_after_s"] is not None:
            time.sleep(job["kill_after_s"])
            os.kill(child, 9)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


Run = Callable[..., int]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs a job on a lake in its own process, and returns its exit code."""
    here = Path(__file__)
    command = [sys.executable, "-P", str(here)]
    environment = {**os.environ, "PYTHONPATH": str(here.parents[2])}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as server:

        def run_job(job: Callable[[Lake], None], lake: Lake, last: int = 0, kill_after_s: float | None = None) -> int:
            order = {"job": job.__name__, "root": str(lake.root), "last": last, "kill_after_s": kill_after_s}
            server.stdin.write(json.dumps(order) + "\n")
            server.stdin.flush()
            return int(server.stdout.readline())

        yield run_job


# The lake before and after the publish.


def files(lake: Lake) -> dict[str, bytes]:
    published = [*sorted(lake.tables.rglob("*.parquet")), lake.manifest]
    return {path.relative_to(lake.root).as_posix(): path.read_bytes() for path in published}


def rows(lake: Lake) -> Rows:
    """The rows of all tables for a reader that uses the manifest."""
    return read_consistent(
        lake, lambda state: {t.name: scan(state, t).collect().sort(t.sort).to_dicts() for t in TABLES}
    )


class Lakes:
    """A lake of version 1 with rows in the inbox, and the same lake after the complete publish of version 2."""

    def __init__(self, folder: Path) -> None:
        self.before = Lake(folder / "before")
        for month in MONTHS:
            inbox.keep(self.before, HUB_REPLIES, answer(month, 22))
        publish(self.before, 1)
        for month in MONTHS:
            inbox.keep(self.before, HUB_REPLIES, answer(month, 23))
        self.bodies = {answer(month, hour)["body"] for month in MONTHS for hour in (22, 23)}
        self.after = Lake(folder / "after")
        shutil.copytree(self.before.root, self.after.root)
        publish_new(self.after)
        self.old_files, self.new_files = files(self.before), files(self.after)
        self.old_rows, self.new_rows = rows(self.before), rows(self.after)

    def copy_before(self, folder: Path) -> Lake:
        """A copy of the lake of version 1."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.before.root, folder)
        return Lake(folder)

    def check_readers(self, lake: Lake) -> Rows:
        """Check that no reader sees a partial file or state. Returns the rows for a reader that uses the manifest."""
        for name, content in files(lake).items():
            assert content in {self.old_files.get(name), self.new_files[name]}, f"{name} is neither old nor new"
        for table in (SIGNALS, SOURCE_DAYS):
            glob = str(lake.tables / table.name / "**" / "*.parquet")
            published = pl.scan_parquet(glob, hive_partitioning=False).collect()
            assert published.height == len(self.old_rows[table.name])
            assert ds.dataset(lake.tables / table.name, partitioning="hive").to_table().num_rows == published.height
        visible = rows(lake)
        assert visible in (self.old_rows, self.new_rows), "a reader of the manifest sees a mixture"
        waiting = [inbox.waiting(lake, HUB_REPLIES, month) for month in MONTHS]
        in_inbox = {body for result in waiting for body in result.rows["body"]}
        assert in_inbox | {row["body"] for row in visible[HUB_REPLIES.name]} == self.bodies, "an answer is lost"
        assert not any(result.unreadable for result in waiting)
        return visible

    def check_recovery(self, lake: Lake, expected: Rows) -> None:
        """Check that the next writer publishes what readers saw, and that a complete publish then leaves no trace."""
        recover(lake)
        assert not lake.journal.exists()
        assert not [path for path in lake.staged.iterdir() if path.is_dir()], "files of a killed writer are left"
        assert files(lake) == (self.old_files if expected == self.old_rows else self.new_files)
        publish_new(lake)
        assert files(lake) == self.new_files
        assert not inbox.waiting_months(lake, HUB_REPLIES)


@pytest.fixture(scope="module")
def lakes(tmp_path_factory) -> Lakes:
    return Lakes(tmp_path_factory.mktemp("lakes"))


def test_a_publish_can_be_killed_at_any_operation(lakes, run, tmp_path):
    is_published = []
    for last in itertools.count(1):
        lake = lakes.copy_before(tmp_path / "lake")
        code = run(publish_new, lake, last)
        assert code in {0, DIED}
        visible = lakes.check_readers(lake)
        if code == 0:
            assert visible == lakes.new_rows
            break
        is_published.append(visible == lakes.new_rows)
        lakes.check_recovery(lake, visible)
    assert len(is_published) > 40, "fewer operations than writes, flushes and moves of the files"
    assert is_published == sorted(is_published), "the publish takes effect at one operation and stays in effect"
    assert any(is_published)
    assert not all(is_published)


@pytest.mark.parametrize("is_journalled", [False, True])
def test_the_recovering_writer_can_be_killed_too_and_so_can_the_next(lakes, run, tmp_path, is_journalled):
    killed_at = _last_before_journal(lakes, run, tmp_path / "search")
    if is_journalled:
        killed_at += 1
    for last in itertools.count(1):
        lake = lakes.copy_before(tmp_path / "lake")
        assert run(publish_new, lake, killed_at) == DIED
        assert lake.journal.exists() == is_journalled
        expected = lakes.check_readers(lake)
        code = run(recover, lake, last)
        assert lakes.check_readers(lake) == expected
        if code == 0:
            break
        assert code == DIED
        assert run(recover, lake, last) in {0, DIED}
        assert lakes.check_readers(lake) == expected
        lakes.check_recovery(lake, expected)
    assert last > (20 if is_journalled else 8)


def _last_before_journal(lakes: Lakes, run: Run, folder: Path) -> int:
    """The number of the operation that puts the journal into place. Killed at this operation, a publish leaves none."""
    low, high = 1, 400  # at `high` the journal exists, or the publish is complete
    while low < high:
        middle = (low + high) // 2
        lake = lakes.copy_before(folder)
        if run(publish_new, lake, middle) == 0 or lake.journal.exists() or files(lake) == lakes.new_files:
            high = middle
        else:
            low = middle + 1
    return low - 1


@pytest.mark.real
def test_readers_see_only_complete_states_while_writers_are_killed(lakes, run, tmp_path):
    lake = lakes.copy_before(tmp_path / "lake")
    publish_new(lake)
    errors: list[str] = []
    reads: list[str] = []
    is_over = threading.Event()

    def read_repeatedly(check: Callable[[Lake], None]) -> None:
        try:
            while not is_over.is_set():
                check(lake)
                reads.append(check.__name__)
        except Exception:  # noqa: BLE001 - any error is a failure
            errors.append(traceback.format_exc())

    checks = (check_one_lake, check_whole_files)
    readers = [threading.Thread(target=read_repeatedly, args=(check,)) for check in checks]
    for reader in readers:
        reader.start()
    try:
        rng = random.Random(20251103)
        for _ in range(20):
            assert run(publish_repeatedly, lake, kill_after_s=rng.uniform(0.05, 0.35)) == -9
    finally:
        is_over.set()
        for reader in readers:
            reader.join()
    assert not errors, "\n".join(errors)
    assert min(reads.count(check.__name__) for check in checks) > 20
    publish_new(lake)
    assert files(lake) == lakes.new_files


def check_one_lake(lake: Lake) -> None:
    """Check that all files in the manifest have the same version."""

    def version(state: Snapshot) -> tuple[set[int], int, int]:
        votes, days = scan(state, SIGNALS).collect(), scan(state, SOURCE_DAYS).collect()
        return set(votes["upvote_count"]) | set(days["paper_count"]), votes.height, days.height

    versions, *heights = read_consistent(lake, version)
    assert len(versions) == 1
    assert heights == [60, 2]


def check_whole_files(lake: Lake) -> None:
    """Check that each file that a glob finds has one version and all rows."""
    for path in lake.tables.glob("signals/**/*.parquet"):
        votes = pl.read_parquet(path, hive_partitioning=False)["upvote_count"]
        assert votes.n_unique() == 1
        assert votes.len() == 30


if __name__ == "__main__":
    run_jobs()
