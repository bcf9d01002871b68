"""Verification finds and names every fault of the published files; repair fixes what can be fixed."""

import json
import os
import random
import shutil
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month, publish_months
from paperlake.ingest.coverage import date_statuses
from paperlake.operations.repair import repair
from paperlake.store import parquet
from paperlake.store import verify as verify_module
from paperlake.store.backup import back_up
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake, part_name
from paperlake.store.publish import open_writer
from paperlake.store.verify import verify
from schemas.captures import CAPTURES
from schemas.catalogue import TABLES
from schemas.hub_replies import HUB_REPLIES
from schemas.listings import LISTINGS
from tests.replies import capture, entry
from transforms.graph import EVIDENCE

MONTHS = ["2025-10", "2025-11"]
DATES = [date(2025, 10, day) for day in (6, 7, 8)] + [date(2025, 11, day) for day in (3, 4, 5, 6)]
LISTED, REPLIES = part_name("listings", "2025-11"), part_name("hub_replies", "2025-11")
FLIPS = int(os.environ.get("PAPERLAKE_SOAK_FLIPS", "10"))


def closing(day):
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(days=1)


def answers(day):
    # Random text, which does not compress well: so most flipped bits damage a body.
    rng = random.Random(day.toordinal())
    summaries = [" ".join(f"{rng.getrandbits(64):x}" for _ in range(1500)) for _ in range(8)]
    return capture(
        [entry(f"2511.0{n:04}", paper__summary=text) for n, text in enumerate(summaries, 1)], day, closing(day)
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("verify") / "lake")
    for day in DATES:
        for row in answers(day):
            keep(lake, HUB_REPLIES, row)
    assert not [each.fault for each in publish_months(lake, MONTHS) if each.fault]
    return lake


@pytest.fixture
def lake(published, tmp_path):
    shutil.copytree(published.root, tmp_path / "lake")
    return Lake(tmp_path / "lake")


def kinds(lake):
    return [(fault.name, fault.kind) for fault in verify(lake).faults]


def flip(path, bit):
    damaged = bytearray(path.read_bytes())
    damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)


def republish(lake, table, month, rows):
    """Publish `rows` with the code and inputs of the current file, which no build would do."""
    with open_writer(lake) as writer:
        entry = writer.manifest.entry(table.name, month)
        writer.commit(writer.stage(month, {table: rows}, code=entry.code, inputs=entry.inputs))


def rows_of(lake, table, month="2025-11"):
    return parquet.read(lake.part(table.name, month), table)


@pytest.mark.long
def test_an_intact_lake_has_no_faults_in_repeated_verifications(lake):
    assert {verify(lake) for _ in range(20)} == {verify(lake)}
    assert verify(lake).faults == ()


@pytest.mark.long
def test_every_flipped_bit_in_a_derived_file_is_detected_and_repaired(lake):
    rng = random.Random(5)
    evidence = {table.name for table in TABLES.values() if table.is_evidence}
    files = sorted(path for path in lake.tables.rglob("*.parquet") if path.parts[-3] not in evidence)
    for _ in range(FLIPS):
        path = rng.choice(files)
        good = path.read_bytes()
        flip(path, rng.randrange(len(good) * 8))
        faults = verify(lake).faults
        assert [(fault.name, fault.kind) for fault in faults] == [(path.relative_to(lake.root).as_posix(), "damaged")]
        repair(lake, faults)
        assert path.read_bytes() == good


