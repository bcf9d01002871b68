"""The code fingerprint: equal for equal sources, different after any change that can change published rows."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pytest

from paperlake.store import fingerprint
from paperlake.store.lake import Lake
from tests.build.test_build import keep

HERE = Path(__file__).parents[2]
FOLDERS = ("schemas", "transforms", "paperlake")
DECIDES_ROWS = [
    source
    for path in fingerprint._DECIDES_ROWS
    for source in ([HERE / path] if path.endswith(".py") else sorted((HERE / path).rglob("*.py")))
]
EDIT_EACH_AND_PUBLISH = """
import sys
from pathlib import Path
from paperlake.build.publish import publish_months
from paperlake.store.fingerprint import code_fingerprint
from paperlake.store.lake import Lake
from paperlake.store.snapshot import snapshot

lake = Lake(Path(sys.argv[1]))
def publish():
    code_fingerprint.cache_clear()
    results = list(publish_months(lake, ["2025-11"], is_validated=False))
    assert results and not [each for each in results if each.fault]
    return {name: entry.code for name, entry in snapshot(lake).manifest.files.items() if entry.code}

before = publish()
for source in sys.stdin.read().split():
    with open(source, "a") as file:
        file.write("# Edited.\\n")
    after = publish()
    if after.keys() != before.keys() or any(after[name] == before[name] for name in after):
        print(source)
    before = after
"""


def run_in_copy(copy, code, *arguments, given=""):
    """What a process prints that imports the packages from `copy`."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, "-P", "-c", code, *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, input=given).stdout


def fingerprint_in_copy(copy):
    code = "from paperlake.store.fingerprint import code_fingerprint; print(code_fingerprint())"
    return run_in_copy(copy, code).strip()


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of all packages that a publish imports."""
    for folder in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(HERE / folder, tmp_path / "copy" / folder, ignore=ignored)
    return tmp_path / "copy"


def test_the_fingerprint_is_the_same_in_every_process_and_place(copy):
    assert fingerprint_in_copy(copy) == fingerprint.code_fingerprint()
    assert len(fingerprint.code_fingerprint()) == 32


@pytest.mark.real
def test_an_edit_of_any_module_that_decides_rows_rebuilds_every_partition(copy, tmp_path):
    lake = Lake(tmp_path / "lake")
    keep(lake, datetime(2025, 11, 7, 3, 15, tzinfo=UTC))
    edited = [str(copy / source.relative_to(HERE)) for source in DECIDES_ROWS]
    assert len(edited) > 60
    assert run_in_copy(copy, EDIT_EACH_AND_PUBLISH, str(lake.root), given="\n".join(edited)) == ""


def test_the_modules_of_the_table_graph_import_only_what_the_fingerprint_covers():
    code = "import sys, transforms.graph; print(*(sys.modules))"
    imported = subprocess.run([sys.executable, "-c", code], cwd=HERE, check=True, capture_output=True, text=True).stdout
    ours = {name for name in imported.split() if name.split(".")[0] in ("schemas", "transforms", "paperlake")}
    covered = {
        str(source.relative_to(HERE))[:-3].replace("/", ".").removesuffix(".__init__") for source in DECIDES_ROWS
    }
    assert ours - covered == set()


def test_one_more_source_is_other_code_and_a_file_of_another_kind_is_not(copy):
    (copy / "transforms" / "notes.md").write_text("Not code.")
    assert fingerprint_in_copy(copy) == fingerprint.code_fingerprint()
    (copy / "transforms" / "extra").mkdir()
    (copy / "transforms" / "extra" / "more.py").write_text("")
    assert fingerprint_in_copy(copy) != fingerprint.code_fingerprint()


def test_another_version_of_a_library_that_writes_is_other_code(monkeypatch):
    real_version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: real_version(name) + (".1" if name == "pyarrow" else ""))
    assert fingerprint.code_fingerprint.__wrapped__() != fingerprint.code_fingerprint()
