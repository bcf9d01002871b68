"""Readers see one lake, whatever a writer does meanwhile, and a fault of the lake is said, not waited for."""

import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from paperlake.store import publish
from paperlake.store.lake import Lake
from paperlake.store.manifest import ManifestUnreadable
from paperlake.store.publish import open_writer
from paperlake.store.rows import scan
from paperlake.store.snapshot import Snapshot, read_whole, snapshot
from paperlake.store.sql import query
from schemas.catalogue import TABLES
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS

MONTHS = ("2025-10", "2025-11")
SEEN = datetime(2025, 11, 3, 22, tzinfo=UTC)


def publish_version(lake: Lake, version: int) -> None:
    """Two tables of two months, all of which carry the version."""
    with open_writer(lake) as pen:
        staged = None
        for month in MONTHS:
            day = date.fromisoformat(f"{month}-03")
            vote = {"listed_on": day, "paper_id": "2511.00010", "captured_at": SEEN, "upvote_count": version}
            known = {"source": "hub", "listed_on": day, "verdict": "complete", "paper_count": version}
            known |= {"page_count": 1, "capture_count": 1, "first_captured_at": SEEN, "last_captured_at": SEEN}
            frames = {
                SIGNALS: pl.DataFrame([vote], schema=pl.Schema(SIGNALS.arrow())),
                SOURCE_DAYS: pl.DataFrame([known], schema=pl.Schema(SOURCE_DAYS.arrow())),
            }
            staged = pen.stage(month, frames, into=staged)
        pen.commit(staged)


def versions(seen: Snapshot) -> list[int]:
    """The version that each file carries."""
    votes, known = scan(seen, SIGNALS).collect(), scan(seen, SOURCE_DAYS).collect()
    return [*votes["upvote_count"], *known["paper_count"]]


