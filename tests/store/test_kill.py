"""A publish that is killed at any moment: no torn file, no half lake, no lost answer, and the next writer mends it.

Deaths need processes to die. A child of this file forks one for each: it has polars and pyarrow imported
but never used, and so no threads whose locks a fork would freeze.
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
from paperlake.store.snapshot import Snapshot, read_whole
from schemas.hub_replies import HUB_REPLIES
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS
from schemas.table import Table

MONTHS = ("2025-10", "2025-11")
TABLES = (SIGNALS, SOURCE_DAYS, HUB_REPLIES)
DIED = 9
Rows = dict[str, list[dict[str, object]]]


# What is published: a version shows in every file of it.


def instant(month: str, hour: int = 22) -> datetime:
    return datetime.fromisoformat(f"{month}-03T{hour:02}:00:00").replace(tzinfo=UTC)


def frames(month: str, version: int) -> dict[Table, pl.DataFrame]:
    day = date.fromisoformat(f"{month}-03")
    vote = {"listed_on": day, "captured_at": instant(month), "upvote_count": version}
    known = {
        "source": "hub",
        "listed_on": day,
        "verdict": "complete",
        "paper_count": version,
        "page_count": 1,
        "capture_count": 1,
        "first_captured_at": instant(month),
        "last_captured_at": instant(month),
    }
    votes = [{**vote, "paper_id": f"2511.{number:05}"} for number in range(0, 300, 10)]
    return {
        SIGNALS: pl.DataFrame(votes, schema=pl.Schema(SIGNALS.arrow())),
        SOURCE_DAYS: pl.DataFrame([known], schema=pl.Schema(SOURCE_DAYS.arrow())),
    }


def answer(month: str, hour: int) -> dict[str, object]:
    body = f"answer of {month} at {hour}".encode()
    return {
        "requested_on": date.fromisoformat(f"{month}-03"),
        "capture_started_at": instant(month, hour),
        "page": 0,
        "captured_at": instant(month, hour),
        "url": None,
        "status_code": 200,
        "headers": None,
        "body": body,
        "body_sha256": sha256(body).hexdigest(),
    }


def publish(lake: Lake, version: int) -> None:
    """Both months of all tables in one publish, with the answers that wait."""
    with open_writer(lake) as pen:
        staged, folded = None, []
        for month in MONTHS:
            waiting = inbox.waiting(lake, HUB_REPLIES, month)
            replies = waiting.rows
            if pen.manifest.entry(HUB_REPLIES.name, month):
                replies = pl.concat([parquet.read(lake.part(HUB_REPLIES.name, month), HUB_REPLIES), replies])
            replies = replies.unique(HUB_REPLIES.key).sort(HUB_REPLIES.sort)
            staged = pen.stage(month, {**frames(month, version), HUB_REPLIES: replies}, into=staged)
            folded += waiting.files
        pen.commit(staged, tuple(folded))


def publish_new(lake: Lake) -> None:
    publish(lake, 2)


def recover(lake: Lake) -> None:
    with open_writer(lake):
        pass


def publish_for_ever(lake: Lake) -> None:
    for version in itertools.count(100 * int(time.monotonic() * 1000)):
        publish(lake, version % 2**31)


# Dying.


def die_at(root: Path, last: int) -> None:
    """End this process, without any cleaning up, instead of its operation number `last` that changes the disk.

    A file that is about to be flushed, or is being written, is left cut in half: that is what a power cut leaves.
    """
    operations = itertools.count(1)
    flushed, written = os.fsync, pq.write_table

    def step(leave: Callable[[], object] = lambda: None) -> None:
        if next(operations) == last:
            leave()
            os._exit(DIED)

    def halve(path: Path | int) -> None:
        with contextlib.suppress(OSError):  # a folder, or a file opened for reading
            os.truncate(path, os.stat(path).st_size // 2)  # noqa: PTH116 - may be an open file's number

    def watch(event: str, said: tuple[object, ...]) -> None:
        is_writing = event == "open" and isinstance(said[2], int) and said[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if is_writing and str(said[0]).startswith(str(root)):
            step()
        if event in {"os.mkdir", "os.rename", "os.remove", "os.rmdir"}:
            step()

    def fsync(handle: int) -> None:
        step(lambda: halve(handle))
        flushed(handle)

    def write_table(rows: object, path: Path, **how: object) -> None:
        step(lambda: (written(rows, path, **how), halve(path)))
        written(rows, path, **how)

    sys.addaudithook(watch)
    os.fsync, pq.write_table = fsync, write_table


def serve() -> None:
    """Fork a process for each order on the standard input; answer with its exit code."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            try:
                if order["last"]:
                    die_at(Path(order["root"]), order["last"])
                globals()[order["job"]](Lake(Path(order["root"])))
            except BaseException:  # noqa: BLE001 - whatever it is, it must not become a second server
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        if order["kill_after_s"] is not None:
            time.sleep(order["kill_after_s"])
            os.kill(child, 9)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


