"""A backup is the evidence, verified; from it the whole lake comes back."""

import contextlib
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month
from paperlake.build.rebuild import months_kept, rebuild
from paperlake.store import publish
from paperlake.store.backup import NotABackup, back_up
from paperlake.store.inbox import waiting_months
from paperlake.store.lake import Lake
from paperlake.store.snapshot import snapshot
from schemas.catalogue import TABLES
from tests.build.test_build import keep

MONTH = "2025-11"
MORNINGS = [datetime(2025, 11, 6, 8, tzinfo=UTC) + timedelta(days=n) for n in range(3)]
EVIDENCE = [table for table in TABLES.values() if table.is_evidence and table.name != "validations"]
REPLIES = "tables/hub_replies/month=2025-11/part-0.parquet"


@pytest.fixture
def lake(tmp_path):
    lake = Lake(tmp_path / "lake")
    for at in MORNINGS[:2]:
        keep(lake, at)
        publish_month(lake, MONTH)
    return lake


@pytest.fixture
def target(tmp_path):
    return Lake(tmp_path / "backup")


def parts(lake):
    """Every published file but the ledger, which tells of runs and not of what they made."""
    files = [path for path in lake.tables.rglob("*.parquet") if "validations" not in path.parts]
    return {path.relative_to(lake.root): path.read_bytes() for path in files}


def derived(lake):
    files = snapshot(lake).manifest.files
    return {name: entry for name, entry in files.items() if "/validations/" not in name}


def damage(path):
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)


def test_only_what_no_rebuild_can_make_is_copied(lake, target):
    done = back_up(lake, target, EVIDENCE)
    assert done.copied == (REPLIES,)
    assert set(snapshot(target).manifest.files) == {REPLIES}
    assert (target.root / REPLIES).read_bytes() == (lake.root / REPLIES).read_bytes()


def test_what_is_there_is_not_copied_again(lake, target):
    back_up(lake, target, EVIDENCE)
    before = (target.root / REPLIES).stat().st_ino
    assert back_up(lake, target, EVIDENCE).copied == ()
    assert (target.root / REPLIES).stat().st_ino == before


def test_a_restored_backup_builds_the_same_lake(lake, target, tmp_path):
    keep(lake, MORNINGS[2])
    done = back_up(lake, target, EVIDENCE)
    assert done.waiting == 1
    restored = Lake(tmp_path / "restored")
    shutil.copytree(target.root, restored.root)
    list(rebuild(restored, months_kept(restored), force=False))
    publish_month(lake, MONTH)
    assert parts(restored) == parts(lake)
    assert derived(restored) == derived(lake)


def test_what_was_folded_waits_in_the_backup_no_more(lake, target):
    keep(lake, MORNINGS[2])
    back_up(lake, target, EVIDENCE)
    publish_month(lake, MONTH)
    assert back_up(lake, target, EVIDENCE).waiting == 0
    assert waiting_months(target, TABLES["hub_replies"]) == []


def test_a_flipped_bit_in_the_backup_is_found_and_mended(lake, target):
    back_up(lake, target, EVIDENCE)
    damage(target.root / REPLIES)
    assert back_up(lake, target, EVIDENCE).copied == (REPLIES,)
    assert (target.root / REPLIES).read_bytes() == (lake.root / REPLIES).read_bytes()


def test_a_damaged_file_of_the_lake_never_replaces_its_good_copy(lake, target):
    back_up(lake, target, EVIDENCE)
    good = (target.root / REPLIES).read_bytes()
    keep(lake, MORNINGS[2])
    publish_month(lake, MONTH)
    damage(lake.root / REPLIES)
    assert back_up(lake, target, EVIDENCE).damaged == (REPLIES,)
    assert (target.root / REPLIES).read_bytes() == good


def test_a_backup_that_holds_more_is_not_made_poorer(lake, target, tmp_path):
    back_up(lake, target, EVIDENCE)
    poorer = Lake(tmp_path / "poorer")
    keep(poorer, MORNINGS[0])
    publish_month(poorer, MONTH)
    before = (target.root / REPLIES).read_bytes()
    with pytest.raises(NotABackup, match="holds what the lake does not"):
        back_up(poorer, target, EVIDENCE)
    assert (target.root / REPLIES).read_bytes() == before


