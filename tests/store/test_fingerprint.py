"""The fingerprint of the code: the same for the same sources, another one when a source changes."""

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from paperlake.store import fingerprint

HERE = Path(__file__).parents[2]
ROOMS = ("schemas", "transforms")


def told_by_a_process(copy: Path) -> str:
    """What a new process says whose rooms are the copies in `copy`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(copy), str(HERE)])}
    command = [sys.executable, "-P", "-c", "from paperlake.store.fingerprint import code; print(code())"]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def copy(tmp_path) -> Path:
    """The rooms that decide the bytes, copied."""
    for room in ROOMS:
        shutil.copytree(HERE / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_fingerprint_is_the_same_in_every_process_and_place(copy):
    assert told_by_a_process(copy) == told_by_a_process(HERE) == fingerprint.code()
    assert len(fingerprint.code()) == 32


@pytest.mark.parametrize("source", ["schemas/signals.py", "transforms/hub/replies.py", "transforms/graph.py"])
def test_a_comment_more_in_a_source_is_other_code(copy, source):
    with (copy / source).open("a") as file:
        file.write("# A comment.\n")
    assert told_by_a_process(copy) != fingerprint.code()


def test_a_source_more_is_other_code_and_any_other_file_is_not(copy):
    (copy / "transforms" / "notes.md").write_text("Nobody runs this.")
    assert told_by_a_process(copy) == fingerprint.code()
    (copy / "transforms" / "extra").mkdir()
    (copy / "transforms" / "extra" / "more.py").write_text("")
    assert told_by_a_process(copy) != fingerprint.code()


def test_a_writer_of_another_version_is_other_code(monkeypatch):
    known = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: known(name) + (".1" if name == "pyarrow" else ""))
    assert fingerprint.code.__wrapped__() != fingerprint.code()