Run = Callable[..., int]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs a job on a lake in a process of its own, and gives its exit code."""
    here = Path(__file__)
    command = [sys.executable, "-P", str(here)]
    environment = {**os.environ, "PYTHONPATH": str(here.parents[2])}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as server:

        def order(job: Callable[[Lake], None], lake: Lake, last: int = 0, kill_after_s: float | None = None) -> int:
            said = {"job": job.__name__, "root": str(lake.root), "last": last, "kill_after_s": kill_after_s}
            server.stdin.write(json.dumps(said) + "\n")
            server.stdin.flush()
            return int(server.stdout.readline())

        yield order


# The lake before and after, undisturbed.


def files(lake: Lake) -> dict[str, bytes]:
    published = [*sorted(lake.tables.rglob("*.parquet")), lake.manifest]
    return {path.relative_to(lake.root).as_posix(): path.read_bytes() for path in published}


def rows(lake: Lake) -> Rows:
    """What a reader of the manifest sees: all tables, as one."""
    return read_whole(lake, lambda seen: {t.name: scan(seen, t).collect().sort(t.sort).to_dicts() for t in TABLES})


class Story:
    """A lake of version 1 with answers waiting, and the same lake undisturbed at version 2."""

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

    def told_to(self, folder: Path) -> Lake:
        """A copy of the lake as it was before."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.before.root, folder)
        return Lake(folder)

    def check_readers(self, lake: Lake) -> Rows:
        """No reader sees anything but wholes. Gives what the manifest's reader sees."""
        for name, content in files(lake).items():
            assert content in {self.old_files.get(name), self.new_files[name]}, f"{name} is neither old nor new"
        for table in (SIGNALS, SOURCE_DAYS):
            everything = str(lake.tables / table.name / "**" / "*.parquet")
            seen = pl.scan_parquet(everything, hive_partitioning=False).collect()
            assert seen.height == len(self.old_rows[table.name])
            assert ds.dataset(lake.tables / table.name, partitioning="hive").to_table().num_rows == seen.height
        seen = rows(lake)
        assert seen in (self.old_rows, self.new_rows), "the manifest's reader sees a mixture"
        waiting = [inbox.waiting(lake, HUB_REPLIES, month) for month in MONTHS]
        held = {body for kept in waiting for body in kept.rows["body"]}
        assert held | {row["body"] for row in seen[HUB_REPLIES.name]} == self.bodies, "an answer is lost"
        assert not any(kept.unreadable for kept in waiting)
        return seen

    def check_mended(self, lake: Lake, promised: Rows) -> None:
        """The next writer gives what readers were promised; after a publish nothing tells that one was killed."""
        recover(lake)
        assert not lake.journal.exists()
        assert not [left for left in lake.staged.iterdir() if left.is_dir()], "a dead writer's files are left"
        assert files(lake) == (self.old_files if promised == self.old_rows else self.new_files)
        publish_new(lake)
        assert files(lake) == self.new_files
        assert not inbox.waiting_months(lake, HUB_REPLIES)


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Story:
    return Story(tmp_path_factory.mktemp("story"))