def test_repair_of_damaged_evidence_saves_intact_answers_and_reports_the_others_as_gaps(lake, published):
    rng = random.Random(7)
    path = lake.root / REPLIES
    size = path.stat().st_size
    all_rows = rows_of(lake, HUB_REPLIES)
    saved_counts = []
    for _ in range(max(FLIPS // 10, 4)):
        flip(path, rng.randrange(size * 8))
        (saved,) = repair(lake, verify(lake).faults).saved
        after = rows_of(lake, HUB_REPLIES)
        assert after.join(all_rows, on=after.columns, how="anti", nulls_equal=True).is_empty()
        dates = date_statuses(lake, date(2025, 11, 3), date(2025, 11, 6))
        gaps = [day.listed_on.isoformat() for day in dates if day.verdict is None]
        assert (list(saved.lost_dates), saved.rows) == (gaps, after.height)
        assert verify(lake).faults == ()
        saved_counts.append(saved.rows)
        shutil.rmtree(lake.root)
        shutil.copytree(published.root, lake.root)
    assert sum(saved_counts) > len(saved_counts)


def test_repair_restores_damaged_evidence_from_a_backup(lake, tmp_path):
    backup = Lake(tmp_path / "backup")
    back_up(lake, backup, EVIDENCE)
    good = (lake.root / REPLIES).read_bytes()
    flip(lake.root / REPLIES, 8000)
    (saved,) = repair(lake, verify(lake).faults, backup).saved
    assert saved.is_from_backup
    assert (lake.root / REPLIES).read_bytes() == good


def test_repair_from_an_older_backup_reports_the_lost_dates(lake, tmp_path):
    backup = Lake(tmp_path / "backup")
    back_up(lake, backup, EVIDENCE)
    for row in answers(date(2025, 11, 10)):
        keep(lake, HUB_REPLIES, row)
    publish_month(lake, "2025-11")
    (lake.root / REPLIES).write_bytes(b"unreadable")
    (saved,) = repair(lake, verify(lake).faults, backup).saved
    assert (saved.rows, saved.of, saved.lost_dates) == (4, 5, ("2025-11-10",))


@pytest.mark.parametrize("days", [[10, 11, 12, 13, 14], [3, 4]], ids=["more answers", "fewer"])
def test_repair_does_not_use_the_backup_of_another_lake(lake, tmp_path, days):
    other, backup = Lake(tmp_path / "other"), Lake(tmp_path / "backup")
    for day in days:
        for row in answers(date(2025, 11, day)):
            later = row["capture_started_at"] + timedelta(minutes=5)
            keep(other, HUB_REPLIES, row | {"capture_started_at": later, "captured_at": later})
    publish_month(other, "2025-11")
    back_up(other, backup, EVIDENCE)
    (lake.root / REPLIES).write_bytes(b"unreadable")
    (saved,) = repair(lake, verify(lake).faults, backup).saved
    assert (saved.rows, saved.of, saved.has_strange_backup) == (0, 4, True)
    assert "another lake" in str(saved)


def test_after_a_killed_repair_the_next_one_succeeds(lake, monkeypatch):
    flip(lake.root / REPLIES, (lake.root / REPLIES).stat().st_size * 4)
    faults = verify(lake).faults
    with monkeypatch.context() as patch:
        patch.setattr("paperlake.store.publish.Writer.commit", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            repair(lake, faults)
    (saved,) = repair(lake, verify(lake).faults).saved
    assert saved.rows > 0


def test_repair_does_not_change_a_file_that_is_intact_again(lake):
    good = (lake.root / REPLIES).read_bytes()
    flip(lake.root / REPLIES, 8000)
    faults = verify(lake).faults
    (lake.root / REPLIES).write_bytes(good)
    assert repair(lake, faults).saved == ()
    assert (lake.root / REPLIES).read_bytes() == good


def test_the_publish_of_a_killed_writer_is_not_a_fault(lake, monkeypatch):
    for row in answers(date(2025, 11, 10)):
        keep(lake, HUB_REPLIES, row)
    with monkeypatch.context() as patch:
        patch.setattr("paperlake.store.publish.roll_forward", lambda _: None)
        publish_month(lake, "2025-11")
    assert lake.journal.exists()
    assert verify(lake).faults == ()


def test_damaged_evidence_is_never_deleted(lake):
    flip(lake.root / REPLIES, 8000)
    damaged = (lake.root / REPLIES).read_bytes()
    (saved,) = repair(lake, verify(lake).faults).saved
    assert (lake.root / saved.kept_at).read_bytes() == damaged


def test_missing_files_are_reported_and_built_again(lake):
    good = (lake.root / LISTED).read_bytes()
    (lake.root / LISTED).unlink()
    assert kinds(lake) == [(LISTED, "missing")]
    repair(lake, verify(lake).faults)
    assert (lake.root / LISTED).read_bytes() == good


def test_missing_evidence_leaves_gaps_and_a_consistent_lake(lake):
    (lake.root / REPLIES).unlink()
    (saved,) = repair(lake, verify(lake).faults).saved
    assert (saved.rows, saved.of) == (0, 4)
    assert verify(lake).faults == ()
    assert rows_of(lake, LISTINGS).is_empty()


def test_unlisted_files_are_reported_and_moved_out_of_the_tables(lake):
    stray = lake.tables / "listings" / "month=2025-11" / "part-1.parquet"
    stray.write_bytes((lake.root / LISTED).read_bytes())
    assert kinds(lake) == [("tables/listings/month=2025-11/part-1.parquet", "stray")]
    (moved,) = repair(lake, verify(lake).faults).set_aside
    assert (lake.root / moved).is_file()
    assert verify(lake).faults == ()


def test_unlisted_evidence_is_reported_but_not_moved(lake):
    stray = lake.tables / "hub_replies" / "month=2025-12" / "part-0.parquet"
    stray.parent.mkdir()
    stray.write_bytes((lake.root / REPLIES).read_bytes())
    assert repair(lake, verify(lake).faults).set_aside == ()
    assert stray.is_file()


DAMAGE = {
    "order": lambda rows: rows.reverse(),
    "key": lambda rows: pl.concat([rows.head(1), rows]),
    "rows": lambda rows: rows.with_columns(listed_on=pl.lit(date(2025, 12, 1))),
    "evidence": lambda rows: rows.with_columns(last_seen_at=pl.col("last_seen_at") + timedelta(days=1)),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_wrong_rows_with_correct_checksums_are_detected(lake, kind):
    republish(lake, LISTINGS, "2025-11", DAMAGE[kind](rows_of(lake, LISTINGS)))
    assert (LISTED, kind) in kinds(lake)


def test_a_table_built_from_other_evidence_than_the_published_is_outdated(lake):
    republish(lake, HUB_REPLIES, "2025-11", rows_of(lake, HUB_REPLIES).head(3))
    assert (LISTED, "outdated") in kinds(lake)


def test_an_answer_that_differs_from_its_hash_is_detected(lake):
    republish(lake, HUB_REPLIES, "2025-11", rows_of(lake, HUB_REPLIES).with_columns(body=pl.lit(b"[]")))
    assert (REPLIES, "evidence") in kinds(lake)


def test_a_concurrent_publish_is_not_a_fault(lake, monkeypatch):
    has_published = []

    def publish_meanwhile(path, entry):
        if not has_published:
            has_published.append(True)
            for row in answers(date(2025, 11, 10)):
                keep(lake, HUB_REPLIES, row)
            publish_month(lake, "2025-11")
        return file_fault(path, entry)

    file_fault = verify_module._file_fault
    monkeypatch.setattr(verify_module, "_file_fault", publish_meanwhile)
    assert verify(lake).faults == ()


def test_unreadable_files_in_the_inbox_are_reported(lake):
    (row,) = answers(date(2025, 11, 10))
    path = keep(lake, HUB_REPLIES, row)
    flip(path, 800)
    assert kinds(lake) == [(path.relative_to(lake.root).as_posix(), "waiting")]


@pytest.fixture
def papers(lake, monkeypatch):
    monkeypatch.setenv("PAPERLAKE_ROOT", str(lake.root))
    return lambda *words: CliRunner().invoke(main, list(words))


def test_the_command_fails_with_a_remedy_until_the_lake_is_repaired(papers, lake):
    flip(lake.root / LISTED, 900)
    result = papers("verify")
    assert result.exit_code == 1
    assert LISTED in result.output
    assert "papers verify --repair" in result.output
    assert papers("verify", "--repair").exit_code == 0
    assert papers("verify").exit_code == 0


def test_a_repair_that_lost_answers_fails_and_reports_the_dates(papers, lake):
    flip(lake.root / REPLIES, (lake.root / REPLIES).stat().st_size * 4)
    result = papers("verify", "--repair", "--json")
    assert result.exit_code == 1
    report = json.loads(result.output)
    assert report["left"] == []
    assert report["saved"][0]["lost_dates"]


def test_repair_keeps_only_answers_of_published_captures(lake):
    republish(
        lake,
        CAPTURES,
        "2025-11",
        rows_of(lake, CAPTURES).filter(pl.col("listed_on") != date(2025, 11, 4)),
    )
    flip(lake.root / REPLIES, 800)
    repair(lake, verify(lake).faults)
    assert date(2025, 11, 4) not in rows_of(lake, HUB_REPLIES)["requested_on"]
