"""Publishing: complete files and a manifest, only changed files are replaced, one writer at a time."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from paperlake.store import manifest, parquet, publish
from paperlake.store.lake import Lake
from paperlake.store.publish import LakeBusy, open_writer
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS

MONTH = "2025-11"
DAY = date(2025, 11, 3)
SEEN = datetime(2025, 11, 3, 22, tzinfo=UTC)


def votes(count: int | None) -> pl.DataFrame:
    row = {"listed_on": DAY, "paper_id": "2511.00010", "captured_at": SEEN, "upvote_count": count}
    return pl.DataFrame([row], schema=pl.Schema(SIGNALS.arrow()))


def days(papers: int) -> pl.DataFrame:
    row = {"source": "hub", "listed_on": DAY, "verdict": "complete", "paper_count": papers, "page_count": 1}
    row |= {"capture_count": 1, "first_captured_at": SEEN, "last_captured_at": SEEN}
    return pl.DataFrame([row], schema=pl.Schema(SOURCE_DAYS.arrow()))


def published(lake: Lake, count: int = 5, papers: int = 1, month: str = MONTH) -> list[str]:
    with open_writer(lake) as writer:
        return writer.commit(writer.stage(month, {SIGNALS: votes(count), SOURCE_DAYS: days(papers)}))


def file_states(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Inode, modification time and content of every file: rewriting a file changes at least one."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def visible(lake: Lake) -> list[str]:
    return sorted(path.relative_to(lake.tables).as_posix() for path in lake.tables.rglob("*") if path.is_file())


BOTH = [f"signals/month={MONTH}/part-0.parquet", f"source_days/month={MONTH}/part-0.parquet"]


class Killed(BaseException):
    """Simulates the end of the process: no code of the lake catches it."""


def kill(*_: object, **__: object) -> None:
    raise Killed


def killed_at_second_call(roll_forward):
    """The first call completes an earlier publish. The second belongs to the new publish, and is killed."""
    calls = iter([roll_forward, kill])

    def call(lake: Lake) -> None:
        next(calls)(lake)

    return call


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def journalled(lake, monkeypatch) -> Lake:
    """A lake with 5 votes. Its writer was killed after it wrote the journal for 6 votes and 2 papers."""
    published(lake)
    with monkeypatch.context() as patch:
        patch.setattr(publish, "roll_forward", killed_at_second_call(publish.roll_forward))
        with pytest.raises(Killed):
            published(lake, count=6, papers=2)
    return lake


# Publish and read


def test_published_rows_are_read_back_unchanged(lake):
    assert published(lake, count=7) == [f"tables/{name}" for name in BOTH]
    assert parquet.read(lake.part("signals", MONTH), SIGNALS).equals(votes(7))
    assert parquet.read(lake.part("signals", MONTH), SIGNALS, ["upvote_count"]).rows() == [(7,)]


def test_the_manifest_lists_every_file_with_its_bytes_and_inputs(lake):
    with open_writer(lake) as writer:
        writer.commit(writer.stage(MONTH, {SIGNALS: votes(5)}, code="c0de", inputs={"tables/x": "ab"}))
        entry = writer.manifest.entry("signals", MONTH)
    content = lake.part("signals", MONTH).read_bytes()
    assert entry is not None
    assert (entry.rows, entry.bytes, entry.schema_version) == (1, len(content), SIGNALS.version)
    assert entry.sha256 == sha256(content).hexdigest()
    assert (entry.code, entry.inputs) == ("c0de", {"tables/x": "ab"})


def test_months_are_listed_oldest_first(lake):
    published(lake, month="2025-12")
    published(lake, month="2024-02")
    assert manifest.load(lake.manifest).months("signals") == ["2024-02", "2025-12"]


def test_publishing_the_same_rows_again_writes_nothing(lake):
    published(lake)
    before = file_states(lake.root)
    assert published(lake) == []
    assert file_states(lake.root) == before


def test_only_the_changed_file_is_replaced(lake):
    published(lake, count=5, papers=1)
    before = file_states(lake.tables)
    assert published(lake, count=5, papers=2) == [f"tables/source_days/month={MONTH}/part-0.parquet"]
    after = file_states(lake.tables)
    assert [Path(path).parts[-3] for path in after if after[path] != before[path]] == ["source_days"]


def test_the_same_bytes_from_other_inputs_change_only_the_manifest(lake):
    published(lake)
    before = file_states(lake.tables)
    with open_writer(lake) as writer:
        assert writer.commit(writer.stage(MONTH, {SIGNALS: votes(5)}, code="newer")) == []
    assert file_states(lake.tables) == before
    assert manifest.load(lake.manifest).files[f"tables/{BOTH[0]}"].code == "newer"


def test_a_publish_can_be_staged_one_month_at_a_time(lake):
    with open_writer(lake) as writer:
        staged = writer.stage("2025-10", {SIGNALS: votes(1)})
        staged = writer.stage(MONTH, {SIGNALS: votes(2)}, into=staged)
        assert not lake.tables.exists()
        assert len(writer.commit(staged)) == 2
    assert manifest.load(lake.manifest).months("signals") == ["2025-10", MONTH]


# After a writer was killed


def test_staged_files_are_not_visible(lake):
    with open_writer(lake) as writer:
        staged = writer.stage(MONTH, {SIGNALS: votes(1)})
        assert not lake.tables.exists()
        assert parquet.read(staged.path("signals", MONTH), SIGNALS).equals(votes(1))
        writer.drop(staged)
        assert not staged.folder.exists()


def test_a_partially_written_file_is_never_visible(lake, monkeypatch):
    published(lake)

    def write_partially(_rows, _table, path: Path, _built_from: str, _route_digests) -> None:
        path.write_bytes(b"PAR1 and a power failure")
        raise Killed

    before = file_states(lake.tables)
    with monkeypatch.context() as patch:
        patch.setattr(parquet, "write", write_partially)
        with pytest.raises(Killed):
            published(lake, count=6)
    assert file_states(lake.tables) == before


def test_the_next_writer_deletes_the_stage_of_a_killed_writer(lake):
    with pytest.raises(Killed), open_writer(lake) as writer:
        kill(writer.stage(MONTH, {SIGNALS: votes(1)}))
    assert [path for path in lake.staged.iterdir() if path.is_dir()]
    with open_writer(lake):
        assert not [path for path in lake.staged.iterdir() if path.is_dir()]
    assert not lake.manifest.exists()


def test_a_file_that_is_not_yet_in_the_inbox_is_not_deleted(lake):
    lake.staged.mkdir(parents=True)
    arriving = lake.staged / "arriving-1"
    arriving.write_bytes(b"of another process")
    with open_writer(lake):
        pass
    assert arriving.read_bytes() == b"of another process"


def test_the_next_writer_rolls_the_journal_of_a_killed_writer_forward(journalled):
    assert parquet.read(journalled.part("signals", MONTH), SIGNALS).equals(votes(5))
    with open_writer(journalled) as writer:
        assert not journalled.journal.exists()
        assert writer.manifest.entry("signals", MONTH) is not None
    assert parquet.read(journalled.part("signals", MONTH), SIGNALS).equals(votes(6))
    assert parquet.read(journalled.part("source_days", MONTH), SOURCE_DAYS).equals(days(2))
    assert visible(journalled) == BOTH


def test_roll_forward_is_idempotent(journalled):
    journal = journalled.journal.read_bytes()
    publish.roll_forward(journalled)
    before = file_states(journalled.tables)
    journalled.journal.write_bytes(journal)  # after a power failure a deleted name may exist again
    publish.roll_forward(journalled)
    assert file_states(journalled.tables) == before
    assert not journalled.journal.exists()


# One writer at a time


HOLDING = """
import sys
from hashlib import sha256
from pathlib import Path
from filelock import FileLock
Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
with FileLock(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock_holder(lake):
    """Another process that holds the lake's lock until the test ends."""
    command = [sys.executable, "-c", HOLDING, str(lake.lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "locked\n"
        yield other


def test_a_second_writer_raises_lake_busy(lake, lock_holder):
    with (
        pytest.raises(LakeBusy, match=r"another process has been publishing into .* try again"),
        open_writer(lake, 0.1),
    ):
        pass
    lock_holder.communicate()
    with open_writer(lake, 0.1):
        pass


def test_without_the_lock_nothing_is_changed(journalled, lock_holder):
    before = file_states(journalled.root)
    with pytest.raises(LakeBusy), open_writer(journalled, 0.1):
        pass
    assert file_states(journalled.root) == before
    assert journalled.journal.exists()
    lock_holder.communicate()


def test_a_writer_in_another_process_excludes_others(lake):
    program = (
        "import sys; from pathlib import Path\n"
        "from paperlake.store.lake import Lake; from paperlake.store.publish import open_writer\n"
        "with open_writer(Lake(Path(sys.argv[1]))): print('locked', flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", program, str(lake.root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as other:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(LakeBusy), open_writer(lake, 0.1):
            pass
        other.kill()  # the operating system releases the lock
        other.wait()
    assert published(lake) != []


# Rejected rows


def test_a_null_in_a_required_column_is_rejected_and_nothing_is_published(lake):
    published(lake)
    before = file_states(lake.tables)
    without_id = votes(9).with_columns(paper_id=pl.lit(None, pl.String))
    with pytest.raises(ValueError, match="paper_id"), open_writer(lake) as writer:
        writer.commit(writer.stage(MONTH, {SOURCE_DAYS: days(9), SIGNALS: without_id}))
    assert file_states(lake.tables) == before
    assert published(lake) == []
    assert not [path for path in lake.staged.iterdir() if path.is_dir()]


def test_a_null_in_an_optional_column_is_published(lake):
    published(lake, count=None)
    assert parquet.read(lake.part("signals", MONTH), SIGNALS)["upvote_count"].to_list() == [None]


def test_a_missing_column_is_rejected(lake):
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="captured_at"), open_writer(lake) as writer:
        writer.stage(MONTH, {SIGNALS: votes(1).drop("captured_at")})


def test_the_journal_is_json_with_published_and_staged_names(journalled):
    journal = json.loads(journalled.journal.read_bytes())
    assert list(journal["moves"].values()) == [f"tables/{name}" for name in BOTH]
    assert all(source.startswith("_staged/") for source in journal["moves"])