def test_a_publish_may_die_at_any_operation(story, run, tmp_path):
    died_with = []
    for last in itertools.count(1):
        lake = story.told_to(tmp_path / "lake")
        code = run(publish_new, lake, last)
        assert code in {0, DIED}
        seen = story.check_readers(lake)
        if code == 0:
            assert seen == story.new_rows
            break
        died_with.append(seen == story.new_rows)
        story.check_mended(lake, seen)
    assert len(died_with) > 40, "fewer operations than files have to be written, flushed and moved"
    assert died_with == sorted(died_with), "from one operation on, and not before, the publish counts"
    assert any(died_with)
    assert not all(died_with)


@pytest.mark.parametrize("is_journalled", [False, True])
def test_the_writer_that_mends_may_die_too_and_so_may_the_next(story, run, tmp_path, is_journalled):
    broken = _last_before_journal(story, run, tmp_path / "broken")
    if is_journalled:
        broken += 1
    for last in itertools.count(1):
        lake = story.told_to(tmp_path / "lake")
        assert run(publish_new, lake, broken) == DIED
        assert lake.journal.exists() == is_journalled
        promised = story.check_readers(lake)
        code = run(recover, lake, last)
        assert story.check_readers(lake) == promised
        if code == 0:
            break
        assert code == DIED
        assert run(recover, lake, last) in {0, DIED}
        assert story.check_readers(lake) == promised
        story.check_mended(lake, promised)
    assert last > (20 if is_journalled else 8)


def _last_before_journal(story: Story, run: Run, folder: Path) -> int:
    """The operation that puts the journal into place; who dies at it leaves none."""
    low, high = 1, 400  # high: the publish is over and the journal gone, or there
    while low < high:
        middle = (low + high) // 2
        lake = story.told_to(folder)
        if run(publish_new, lake, middle) == 0 or lake.journal.exists() or files(lake) == story.new_files:
            high = middle
        else:
            low = middle + 1
    return low - 1


@pytest.mark.real
def test_kill_9_at_any_time_shows_readers_nothing_but_wholes(story, run, tmp_path):
    lake = story.told_to(tmp_path / "lake")
    publish_new(lake)
    faults: list[str] = []
    reads: list[str] = []
    over = threading.Event()

    def read_again_and_again(check: Callable[[Lake], None]) -> None:
        try:
            while not over.is_set():
                check(lake)
                reads.append(check.__name__)
        except Exception:  # noqa: BLE001 - a reader must not fail at all
            faults.append(traceback.format_exc())

    checks = (check_one_lake, check_whole_files)
    readers = [threading.Thread(target=read_again_and_again, args=(check,)) for check in checks]
    for reader in readers:
        reader.start()
    try:
        chance = random.Random(20251103)
        for _ in range(20):
            assert run(publish_for_ever, lake, kill_after_s=chance.uniform(0.05, 0.35)) == -9
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert not faults, "\n".join(faults)
    assert min(reads.count(check.__name__) for check in checks) > 20
    publish_new(lake)
    assert files(lake) == story.new_files


def check_one_lake(lake: Lake) -> None:
    """All files that the manifest lists are of one version."""

    def version(seen: Snapshot) -> tuple[set[int], int, int]:
        votes, days = scan(seen, SIGNALS).collect(), scan(seen, SOURCE_DAYS).collect()
        return set(votes["upvote_count"]) | set(days["paper_count"]), votes.height, days.height

    versions, *heights = read_whole(lake, version)
    assert len(versions) == 1
    assert heights == [60, 2]


def check_whole_files(lake: Lake) -> None:
    """Each file that a glob finds is of one version, and has all its rows."""
    for path in lake.tables.glob("signals/**/*.parquet"):
        votes = pl.read_parquet(path, hive_partitioning=False)["upvote_count"]
        assert votes.n_unique() == 1
        assert votes.len() == 30


if __name__ == "__main__":
    serve()
