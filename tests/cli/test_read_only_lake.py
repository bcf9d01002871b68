"""Commands that read a lake work for a user who may not write to it, and leave it as it is."""

import ctypes
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from paperlake.build.publish import publish_month
from paperlake.build.rebuild import known_months, rebuild, rebuild_as_of
from paperlake.store.backup import back_up
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from paperlake.store.publish import is_being_written
from paperlake.store.verify import verify
from schemas.catalogue import TABLES
from schemas.hub_replies import HUB_REPLIES
from tests.build.test_rebuild import parts
from tests.replies import CLOSED, OPEN, capture, entry

COMMAND = Path(sys.executable).parent / "papers"
NOBODY = 65534
EVIDENCE = [table for table in TABLES.values() if table.is_evidence]


def publish_and_leave_a_capture_in_the_inbox(lake):
    for row in capture([entry("2511.00010")], at=OPEN):
        keep(lake, HUB_REPLIES, row)
    publish_month(lake, "2025-11")
    for row in capture([entry("2511.00010"), entry("2511.00020")], at=CLOSED):
        keep(lake, HUB_REPLIES, row)


def content(lake):
    return {path.relative_to(lake.root): path.read_bytes() for path in lake.root.rglob("*") if path.is_file()}


@pytest.fixture
def lake(build_once, tmp_path):
    return build_once(publish_and_leave_a_capture_in_the_inbox, Lake(tmp_path / "lake"))


@pytest.fixture
def locked(lake):
    """The lake while another process publishes into it."""
    with FileLock(lake.lock):
        yield lake


def test_readers_do_not_wait_for_the_lock(locked, tmp_path):
    before = content(locked)
    assert is_being_written(locked)
    assert not verify(locked).faults
    assert back_up(locked, Lake(tmp_path / "backup"), EVIDENCE).waiting == 1
    list(rebuild_as_of(locked, known_months(locked), datetime(2030, 1, 1, tzinfo=UTC), Lake(tmp_path / "then")))
    assert content(locked) == before


def test_lake_as_of_now_includes_the_inbox(lake, tmp_path):
    then = Lake(tmp_path / "then")
    list(rebuild_as_of(lake, known_months(lake), datetime(2030, 1, 1, tzinfo=UTC), then))
    publish_month(lake, "2025-11")
    assert parts(then) == parts(lake)


def test_backup_during_a_publish_lacks_nothing(lake, tmp_path, monkeypatch):
    """The publish of another process replaces the file that is being copied, and empties the inbox."""
    copy = shutil.copyfile

    def publish_before_the_copy(original, target):
        if str(original).endswith(".parquet"):
            monkeypatch.setattr(shutil, "copyfile", copy)
            publish_month(lake, "2025-11")
        return copy(original, target)

    monkeypatch.setattr(shutil, "copyfile", publish_before_the_copy)
    backup = Lake(tmp_path / "backup")
    assert not back_up(lake, backup, EVIDENCE).damaged
    list(rebuild(backup, known_months(backup), force=False))
    assert parts(backup) == parts(lake)


# Another user

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def obey_permissions():
    """Take from a process of root the right to ignore permissions: then files of others are as to any other user."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.fixture
def papers(build_once, tmp_path):
    """Runs a command as a user who may not write to the lake; `papers.own` is a folder of that user."""
    lake, own = Lake(tmp_path / "lake"), tmp_path / "own"
    build_once(publish_and_leave_a_capture_in_the_inbox, lake)
    own.mkdir()
    is_root = os.geteuid() == 0
    for path in [lake.root, *lake.root.rglob("*")]:
        if is_root:
            os.chown(path, NOBODY, NOBODY)
        path.chmod((0o755 if path.is_dir() else 0o644) & ~(0 if is_root else 0o222))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PAPERLAKE_")},
        "PAPERLAKE_ROOT": str(lake.root),
        "PAPERLAKE_STATE": str(own / "state"),
        "HOME": str(own),
        "TMPDIR": str(own),
    }

    def run(*words):
        return subprocess.run(
            [COMMAND, *words],
            env=environment,
            cwd=own,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=obey_permissions if is_root else None,
        )

    run.lake, run.own = lake, own
    yield run
    for path in [lake.root, *lake.root.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


@pytest.mark.real
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["verify"], "all files are intact"),
        (["doctor", "--json"], '"files"'),
        (["backup", "{own}/backup"], "all checksums match"),
        (["rebuild", "--as-of", "2030-01-01T00:00:00Z", "--into", "{own}/then"], "published"),
        (["why", "2511.00010"], "Answers of the Hub"),
        (["sql", "select count(*) as n from listings"], "1"),
        (["tables"], "hub_replies"),
        (["gaps"], "settled"),
        (["rejects"], "no rejects"),
        (["drift"], ""),
    ],
)
def test_a_user_who_may_not_write(papers, words, shown):
    before = content(papers.lake)
    result = papers(*(word.format(own=papers.own) for word in words))
    assert shown in result.stdout, result.stderr
    assert "Error" not in result.stderr
    assert result.returncode == (1 if words[0] == "doctor" else 0)  # the dates of the example are long past
    assert content(papers.lake) == before


@pytest.mark.real
def test_doctor_finds_the_files_intact_without_writing(papers):
    shown = papers("doctor").stdout
    assert "cannot be checked" not in shown
    assert "as published" in shown


@pytest.mark.real
@pytest.mark.parametrize("words", [["rebuild"], ["accept", "2025-11-06/2025-11-07T031500Z"]])
def test_commands_that_write_say_what_they_may_not(papers, words):
    result = papers(*words)
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