class Died(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


def die(_: Lake) -> None:
    raise Died


def once(roll_forward):
    """The first call mends what is left from before; the second is the publish's own, and dies."""
    calls = iter([roll_forward, die])

    def call(lake: Lake) -> None:
        next(calls)(lake)

    return call


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = Lake(tmp_path / "lake")
    publish_version(lake, 1)
    return lake


@pytest.fixture
def journalled(lake, monkeypatch) -> Lake:
    """A lake of version 1 whose writer died when its journal of version 2 was in place."""
    with monkeypatch.context() as dying:
        dying.setattr(publish, "roll_forward", once(publish.roll_forward))
        with pytest.raises(Died):
            publish_version(lake, 2)
    return lake


# One lake


@pytest.mark.real
def test_readers_see_one_version_of_all_tables_while_another_process_publishes(lake):
    here = Path(__file__)
    environment = {**os.environ, "PYTHONPATH": str(here.parents[2])}
    seen: list[int] = []
    statement = "select upvote_count as v from signals union all select paper_count from source_days"
    with subprocess.Popen([sys.executable, "-P", str(here), str(lake.root)], env=environment) as other:
        try:
            _wait_until(lambda: read_whole(lake, versions) != [1, 1, 1, 1])
            begun = time.monotonic()
            # At least two seconds, and on a busy machine until enough versions were seen.
            while (passed := time.monotonic() - begun) < 2 or (len(set(seen)) <= 5 and passed < 30):
                first = read_whole(lake, versions)
                second = query(lake, statement)["v"].to_pylist()
                for found in (first, second):
                    assert len(found) == 4
                    assert len(set(found)) == 1
                    seen.append(found[0])
            assert other.poll() is None
        finally:
            other.kill()
    assert seen == sorted(seen), "a later read saw an earlier lake"
    assert len(set(seen)) > 5


def _wait_until(is_so) -> None:
    until = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_read_is_repeated_when_a_publish_came_between(lake):
    reads = []

    def read(seen: Snapshot) -> list[int]:
        reads.append(versions(seen))
        if len(reads) == 1:
            publish_version(lake, 2)
        return reads[-1]

    assert read_whole(lake, read) == [2, 2, 2, 2]
    assert reads == [[1, 1, 1, 1], [2, 2, 2, 2]]


def test_a_read_that_failed_is_repeated_when_a_publish_came_between(lake):
    def read(seen: Snapshot) -> list[int]:
        if versions(seen) == [1, 1, 1, 1]:
            publish_version(lake, 2)
            raise FileNotFoundError
        return versions(seen)

    assert read_whole(lake, read) == [2, 2, 2, 2]


# A publish under way, or dead


def test_a_dead_writers_journal_is_read_as_the_new_lake(journalled):
    before = [path.read_bytes() for path in sorted(journalled.tables.rglob("*.parquet"))]
    assert read_whole(journalled, versions) == [2, 2, 2, 2]
    assert query(journalled, "select distinct upvote_count as v from signals").to_pylist() == [{"v": 2}]
    assert [path.read_bytes() for path in sorted(journalled.tables.rglob("*.parquet"))] == before


@pytest.mark.parametrize("moved", range(5))
def test_a_journal_half_rolled_forward_is_read_as_the_new_lake(journalled, moved, monkeypatch):
    stop_after(monkeypatch, moved)
    with pytest.raises(Died):
        publish.roll_forward(journalled)
    assert read_whole(journalled, versions) == [2, 2, 2, 2]


def stop_after(monkeypatch, moved: int) -> None:
    """Let the next roll forward die when it has moved that many files."""
    left, replace = itertools.count(), publish.replace

    def move(staged: Path, final: Path) -> None:
        if next(left) == moved:
            raise Died
        replace(staged, final)

    monkeypatch.setattr(publish, "replace", move)


def test_a_file_that_moves_between_finding_and_opening_it_is_looked_for_again(journalled, monkeypatch):
    # The manifest and the journal stay as they are while the journal's files move, one by one.
    tries = []

    def read(seen: Snapshot) -> list[int]:
        tries.append(seen)
        path = seen.path(SIGNALS.name, MONTHS[0])
        if len(tries) == 1:
            stop_after(monkeypatch, 1)
            with pytest.raises(Died):
                publish.roll_forward(journalled)
        assert pl.read_parquet(path, hive_partitioning=False)["upvote_count"].to_list() == [2]
        return versions(seen)

    assert read_whole(journalled, read) == [2, 2, 2, 2]
    assert len(tries) == 2


@pytest.mark.parametrize("looks", range(1, 5))
def test_a_publish_that_ends_while_a_reader_makes_sure_is_noticed(lake, monkeypatch, looks):
    # Files move while the reader reads; manifest and journal change between two of its looks at them.
    first = []

    def read(seen: Snapshot) -> list[int]:
        if first:
            return versions(seen)
        first.extend(scan(seen, SIGNALS).collect()["upvote_count"])
        with monkeypatch.context() as dying:
            stop_after(dying, 5)  # the journal and the four files, and not the manifest
            with pytest.raises(Died):
                publish_version(lake, 2)
        left, look = itertools.count(1), Path.read_bytes

        def look_late(path: Path) -> bytes:
            if next(left) == looks:
                publish.roll_forward(lake)
            return look(path)

        monkeypatch.setattr(Path, "read_bytes", look_late)
        return [*first, *scan(seen, SOURCE_DAYS).collect()["paper_count"]]

    assert read_whole(lake, read) == [2, 2, 2, 2]
    assert first == [1, 1]


def test_the_first_publish_of_a_lake_is_seen_wholly_or_not_at_all(tmp_path, monkeypatch):
    lake = Lake(tmp_path / "new")
    with monkeypatch.context() as dying:
        dying.setattr(publish, "roll_forward", once(publish.roll_forward))
        with pytest.raises(Died):
            publish_version(lake, 1)
    assert read_whole(lake, versions) == [1, 1, 1, 1]
    assert not lake.manifest.exists()


# Nothing yet, and faults


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_empty_lake_reads_as_empty_tables_with_their_types(tmp_path, table):
    rows = read_whole(Lake(tmp_path / "nothing"), lambda seen: scan(seen, table).collect())
    assert rows.height == 0
    assert rows.schema == pl.Schema(table.arrow())
    assert not (tmp_path / "nothing").exists(), "a reader writes nothing"


def test_only_the_months_asked_for_are_read(lake):
    def days(months: set[str] | None) -> list[date]:
        return read_whole(lake, lambda seen: scan(seen, SIGNALS, months).collect()["listed_on"].sort().to_list())

    assert days({"2025-10", "1999-01"}) == [date(2025, 10, 3)]
    assert days(set()) == []
    assert days(None) == [date(2025, 10, 3), date(2025, 11, 3)]


def test_a_file_that_is_missing_is_an_error_at_once(lake):
    lake.part("signals", "2025-11").unlink()
    since = time.monotonic()
    with pytest.raises(FileNotFoundError, match="2025-11"):
        read_whole(lake, versions)
    assert time.monotonic() - since < 0.5


def test_a_staged_file_that_is_missing_is_an_error_in_the_end(journalled):
    journalled.part("signals", "2025-11").unlink()
    shutil.rmtree(next(path for path in journalled.staged.iterdir() if path.is_dir()))
    answered = []

    def read() -> None:
        with pytest.raises(FileNotFoundError, match="2025-11"):
            read_whole(journalled, versions)
        answered.append(True)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout=10)
    assert answered


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"format": 1}',
        b'{"format": 1, "files": []}',
        b'{"format": 1, "files": {"tables/signals/month=2025-11/part-0.parquet": null}}',
        b'{"format": 1, "files": {"tables/signals/month=2025-11/part-0.parquet": {"rows": 1}}}',
    ],
)
def test_a_damaged_manifest_is_said_with_what_to_do(lake, damaged):
    lake.manifest.write_bytes(damaged)
    for read in (lambda: snapshot(lake), lambda: query(lake, "from signals"), lambda: publish_version(lake, 3)):
        with pytest.raises(ManifestUnreadable, match=r"manifest\.json is damaged .*restore it from a backup"):
            read()
    assert lake.manifest.read_bytes() == damaged


def test_a_manifest_of_a_later_version_is_said(lake):
    lake.manifest.write_bytes(b'{"format": 2, "parts": {}}')
    with pytest.raises(ManifestUnreadable, match="has the format 2, this version reads 1"):
        snapshot(lake)


if __name__ == "__main__":
    for number in itertools.count(2):
        publish_version(Lake(Path(sys.argv[1])), number)
        time.sleep(0.1)  # without it, a reader may never get between two publishes
