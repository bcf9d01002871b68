"""Windowed tables: a partition is rebuilt whenever a month of its lookback window is published."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from paperlake.build import publish, windowed
from paperlake.build.publish import MonthRefused, publish_month, publish_months
from paperlake.build.rebuild import known_months, rebuild, rebuild_as_of
from paperlake.build.results import Published
from paperlake.operations.accept import accept
from paperlake.operations.repair import repair
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from paperlake.store.verify import verify
from schemas.catalogue import TABLES
from schemas.hub_replies import HUB_REPLIES
from schemas.table import WindowedInputs
from schemas.trends import TRENDS
from tests.build.test_rebuild import parts
from tests.replies import capture, entry

LAST, FIRST = date(2025, 10, 31), date(2025, 11, 3)
BUILD_MONTHS = windowed.build_months
OCTOBER, NOVEMBER, JANUARY = "2025-10", "2025-11", "2026-01"
OCTOBER_FILE, NOVEMBER_FILE, JANUARY_FILE = (
    f"tables/trends/month={month}/part-0.parquet" for month in (OCTOBER, NOVEMBER, JANUARY)
)


def capture_paper(lake, day, votes, *, days_later=0, paper="2510.00010"):
    """Store a capture of the morning after `day` closed, or of later days. Returns when the capture began."""
    at = datetime(day.year, day.month, day.day, 3, 15, tzinfo=UTC) + timedelta(days=1 + days_later)
    for row in capture([entry(paper, paper__upvotes=votes)], day, at):
        keep(lake, HUB_REPLIES, row)
    return at


def record_builds(monkeypatch):
    """Returns a list to which every build from now on appends its months."""
    months = []

    def build(writer, options, transform, inputs):
        months.extend(inputs)
        return BUILD_MONTHS(writer, options, transform, inputs)

    monkeypatch.setattr(windowed, "build_months", build)
    return months


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("published") / "lake")
    for day, votes, paper in ((LAST, 5, "2510.00010"), (FIRST, 3, "2511.00010"), (date(2026, 1, 5), 1, "2601.00010")):
        capture_paper(lake, day, votes, paper=paper)
        publish_month(lake, f"{day:%Y-%m}")
    return lake


@pytest.fixture
def lake(published, tmp_path):
    """A lake with two consecutive months and a separate one, published in order."""
    return Lake(Path(shutil.copytree(published.root, tmp_path / "lake")))


def ranked(lake, day):
    """The papers of the week up to `day` with their votes, by rank."""
    is_of_week = (pl.col("ranked_on") == day) & (pl.col("span") == "week")
    rows = scan(snapshot(lake), TRENDS).filter(is_of_week).collect().sort(TRENDS.sort)
    return rows.select("paper_id", "upvote_count").rows()


def inputs(lake, month):
    """The input files of a month of `trends`, from the manifest."""
    return {name.removeprefix("tables/") for name in snapshot(lake).manifest.entry("trends", month).inputs}


def faults(lake):
    """The faults that `verify` finds, as (file, kind)."""
    return {(fault.name, fault.kind) for fault in verify(lake).faults}


@pytest.mark.parametrize(
    ("month", "months_read"),
    [
        ("2025-11", ("2025-10", "2025-11")),
        ("2025-01", ("2024-12", "2025-01")),
        ("2025-03", ("2025-01", "2025-02", "2025-03")),
        ("2024-03", ("2024-02", "2024-03")),
    ],
)
def test_a_month_reads_every_month_of_its_lookback_of_thirty_days(month, months_read):
    assert WindowedInputs(("listings",), lookback_days=30).months(month) == months_read


def test_a_week_ranks_papers_of_the_previous_month(lake):
    assert ranked(lake, FIRST) == [("2511.00010", 3), ("2510.00010", 5)]
    assert inputs(lake, NOVEMBER) == {
        f"{table}/month={month}/part-0.parquet" for table in ("listings", "signals") for month in (OCTOBER, NOVEMBER)
    }


def test_new_evidence_of_a_month_rebuilds_that_month_and_the_next_only(lake):
    before = {month: snapshot(lake).manifest.entry("trends", month) for month in (NOVEMBER, JANUARY)}
    capture_paper(lake, LAST, 40, days_later=3)
    changed = publish_month(lake, OCTOBER).changed
    assert {OCTOBER_FILE, NOVEMBER_FILE} <= set(changed)
    assert JANUARY_FILE not in changed
    assert ranked(lake, FIRST)[0] == ("2510.00010", 40)
    after = {month: snapshot(lake).manifest.entry("trends", month) for month in (NOVEMBER, JANUARY)}
    assert after[JANUARY] == before[JANUARY]
    assert after[NOVEMBER] != before[NOVEMBER]


def test_a_run_without_new_evidence_builds_nothing(lake, monkeypatch):
    monkeypatch.setattr(windowed, "build_months", lambda *_: pytest.fail("a month was built"))
    assert publish_month(lake, NOVEMBER).changed == ()


def test_only_months_whose_window_has_a_changed_month_are_rebuilt(lake, monkeypatch):
    built = record_builds(monkeypatch)
    capture_paper(lake, LAST, 6, days_later=1)
    publish_month(lake, OCTOBER)
    assert built == [OCTOBER, NOVEMBER]


def test_any_order_of_months_gives_the_same_bytes(lake, tmp_path):
    other = Lake(tmp_path / "other")
    for day, votes, paper in ((date(2026, 1, 5), 1, "2601.00010"), (FIRST, 3, "2511.00010"), (LAST, 5, "2510.00010")):
        capture_paper(other, day, votes, paper=paper)
        publish_month(other, f"{day:%Y-%m}")
    assert parts(other) == parts(lake)
    assert inputs(other, NOVEMBER) == inputs(lake, NOVEMBER)


@pytest.mark.parametrize("months_at_once", [1, 2, 14])
def test_a_full_rebuild_in_a_new_lake_gives_the_same_bytes(lake, tmp_path, monkeypatch, months_at_once):
    monkeypatch.setattr(publish, "EVIDENCE_BATCH_MONTHS", months_at_once)
    built = record_builds(monkeypatch)
    capture_paper(lake, LAST, 9, days_later=2)
    publish_month(lake, OCTOBER)
    built.clear()
    target = Lake(tmp_path / "target")
    list(rebuild_as_of(lake, known_months(lake), datetime(2026, 2, 1, tzinfo=UTC), target))
    assert parts(target) == parts(lake)
    assert sorted(built) == [OCTOBER, NOVEMBER, JANUARY], "each month once"
    results = rebuild(lake, known_months(lake), force=True)
    assert not [result for result in results if result.is_changed or result.fault]


def test_a_ranking_as_of_an_earlier_time_has_the_votes_of_then(lake, tmp_path):
    at = capture_paper(lake, LAST, 40, days_later=0.1)
    publish_month(lake, OCTOBER)
    assert ranked(lake, LAST) == [("2510.00010", 40)]
    target = Lake(tmp_path / "then")
    list(rebuild_as_of(lake, known_months(lake), at - timedelta(seconds=1), target))
    assert ranked(target, LAST) == [("2510.00010", 5)]


def test_only_the_requested_table_is_rebuilt(lake):
    before = parts(lake)
    for table in ("trends", "authors"):
        lake.part(table, NOVEMBER).unlink()
    assert Published.of(rebuild(lake, [NOVEMBER], force=True, only=[TRENDS])).changed == (NOVEMBER_FILE,)
    assert lake.part("trends", NOVEMBER).read_bytes() == before[lake.part("trends", NOVEMBER).relative_to(lake.root)]
    assert not lake.part("authors", NOVEMBER).exists()


def test_verify_reports_months_that_a_killed_run_left_outdated_and_the_next_run_builds_them(lake, monkeypatch):
    capture_paper(lake, LAST, 40, days_later=3)
    with monkeypatch.context() as patch:
        patch.setattr(windowed, "stale_months", lambda *_: {})
        publish_month(lake, OCTOBER)
    assert faults(lake) == {(OCTOBER_FILE, "outdated"), (NOVEMBER_FILE, "outdated")}
    publish_month(lake, JANUARY)
    assert faults(lake) == set()
    assert ranked(lake, FIRST)[0] == ("2510.00010", 40)


def test_verify_reports_a_month_that_was_never_ranked_and_the_next_run_ranks_it(tmp_path, monkeypatch):
    lake = Lake(tmp_path / "lake")
    capture_paper(lake, FIRST, 3)
    with monkeypatch.context() as patch:
        patch.setattr(windowed, "stale_months", lambda *_: {})
        publish_month(lake, NOVEMBER)
    assert faults(lake) == {(NOVEMBER_FILE, "missing")}
    assert publish_month(lake, NOVEMBER).changed == (NOVEMBER_FILE,)
    assert faults(lake) == set()


def test_evidence_of_the_previous_month_that_arrives_later_makes_the_ranking_outdated(tmp_path, monkeypatch):
    lake = Lake(tmp_path / "lake")
    capture_paper(lake, FIRST, 3)
    publish_month(lake, NOVEMBER)
    capture_paper(lake, LAST, 5)
    with monkeypatch.context() as patch:
        patch.setattr(windowed, "stale_months", lambda *_: {})
        publish_month(lake, OCTOBER)
    assert (NOVEMBER_FILE, "outdated") in faults(lake)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing"])
def test_a_damaged_ranking_is_repaired_to_the_same_bytes(lake, damage):
    before = parts(lake)
    part = lake.part("trends", NOVEMBER)
    intact = part.read_bytes()
    {
        "truncated": lambda: part.write_bytes(intact[:-5]),
        "flipped": lambda: part.write_bytes(bytes([intact[0] ^ 1]) + intact[1:]),
        "missing": part.unlink,
    }[damage]()
    damaged = verify(lake).faults
    assert [fault.name for fault in damaged] == [NOVEMBER_FILE]
    repair(lake, damaged)
    assert parts(lake) == before
    assert faults(lake) == set()


def test_a_ranking_is_not_built_from_damaged_signals_of_the_previous_month(lake):
    part = lake.part("signals", OCTOBER)
    part.write_bytes(b"\0" * part.stat().st_size)
    capture_paper(lake, FIRST, 4, days_later=1)
    published = Published.of(publish_months(lake, [NOVEMBER]))
    (fault,) = published.faults
    assert "signals" in str(fault)
    assert f"tables/listings/month={NOVEMBER}/part-0.parquet" in published.changed
    assert NOVEMBER_FILE not in published.changed
    repair(lake, verify(lake).faults)
    assert faults(lake) == set()


def test_a_ranking_that_violates_its_declaration_is_not_published_but_its_inputs_are(lake, monkeypatch):
    def build_invalid(*arguments):
        staged = BUILD_MONTHS(*arguments)
        profile = staged.profiles[TRENDS]
        rank_0 = profile["rank"].with_columns(rank=pl.lit(0, profile["rank"].schema["rank"]))
        return replace(staged, profiles={TRENDS: {**profile, "rank": rank_0}})

    before = lake.part("trends", NOVEMBER).read_bytes()
    monkeypatch.setattr(windowed, "build_months", build_invalid)
    capture_paper(lake, FIRST, 4, days_later=1)
    with pytest.raises(MonthRefused, match=r"trends\.rank"):
        publish_month(lake, NOVEMBER)
    assert lake.part("trends", NOVEMBER).read_bytes() == before
    assert scan(snapshot(lake), TABLES["signals"], {NOVEMBER}).collect().height == 2
    failed = scan(snapshot(lake), TABLES["validations"]).filter(~pl.col("success")).collect()
    assert failed["table_name"].unique().to_list() == ["trends"]


def test_verify_reports_a_ranking_that_references_no_capture(lake):
    rows = scan(snapshot(lake), TRENDS, {NOVEMBER}).collect()
    wrong = rows.with_columns(observed_at=datetime(2025, 11, 4, tzinfo=UTC))
    with publish.open_writer(lake) as writer:
        entry = writer.manifest.entry("trends", NOVEMBER)
        writer.commit(writer.stage(NOVEMBER, {TRENDS: wrong}, code=entry.code, inputs=entry.inputs))
    assert faults(lake) == {(NOVEMBER_FILE, "evidence")}


def test_an_accepted_capture_is_ranked(tmp_path, monkeypatch):
    lake = Lake(tmp_path / "lake")
    at = datetime(2025, 11, 4, 3, 15, tzinfo=UTC)
    for row in capture([entry("2511.00010"), None, None], FIRST, at):
        keep(lake, HUB_REPLIES, row)
    publish_month(lake, NOVEMBER)
    assert ranked(lake, FIRST) == []
    accept(lake, FIRST, at)
    assert ranked(lake, FIRST) == [("2511.00010", 7)]
    assert faults(lake) == set()


def test_rankings_are_validated(lake):
    validations = scan(snapshot(lake), TABLES["validations"]).filter(pl.col("table_name") == "trends").collect()
    assert set(validations["judged_month"]) == {OCTOBER, NOVEMBER, JANUARY}
    assert validations["success"].all()