def test_a_lake_is_not_taken_for_a_backup(lake, tmp_path):
    other = Lake(tmp_path / "other")
    keep(other, MORNINGS[0])
    publish_month(other, MONTH)
    with pytest.raises(NotABackup, match="holds a whole lake"):
        back_up(lake, other, EVIDENCE)


@pytest.mark.parametrize("place", [".", "inside", ".."])
def test_a_backup_lies_apart_from_its_lake(lake, place):
    with pytest.raises(NotABackup, match="choose a folder apart"):
        back_up(lake, Lake((lake.root / place).resolve()), EVIDENCE)


@pytest.mark.parametrize("after", range(12))
def test_a_backup_that_is_killed_is_the_old_one_or_the_new_one(lake, target, monkeypatch, after):
    back_up(lake, target, EVIDENCE)
    keep(lake, MORNINGS[2])
    publish_month(lake, MONTH)
    left = iter(range(after))
    real = publish.replace

    def dying(*paths):
        if next(left, None) is None:
            raise KeyboardInterrupt
        real(*paths)

    with monkeypatch.context() as killer:
        killer.setattr(publish, "replace", dying)
        with contextlib.suppress(KeyboardInterrupt):
            back_up(lake, target, EVIDENCE)
    seen = snapshot(target)
    listed = seen.manifest.files[REPLIES]
    assert publish.sha256(seen.path("hub_replies", MONTH)) == listed.sha256
    back_up(lake, target, EVIDENCE)
    assert snapshot(target).manifest.files[REPLIES] == snapshot(lake).manifest.files[REPLIES]


def test_the_command_tells_what_it_did(lake, target, monkeypatch):
    monkeypatch.setenv("PAPERLAKE_ROOT", str(lake.root))
    papers = CliRunner()
    assert "2 copied; all read and as published" in papers.invoke(main, ["backup", str(target.root)]).output
    assert "unchanged" in papers.invoke(main, ["backup", str(target.root)]).output
    damage(lake.root / REPLIES)
    assert papers.invoke(main, ["backup", str(target.root)]).exit_code == 0, "the copy there is still good"
    keep(lake, MORNINGS[2])
    (target.root / REPLIES).unlink()
    told = papers.invoke(main, ["backup", str(target.root)])
    assert told.exit_code == 1
    assert f"Error: {REPLIES} of the lake is missing or not what was published" in told.output


def test_the_backup_of_another_lake_is_left_alone_even_if_it_holds_no_more(lake, target, tmp_path):
    back_up(lake, target, EVIDENCE)
    before = parts(target)
    other = Lake(tmp_path / "other")
    for at in MORNINGS:
        keep(other, at + timedelta(minutes=5))
    publish_month(other, MONTH)
    with pytest.raises(NotABackup, match="holds what the lake does not"):
        back_up(other, target, EVIDENCE)
    assert parts(target) == before


def test_a_month_that_the_lake_lost_is_not_forgotten(lake, target, tmp_path):
    back_up(lake, target, EVIDENCE)
    with pytest.raises(NotABackup, match=REPLIES):
        back_up(Lake(tmp_path / "new"), target, EVIDENCE)


@pytest.mark.parametrize("words", [("backup", "elsewhere"), ("verify",), ("rebuild",), ("verify", "--repair")])
def test_where_no_lake_is_that_is_said(tmp_path, monkeypatch, words):
    root = tmp_path / "mistyped"
    monkeypatch.setenv("PAPERLAKE_ROOT", str(root))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, root.exists()) == (1, False)
    assert "there is no lake" in result.output


@pytest.mark.parametrize("words", [("backup", "elsewhere"), ("verify", "--repair"), ("rebuild",)])
def test_a_lake_without_its_manifest_is_left_as_it_is(lake, tmp_path, monkeypatch, words):
    monkeypatch.setenv("PAPERLAKE_ROOT", str(lake.root))
    monkeypatch.chdir(tmp_path)
    lake.manifest.unlink()
    before = parts(lake)
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "bring that back from a backup" in result.output
    assert parts(lake) == before
