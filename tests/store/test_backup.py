"""A backup contains the verified evidence, and the complete lake can be rebuilt from it."""

import contextlib
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month
from paperlake.build.rebuild import known_months, rebuild
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


def publish_two_mornings(lake):
    for at in MORNINGS[:2]:
        keep(lake, at)
        publish_month(lake, MONTH)


@pytest.fixture
def lake(build_once, tmp_path):
    return build_once(publish_two_mornings, Lake(tmp_path / "lake"))


@pytest.fixture
def target(tmp_path):
    return Lake(tmp_path / "backup")


def parts(lake):
    """Every published file except the validation log, which describes runs and not their output."""
    files = [path for path in lake.tables.rglob("*.parquet") if "validations" not in path.parts]
    return {path.relative_to(lake.root): path.read_bytes() for path in files}


def entries(lake):
    files = snapshot(lake).manifest.files
    return {name: entry for name, entry in files.items() if "/validations/" not in name}


def damage(path):
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)


def test_only_evidence_is_copied(lake, target):
    result = back_up(lake, target, EVIDENCE)
    assert result.copied == (REPLIES,)
    assert set(snapshot(target).manifest.files) == {REPLIES}
    assert (target.root / REPLIES).read_bytes() == (lake.root / REPLIES).read_bytes()


def test_unchanged_files_are_not_copied_again(lake, target):
    back_up(lake, target, EVIDENCE)
    before = (target.root / REPLIES).stat().st_ino
    assert back_up(lake, target, EVIDENCE).copied == ()
    assert (target.root / REPLIES).stat().st_ino == before


def test_a_restored_backup_rebuilds_the_same_lake(lake, target, tmp_path):
    keep(lake, MORNINGS[2])
    result = back_up(lake, target, EVIDENCE)
    assert result.waiting == 1
    restored = Lake(tmp_path / "restored")
    shutil.copytree(target.root, restored.root)
    list(rebuild(restored, known_months(restored), force=False))
    publish_month(lake, MONTH)
    assert parts(restored) == parts(lake)
    assert entries(restored) == entries(lake)


def test_published_rows_are_removed_from_the_inbox_of_the_backup(lake, target):
    keep(lake, MORNINGS[2])
    back_up(lake, target, EVIDENCE)
    publish_month(lake, MONTH)
    assert back_up(lake, target, EVIDENCE).waiting == 0
    assert waiting_months(target, TABLES["hub_replies"]) == []


def test_a_flipped_bit_in_the_backup_is_detected_and_repaired(lake, target):
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


def test_a_backup_with_more_evidence_than_the_lake_is_rejected(lake, target, tmp_path):
    back_up(lake, target, EVIDENCE)
    poorer = Lake(tmp_path / "poorer")
    keep(poorer, MORNINGS[0])
    publish_month(poorer, MONTH)
    before = (target.root / REPLIES).read_bytes()
    with pytest.raises(NotABackup, match="contains evidence that the lake lacks"):
        back_up(poorer, target, EVIDENCE)
    assert (target.root / REPLIES).read_bytes() == before


def test_a_complete_lake_is_rejected_as_target(lake, tmp_path):
    other = Lake(tmp_path / "other")
    keep(other, MORNINGS[0])
    publish_month(other, MONTH)
    with pytest.raises(NotABackup, match="is a complete lake"):
        back_up(lake, other, EVIDENCE)


@pytest.mark.parametrize("place", [".", "inside", ".."])
def test_a_target_inside_or_around_the_lake_is_rejected(lake, place):
    with pytest.raises(NotABackup, match="choose a separate folder"):
        back_up(lake, Lake((lake.root / place).resolve()), EVIDENCE)


