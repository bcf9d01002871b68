"""Publishing: whole files and a manifest, nothing moved that did not change, one writer at a time."""

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
    with open_writer(lake) as pen:
        return pen.commit(pen.stage(month, {SIGNALS: votes(count), SOURCE_DAYS: days(papers)}))


def standing(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file with what changes when it is written again."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def visible(lake: Lake) -> list[str]:
    return sorted(path.relative_to(lake.tables).as_posix() for path in lake.tables.rglob("*") if path.is_file())


BOTH = [f"signals/month={MONTH}/part-0.parquet", f"source_days/month={MONTH}/part-0.parquet"]


class Died(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


def dies(*_: object, **__: object) -> None:
    raise Died


def once(roll_forward):
    """The first call mends what is left from before; the second is the publish's own, and dies."""
    calls = iter([roll_forward, dies])

    def call(lake: Lake) -> None:
        next(calls)(lake)

    return call


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def journalled(lake, monkeypatch) -> Lake:
    """A lake with 5 votes whose writer died when its journal of 6 votes and 2 papers was in place."""
    published(lake)
    with monkeypatch.context() as dying:
        dying.setattr(publish, "roll_forward", once(publish.roll_forward))
        with pytest.raises(Died):
            published(lake, count=6, papers=2)
    return lake


# Publishing and reading back


def test_what_is_published_reads_back(lake):
    assert published(lake, count=7) == [f"tables/{name}" for name in BOTH]
    assert parquet.read(lake.part("signals", MONTH), SIGNALS).equals(votes(7))
    assert parquet.read(lake.part("signals", MONTH), SIGNALS, ["upvote_count"]).rows() == [(7,)]


def test_the_manifest_tells_every_file_with_its_bytes_and_inputs(lake):
    with open_writer(lake) as pen:
        pen.commit(pen.stage(MONTH, {SIGNALS: votes(5)}, code="c0de", inputs={"tables/x": "ab"}))
        entry = pen.manifest.entry("signals", MONTH)
    content = lake.part("signals", MONTH).read_bytes()
    assert entry is not None
    assert (entry.rows, entry.bytes, entry.schema_version) == (1, len(content), SIGNALS.version)
    assert entry.sha256 == sha256(content).hexdigest()
    assert (entry.code, entry.inputs) == ("c0de", {"tables/x": "ab"})


def test_months_are_told_oldest_first(lake):
    published(lake, month="2025-12")
    published(lake, month="2024-02")
    assert manifest.load(lake.manifest).months("signals") == ["2024-02", "2025-12"]


def test_publishing_the_same_again_writes_nothing(lake):
    published(lake)
    before = standing(lake.root)
    assert published(lake) == []
    assert standing(lake.root) == before


def test_only_the_file_that_changed_moves(lake):
    published(lake, count=5, papers=1)
    before = standing(lake.tables)
    assert published(lake, count=5, papers=2) == [f"tables/source_days/month={MONTH}/part-0.parquet"]
    after = standing(lake.tables)
    assert [Path(path).parts[-3] for path in after if after[path] != before[path]] == ["source_days"]


def test_the_same_bytes_from_other_inputs_change_the_manifest_alone(lake):
    published(lake)
    before = standing(lake.tables)
    with open_writer(lake) as pen:
        assert pen.commit(pen.stage(MONTH, {SIGNALS: votes(5)}, code="newer")) == []
    assert standing(lake.tables) == before
    assert manifest.load(lake.manifest).files[f"tables/{BOTH[0]}"].code == "newer"


def test_a_publish_may_be_staged_a_month_at_a_time(lake):
    with open_writer(lake) as pen:
        staged = pen.stage("2025-10", {SIGNALS: votes(1)})
        staged = pen.stage(MONTH, {SIGNALS: votes(2)}, into=staged)
        assert not lake.tables.exists()
        assert len(pen.commit(staged)) == 2
    assert manifest.load(lake.manifest).months("signals") == ["2025-10", MONTH]


# What a dead writer leaves


def test_nothing_staged_is_visible(lake):
    with open_writer(lake) as pen:
        staged = pen.stage(MONTH, {SIGNALS: votes(1)})
        assert not lake.tables.exists()
        assert parquet.read(staged.path("signals", MONTH), SIGNALS).equals(votes(1))
        pen.drop(staged)
        assert not staged.folder.exists()


def test_a_file_half_written_is_never_visible(lake, monkeypatch):
    published(lake)

    def half(_rows, _table, path: Path, _built_from: str, _shares) -> None:
        path.write_bytes(b"PAR1 and then the power went")
        raise Died

    before = standing(lake.tables)
    with monkeypatch.context() as dying:
        dying.setattr(parquet, "write", half)
        with pytest.raises(Died):
            published(lake, count=6)
    assert standing(lake.tables) == before


def test_the_stage_of_a_dead_writer_is_swept_by_the_next(lake):
    with pytest.raises(Died), open_writer(lake) as pen:
        dies(pen.stage(MONTH, {SIGNALS: votes(1)}))
    assert [path for path in lake.staged.iterdir() if path.is_dir()]
    with open_writer(lake):
        assert not [path for path in lake.staged.iterdir() if path.is_dir()]
    assert not lake.manifest.exists()


def test_an_answer_on_its_way_into_the_inbox_is_not_swept(lake):
    lake.staged.mkdir(parents=True)
    arriving = lake.staged / "arriving-1"
    arriving.write_bytes(b"not ours")
    with open_writer(lake):
        pass
    assert arriving.read_bytes() == b"not ours"


def test_the_journal_of_a_dead_writer_is_rolled_forward_by_the_next(journalled):
    assert parquet.read(journalled.part("signals", MONTH), SIGNALS).equals(votes(5))
    with open_writer(journalled) as pen:
        assert not journalled.journal.exists()
        assert pen.manifest.entry("signals", MONTH) is not None
    assert parquet.read(journalled.part("signals", MONTH), SIGNALS).equals(votes(6))
    assert parquet.read(journalled.part("source_days", MONTH), SOURCE_DAYS).equals(days(2))
    assert visible(journalled) == BOTH


def test_rolling_forward_twice_is_rolling_forward_once(journalled):
    journal = journalled.journal.read_bytes()
    publish.roll_forward(journalled)
    before = standing(journalled.tables)
    journalled.journal.write_bytes(journal)  # a power cut brings the name back that was not flushed away
    publish.roll_forward(journalled)
    assert standing(journalled.tables) == before
    assert not journalled.journal.exists()


# One writer


HOLDING = """
import sys
from hashlib import sha256
from pathlib import Path
from filelock import FileLock
Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(lake):
    """The lake's lock, held by another process until the test ends."""
    command = [sys.executable, "-c", HOLDING, str(lake.lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        yield other


def test_a_second_writer_is_told_that_the_lake_is_busy(lake, held):
    with (
        pytest.raises(LakeBusy, match=r"another process has been publishing into .* try again"),
        open_writer(lake, 0.1),
    ):
        pass
    held.communicate()
    with open_writer(lake, 0.1):
        pass


def test_who_does_not_hold_the_lock_touches_nothing(journalled, held):
    before = standing(journalled.root)
    with pytest.raises(LakeBusy), open_writer(journalled, 0.1):
        pass
    assert standing(journalled.root) == before
    assert journalled.journal.exists()
    held.communicate()


def test_a_real_writer_in_another_process_keeps_others_out(lake):
    waiting = (
        "import sys; from pathlib import Path\n"
        "from paperlake.store.lake import Lake; from paperlake.store.publish import writer\n"
        "with writer(Lake(Path(sys.argv[1]))): print('held', flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", waiting, str(lake.root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LakeBusy), open_writer(lake, 0.1):
            pass
        other.kill()  # the lock of a dead process is free
        other.wait()
    assert published(lake) != []


# What is refused


def test_a_null_where_none_may_be_is_refused_and_nothing_is_published(lake):
    published(lake)
    before = standing(lake.tables)
    nameless = votes(9).with_columns(paper_id=pl.lit(None, pl.String))
    with pytest.raises(ValueError, match="paper_id"), open_writer(lake) as pen:
        pen.commit(pen.stage(MONTH, {SOURCE_DAYS: days(9), SIGNALS: nameless}))
    assert standing(lake.tables) == before
    assert published(lake) == []
    assert not [path for path in lake.staged.iterdir() if path.is_dir()]


def test_a_null_where_one_may_be_is_published(lake):
    published(lake, count=None)
    assert parquet.read(lake.part("signals", MONTH), SIGNALS)["upvote_count"].to_list() == [None]


def test_a_column_that_is_missing_is_refused(lake):
    with pytest.raises(pl.exceptions.ColumnNotFoundError, match="captured_at"), open_writer(lake) as pen:
        pen.stage(MONTH, {SIGNALS: votes(1).drop("captured_at")})


def test_the_journal_is_readable_by_people(journalled):
    said = json.loads(journalled.journal.read_bytes())
    assert list(said["moves"].values()) == [f"tables/{name}" for name in BOTH]
    assert all(source.startswith("_staged/") for source in said["moves"])
