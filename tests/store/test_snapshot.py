"""Readers see one consistent state during any publish, and an error in the lake is raised without a wait."""

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
from paperlake.store.snapshot import Snapshot, read_consistent, snapshot
from paperlake.store.sql import query
from schemas.catalogue import TABLES
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS

MONTHS = ("2025-10", "2025-11")
SEEN = datetime(2025, 11, 3, 22, tzinfo=UTC)


def publish_version(lake: Lake, version: int) -> None:
    """Publish two months of two tables; every row contains the version."""
    with open_writer(lake) as writer:
        staged = None
        for month in MONTHS:
            day = date.fromisoformat(f"{month}-03")
            vote = {"listed_on": day, "paper_id": "2511.00010", "captured_at": SEEN, "upvote_count": version}
            source_day = {"source": "hub", "listed_on": day, "verdict": "complete", "paper_count": version}
            source_day |= {"page_count": 1, "capture_count": 1, "first_captured_at": SEEN, "last_captured_at": SEEN}
            frames = {
                SIGNALS: pl.DataFrame([vote], schema=pl.Schema(SIGNALS.arrow())),
                SOURCE_DAYS: pl.DataFrame([source_day], schema=pl.Schema(SOURCE_DAYS.arrow())),
            }
            staged = writer.stage(month, frames, into=staged)
        writer.commit(staged)


def versions(state: Snapshot) -> list[int]:
    """The version in each file."""
    votes, days = scan(state, SIGNALS).collect(), scan(state, SOURCE_DAYS).collect()
    return [*votes["upvote_count"], *days["paper_count"]]


class Killed(BaseException):
    """Simulates the end of the process: no code of the lake catches it."""


def kill(_: Lake) -> None:
    raise Killed


def killed_at_second_call(roll_forward):
    """The first call completes an earlier publish. The second belongs to the new publish, and is killed."""
    calls = iter([roll_forward, kill])

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
    """A lake of version 1. Its writer was killed after it wrote the journal for version 2."""
    with monkeypatch.context() as patch:
        patch.setattr(publish, "roll_forward", killed_at_second_call(publish.roll_forward))
        with pytest.raises(Killed):
            publish_version(lake, 2)
    return lake


# Consistent reads


@pytest.mark.real
def test_readers_see_one_version_of_all_tables_during_publishes(lake):
    here = Path(__file__)
    environment = {**os.environ, "PYTHONPATH": str(here.parents[2])}
    versions_read: list[int] = []
    statement = "select upvote_count as v from signals union all select paper_count from source_days"
    with subprocess.Popen([sys.executable, "-P", str(here), str(lake.root)], env=environment) as other:
        try:
            _wait_until(lambda: read_consistent(lake, versions) != [1, 1, 1, 1])
            started_s = time.monotonic()
            # At least two seconds, and on a slow machine until enough versions were read.
            while (passed := time.monotonic() - started_s) < 2 or (len(set(versions_read)) <= 5 and passed < 30):
                first = read_consistent(lake, versions)
                second = query(lake, statement)["v"].to_pylist()
                for result in (first, second):
                    assert len(result) == 4
                    assert len(set(result)) == 1
                    versions_read.append(result[0])
            assert other.poll() is None
        finally:
            other.kill()
    assert versions_read == sorted(versions_read), "a later read returned an earlier version"
    assert len(set(versions_read)) > 5


def _wait_until(condition) -> None:
    deadline_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_a_read_is_repeated_after_a_concurrent_publish(lake):
    reads = []

    def read(state: Snapshot) -> list[int]:
        reads.append(versions(state))
        if len(reads) == 1:
            publish_version(lake, 2)
        return reads[-1]

    assert read_consistent(lake, read) == [2, 2, 2, 2]
    assert reads == [[1, 1, 1, 1], [2, 2, 2, 2]]


def test_a_failed_read_is_repeated_after_a_concurrent_publish(lake):
    def read(state: Snapshot) -> list[int]:
        if versions(state) == [1, 1, 1, 1]:
            publish_version(lake, 2)
            raise FileNotFoundError
        return versions(state)

    assert read_consistent(lake, read) == [2, 2, 2, 2]


# During an incomplete publish


def test_a_journal_is_read_as_the_new_version(journalled):
    before = [path.read_bytes() for path in sorted(journalled.tables.rglob("*.parquet"))]
    assert read_consistent(journalled, versions) == [2, 2, 2, 2]
    assert query(journalled, "select distinct upvote_count as v from signals").to_pylist() == [{"v": 2}]
    assert [path.read_bytes() for path in sorted(journalled.tables.rglob("*.parquet"))] == before


@pytest.mark.parametrize("moved", range(5))
def test_a_partially_applied_journal_is_read_as_the_new_version(journalled, moved, monkeypatch):
    stop_after(monkeypatch, moved)
    with pytest.raises(Killed):
        publish.roll_forward(journalled)
    assert read_consistent(journalled, versions) == [2, 2, 2, 2]


