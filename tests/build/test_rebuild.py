"""Rebuild from evidence: the same bytes, or the lake as it was known at a point in time."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_month
from paperlake.build.rebuild import NothingKnown, TargetTaken, known_months, rebuild, rebuild_as_of
from paperlake.build.results import Published
from paperlake.operations.import_replies import find_replies, publish_waiting, store_replies
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.hub.generated import GeneratedHub
from schemas.catalogue import TABLES
from tests.build.test_build import keep

DAY, MONTH = date(2025, 11, 6), "2025-11"
MORNINGS = [datetime(2025, 11, 6, 8, tzinfo=UTC) + timedelta(days=n) for n in range(4)]


def publish_each_morning(lake):
    for at in MORNINGS:
        keep(lake, at)
        publish_month(lake, MONTH)


@pytest.fixture
def lake(build_once, tmp_path):
    """A lake that was published after each capture."""
    return build_once(publish_each_morning, Lake(tmp_path / "lake"))


def parts(lake):
    """The bytes of every published file except the validation log, which depends on the runs."""
    paths = [path for path in lake.tables.rglob("*.parquet") if "validations" not in path.parts]
    return {path.relative_to(lake.root): path.read_bytes() for path in paths}


def rows(lake, table):
    return scan(snapshot(lake), TABLES[table]).collect().sort(TABLES[table].sort)


def test_a_rebuild_gives_the_same_bytes_as_the_runs(lake):
    before = parts(lake)
    assert Published.of(rebuild(lake, known_months(lake), force=True)).changed == ()
    assert parts(lake) == before


def test_processes_build_the_same_bytes_as_threads(lake, monkeypatch):
    before = parts(lake)
    monkeypatch.setattr("paperlake.build.workers.PROCESSES_FROM_BYTES", 0)
    lake.part("listings", MONTH).unlink()
    published = Published.of(rebuild(lake, [MONTH, "2025-12"], force=True))
    assert published.changed == ("tables/listings/month=2025-11/part-0.parquet",)
    assert parts(lake) == before


def test_only_the_requested_table_is_built(lake):
    for table in ("listings", "authors"):
        lake.part(table, MONTH).unlink()
    published = Published.of(rebuild(lake, [MONTH], force=True, only=[TABLES["authors"]]))
    assert published.changed == ("tables/authors/month=2025-11/part-0.parquet",)
    assert not lake.part("listings", MONTH).exists()


def test_captures_published_one_by_one_give_the_same_bytes_as_all_at_once(lake, tmp_path):
    at_once = Lake(tmp_path / "at-once")
    for at in reversed(MORNINGS):
        keep(at_once, at)
    publish_month(at_once, MONTH)
    assert parts(at_once) == parts(lake)


def test_force_rebuilds_a_damaged_derived_table(lake):
    before = parts(lake)
    manifest = lake.manifest.read_text().replace(snapshot(lake).manifest.entry("listings", MONTH).sha256, "0" * 64)
    lake.manifest.write_text(manifest)
    lake.part("listings", MONTH).write_bytes(b"damaged")
    published = Published.of(rebuild(lake, [MONTH], force=True))
    assert published.changed == ("tables/listings/month=2025-11/part-0.parquet",)
    assert parts(lake) == before


@pytest.mark.parametrize("capture_count", range(1, 5))
def test_the_lake_as_of_a_timestamp_has_the_bytes_that_were_published_then(lake, tmp_path, capture_count):
    then, target = Lake(tmp_path / "then"), Lake(tmp_path / "target")
    for at in MORNINGS[:capture_count]:
        keep(then, at)
        publish_month(then, MONTH)
    list(rebuild_as_of(lake, known_months(lake), MORNINGS[capture_count - 1], target))
    assert parts(target) == parts(then)


def test_a_lake_as_of_a_timestamp_is_never_built_over_another_lake(lake, tmp_path):
    with pytest.raises(TargetTaken, match="choose a new folder"):
        list(rebuild_as_of(lake, [MONTH], MORNINGS[0], lake))


def test_a_lake_as_of_a_timestamp_needs_an_empty_folder(lake, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/notes.txt").write_text("notes")
    with pytest.raises(TargetTaken, match="holds something already"):
        list(rebuild_as_of(lake, [MONTH], MORNINGS[0], Lake(tmp_path / "taken")))


def test_there_is_no_lake_as_of_a_time_before_the_first_capture(lake, tmp_path):
    with pytest.raises(NothingKnown, match="nothing had been captured yet at 2000-01-01"):
        list(rebuild_as_of(lake, [MONTH], datetime(2000, 1, 1, tzinfo=UTC), Lake(tmp_path / "then")))


def test_each_recorded_timestamp_gives_its_list_and_votes(recordings, tmp_path):
    lake = Lake(tmp_path / "lake")
    recorded = find_replies(recordings / "hub/recaptures").answers
    answers = [answer for answer in recorded if answer.listed_on == date(2025, 1, 8)]
    store_replies(lake, tuple(answers), lambda: None)
    list(publish_waiting(lake))
    for answer in answers:
        target = Lake(tmp_path / answer.path.stem)
        list(rebuild_as_of(lake, ["2025-01"], answer.captured_at, target))
        entries = json.loads(answer.path.read_text())
        votes = {entry["paper"]["id"]: entry["paper"]["upvotes"] for entry in entries}
        listed = rows(target, "listings").filter("is_listed")
        assert dict(listed.select("paper_id", "upvote_count").iter_rows()) == votes
        assert listed["last_seen_at"].unique().to_list() == [answer.captured_at]


def test_the_command_reports_its_result(lake, tmp_path, monkeypatch):
    monkeypatch.setenv("PAPERLAKE_ROOT", str(lake.root))
    runner = CliRunner()
    assert "unchanged" in runner.invoke(main, ["rebuild"]).output
    assert "no byte differed" in runner.invoke(main, ["rebuild", "--force", "--month", MONTH]).output
    as_of = ["rebuild", "--as-of", "2025-11-06T09:00:00Z"]
    assert "--into" in runner.invoke(main, as_of).output
    assert runner.invoke(main, [*as_of, "--into", str(tmp_path / "then")]).exit_code == 0
    assert rows(Lake(tmp_path / "then"), "captures").height == 1


def test_gaps_are_printed_as_a_calendar_or_as_json(lake, monkeypatch):
    monkeypatch.setenv("PAPERLAKE_ROOT", str(lake.root))
    calendar = CliRunner().invoke(main, ["gaps", "--since", "2025-11-03"]).output
    assert "2025-11    ???+???" in calendar
    gaps = json.loads(CliRunner().invoke(main, ["gaps", "--since", "2025-11-03", "--json"]).output)
    assert gaps[0] == {"date": "2025-11-03", "verdict": None, "reason": None}
    assert "2025-11-06" not in {gap["date"] for gap in gaps}


def test_the_manifest_lists_the_missing_dates(lake):
    missing = snapshot(lake).manifest.entry("source_days", MONTH).missing_dates
    assert "2025-11-06" not in missing
    assert len(missing) == 29


def test_every_capture_adds_an_observation_of_the_votes(lake):
    votes = rows(lake, "signals").group_by("paper_id").agg(pl.col("upvote_count").n_unique())
    assert rows(lake, "signals")["captured_at"].n_unique() == len(MORNINGS)
    assert votes["upvote_count"].max() > 1
    listed = GeneratedHub(papers_a_day=6).listed(DAY, MORNINGS[-1])
    assert {entry["paper"]["id"] for entry in listed} <= set(votes["paper_id"])