@pytest.mark.long
@pytest.mark.parametrize("replacements", range(12))
def test_a_killed_backup_leaves_the_old_one_or_the_new_one(lake, target, monkeypatch, replacements):
    back_up(lake, target, EVIDENCE)
    keep(lake, MORNINGS[2])
    publish_month(lake, MONTH)
    remaining = iter(range(replacements))
    replace = publish.replace

    def kill_or_replace(*paths):
        if next(remaining, None) is None:
            raise KeyboardInterrupt
        replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(publish, "replace", kill_or_replace)
        with contextlib.suppress(KeyboardInterrupt):
            back_up(lake, target, EVIDENCE)
    state = snapshot(target)
    listed = state.manifest.files[REPLIES]
    assert publish.sha256(state.path("hub_replies", MONTH)) == listed.sha256
    back_up(lake, target, EVIDENCE)
    assert snapshot(target).manifest.files[REPLIES] == snapshot(lake).manifest.files[REPLIES]


def test_the_command_reports_its_result(lake, target, monkeypatch):
    monkeypatch.setenv("PAPERLAKE_ROOT", str(lake.root))
    papers = CliRunner()
    assert "2 copied; all checksums match" in papers.invoke(main, ["backup", str(target.root)]).output
    assert "unchanged" in papers.invoke(main, ["backup", str(target.root)]).output
    damage(lake.root / REPLIES)
    assert papers.invoke(main, ["backup", str(target.root)]).exit_code == 0, "the copy in the backup is intact"
    keep(lake, MORNINGS[2])
    (target.root / REPLIES).unlink()
    result = papers.invoke(main, ["backup", str(target.root)])
    assert result.exit_code == 1
    assert f"Error: {REPLIES} is missing from the lake or damaged" in result.output


def test_the_backup_of_another_lake_is_rejected_even_if_it_has_fewer_rows(lake, target, tmp_path):
    back_up(lake, target, EVIDENCE)
    before = parts(target)
    other = Lake(tmp_path / "other")
    for at in MORNINGS:
        keep(other, at + timedelta(minutes=5))
    publish_month(other, MONTH)
    with pytest.raises(NotABackup, match="contains evidence that the lake lacks"):
        back_up(other, target, EVIDENCE)
    assert parts(target) == before


def test_a_month_that_the_lake_lost_stays_in_the_backup(lake, target, tmp_path):
    back_up(lake, target, EVIDENCE)
    with pytest.raises(NotABackup, match=REPLIES):
        back_up(Lake(tmp_path / "new"), target, EVIDENCE)


@pytest.mark.parametrize("words", [("backup", "elsewhere"), ("verify",), ("rebuild",), ("verify", "--repair")])
def test_commands_report_a_missing_lake(tmp_path, monkeypatch, words):
    root = tmp_path / "mistyped"
    monkeypatch.setenv("PAPERLAKE_ROOT", str(root))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, root.exists()) == (1, False)
    assert "there is no lake" in result.output


@pytest.mark.parametrize("words", [("backup", "elsewhere"), ("verify", "--repair"), ("rebuild",)])
def test_commands_do_not_change_a_lake_without_manifest(lake, tmp_path, monkeypatch, words):
    monkeypatch.setenv("PAPERLAKE_ROOT", str(lake.root))
    monkeypatch.chdir(tmp_path)
    lake.manifest.unlink()
    before = parts(lake)
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "restore it from a backup" in result.output
    assert parts(lake) == before


def test_the_editions_and_the_ids_of_feeds_are_copied(lake, target):
    lake.editions.write_text('[nlp]\nevery = "day"\n')
    lake.feeds.write_text("{}")
    back_up(lake, target, EVIDENCE)
    assert (target.editions.read_text(), target.feeds.read_text()) == ('[nlp]\nevery = "day"\n', "{}")


def test_a_backup_keeps_a_file_that_the_lake_lost(lake, target):
    lake.feeds.write_text("{}")
    back_up(lake, target, EVIDENCE)
    lake.feeds.unlink()
    back_up(lake, target, EVIDENCE)
    assert target.feeds.read_text() == "{}"