def stop_after(monkeypatch, moved: int) -> None:
    """Kill the next roll forward after it moved that many files."""
    moves, replace = itertools.count(), Path.replace

    def move(staged: Path, final: Path) -> Path:
        if next(moves) == moved:
            raise Killed
        return replace(staged, final)

    monkeypatch.setattr(Path, "replace", move)


def test_a_read_is_repeated_if_a_file_moves_before_it_is_opened(journalled, monkeypatch):
    # The manifest and the journal do not change while the files of the journal are moved.
    tries = []

    def read(state: Snapshot) -> list[int]:
        tries.append(state)
        path = state.path(SIGNALS.name, MONTHS[0])
        if len(tries) == 1:
            stop_after(monkeypatch, 1)
            with pytest.raises(Killed):
                publish.roll_forward(journalled)
        assert pl.read_parquet(path, hive_partitioning=False)["upvote_count"].to_list() == [2]
        return versions(state)

    assert read_consistent(journalled, read) == [2, 2, 2, 2]
    assert len(tries) == 2


@pytest.mark.parametrize("read_number", range(1, 5))
def test_a_publish_that_completes_during_the_check_is_noticed(lake, monkeypatch, read_number):
    # Files move during the read. Manifest and journal change between two reads of these by the check.
    first = []

    def read(state: Snapshot) -> list[int]:
        if first:
            return versions(state)
        first.extend(scan(state, SIGNALS).collect()["upvote_count"])
        with monkeypatch.context() as patch:
            stop_after(patch, 5)  # the journal and the four files, and not the manifest
            with pytest.raises(Killed):
                publish_version(lake, 2)
        reads, read_bytes = itertools.count(1), Path.read_bytes

        def read_bytes_late(path: Path) -> bytes:
            if next(reads) == read_number:
                publish.roll_forward(lake)
            return read_bytes(path)

        monkeypatch.setattr(Path, "read_bytes", read_bytes_late)
        return [*first, *scan(state, SOURCE_DAYS).collect()["paper_count"]]

    assert read_consistent(lake, read) == [2, 2, 2, 2]
    assert first == [1, 1]


def test_the_first_publish_of_a_lake_is_read_completely(tmp_path, monkeypatch):
    lake = Lake(tmp_path / "new")
    with monkeypatch.context() as patch:
        patch.setattr(publish, "roll_forward", killed_at_second_call(publish.roll_forward))
        with pytest.raises(Killed):
            publish_version(lake, 1)
    assert read_consistent(lake, versions) == [1, 1, 1, 1]
    assert not lake.manifest.exists()


# Empty lakes and errors


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_empty_lake_has_empty_tables_with_their_types(tmp_path, table):
    rows = read_consistent(Lake(tmp_path / "nothing"), lambda state: scan(state, table).collect())
    assert rows.height == 0
    assert rows.schema == pl.Schema(table.arrow())
    assert not (tmp_path / "nothing").exists(), "a reader writes nothing"


def test_only_the_given_months_are_read(lake):
    def days(months: set[str] | None) -> list[date]:
        return read_consistent(lake, lambda state: scan(state, SIGNALS, months).collect()["listed_on"].sort().to_list())

    assert days({"2025-10", "1999-01"}) == [date(2025, 10, 3)]
    assert days(set()) == []
    assert days(None) == [date(2025, 10, 3), date(2025, 11, 3)]


def test_a_missing_file_raises_an_error_at_once(lake):
    lake.part("signals", "2025-11").unlink()
    started_s = time.monotonic()
    with pytest.raises(FileNotFoundError, match="2025-11"):
        read_consistent(lake, versions)
    assert time.monotonic() - started_s < 0.5


def test_a_missing_staged_file_raises_an_error_after_all_attempts(journalled):
    journalled.part("signals", "2025-11").unlink()
    shutil.rmtree(next(path for path in journalled.staged.iterdir() if path.is_dir()))
    has_raised = []

    def read() -> None:
        with pytest.raises(FileNotFoundError, match="2025-11"):
            read_consistent(journalled, versions)
        has_raised.append(True)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout=10)
    assert has_raised


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
def test_a_damaged_manifest_raises_an_error_with_a_remedy(lake, damaged):
    lake.manifest.write_bytes(damaged)
    for read in (lambda: snapshot(lake), lambda: query(lake, "from signals"), lambda: publish_version(lake, 3)):
        with pytest.raises(ManifestUnreadable, match=r"manifest\.json is damaged .*restore it from a backup"):
            read()
    assert lake.manifest.read_bytes() == damaged


def test_a_manifest_of_a_later_format_is_rejected(lake):
    lake.manifest.write_bytes(b'{"format": 2, "parts": {}}')
    with pytest.raises(ManifestUnreadable, match="has the format 2, this version reads 1"):
        snapshot(lake)


if __name__ == "__main__":
    for number in itertools.count(2):
        publish_version(Lake(Path(sys.argv[1])), number)
        time.sleep(0.1)  # without a pause, a reader might never find time between two publishes
