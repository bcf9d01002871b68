"""Windowed tables are rebuilt whenever a month of their lookback window is published."""

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
BUILD_MONTH = windowed.build_month
OCTOBER, NOVEMBER, JANUARY = "2025-10", "2025-11", "2026-01"
OF_OCTOBER, OF_NOVEMBER, OF_JANUARY = (
    f"tables/trends/month={month}/part-0.parquet" for month in (OCTOBER, NOVEMBER, JANUARY)
)


def capture_paper(lake, day, votes, *, days_later=0, paper="2510.00010"):
    """A capture of the morning after `day` closed, or later."""
    at = datetime(day.year, day.month, day.day, 3, 15, tzinfo=UTC) + timedelta(days=1 + days_later)
    for row in capture([entry(paper, paper__upvotes=votes)], day, at):
        keep(lake, HUB_REPLIES, row)
    return at


def record_builds(monkeypatch):
    """The months that are built from now on, in order."""
    months = []

    def build(writer, options, transform, month, inputs):
        months.append(month)
        return BUILD_MONTH(writer, options, transform, month, inputs)

    monkeypatch.setattr(windowed, "build_month", build)
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
    """Two months that follow each other, and one apart, published as they came."""
    return Lake(Path(shutil.copytree(published.root, tmp_path / "lake")))


def ranked(lake, day):
    """The papers of the week up to `day`, with their votes."""
    shown = (pl.col("ranked_on") == day) & (pl.col("span") == "week")
    rows = scan(snapshot(lake), TRENDS).filter(shown).collect().sort(TRENDS.sort)
    return rows.select("paper_id", "upvote_count").rows()


def inputs(lake, month):
    return {name.removeprefix("tables/") for name in snapshot(lake).manifest.entry("trends", month).inputs}


def kinds(lake):
    return {(fault.name, fault.kind) for fault in verify(lake).faults}


@pytest.mark.parametrize(
    ("month", "read"),
    [
        ("2025-11", ("2025-10", "2025-11")),
        ("2025-01", ("2024-12", "2025-01")),
        ("2025-03", ("2025-01", "2025-02", "2025-03")),
        ("2024-03", ("2024-02", "2024-03")),
    ],
)
def test_a_month_is_built_from_all_months_that_its_thirty_dates_lie_in(month, read):
    assert WindowedInputs(("listings",), lookback_days=30).months(month) == read


def test_a_week_reaches_into_the_month_before(lake):
    assert ranked(lake, FIRST) == [("2511.00010", 3), ("2510.00010", 5)]
    assert inputs(lake, NOVEMBER) == {
        f"{table}/month={month}/part-0.parquet" for table in ("listings", "signals") for month in (OCTOBER, NOVEMBER)
    }


def test_what_is_new_in_a_month_changes_the_month_after_it_and_no_other(lake):
    before = {month: snapshot(lake).manifest.entry("trends", month) for month in (NOVEMBER, JANUARY)}
    capture_paper(lake, LAST, 40, days_later=3)
    done = publish_month(lake, OCTOBER)
    assert {OF_OCTOBER, OF_NOVEMBER} <= set(done.changed)
    assert OF_JANUARY not in done.changed
    assert ranked(lake, FIRST)[0] == ("2510.00010", 40)
    after = {month: snapshot(lake).manifest.entry("trends", month) for month in (NOVEMBER, JANUARY)}
    assert after[JANUARY] == before[JANUARY]
    assert after[NOVEMBER] != before[NOVEMBER]


def test_a_run_without_new_evidence_builds_nothing(lake, monkeypatch):
    monkeypatch.setattr(windowed, "build_month", lambda *_: pytest.fail("nothing was to be built"))
    assert publish_month(lake, NOVEMBER).changed == ()


def test_only_months_that_read_a_changed_month_are_rebuilt(lake, monkeypatch):
    built = record_builds(monkeypatch)
    capture_paper(lake, LAST, 6, days_later=1)
    publish_month(lake, OCTOBER)
    assert built == [OCTOBER, NOVEMBER]


def test_any_order_of_months_builds_the_same_bytes(lake, tmp_path):
    other = Lake(tmp_path / "other")
    for day, votes, paper in ((date(2026, 1, 5), 1, "2601.00010"), (FIRST, 3, "2511.00010"), (LAST, 5, "2510.00010")):
        capture_paper(other, day, votes, paper=paper)
        publish_month(other, f"{day:%Y-%m}")
    assert parts(other) == parts(lake)
    assert inputs(other, NOVEMBER) == inputs(lake, NOVEMBER)


@pytest.mark.parametrize("months_at_once", [1, 2, 14])
def test_a_full_rebuild_in_a_fresh_lake_builds_the_same_bytes(lake, tmp_path, monkeypatch, months_at_once):
    monkeypatch.setattr(publish, "EVIDENCE_BATCH_MONTHS", months_at_once)
    built = record_builds(monkeypatch)
    capture_paper(lake, LAST, 9, days_later=2)
    publish_month(lake, OCTOBER)
    built.clear()
    target = Lake(tmp_path / "target")
    list(rebuild_as_of(lake, known_months(lake), datetime(2026, 2, 1, tzinfo=UTC), target))
    assert parts(target) == parts(lake)
    assert sorted(built) == [OCTOBER, NOVEMBER, JANUARY], "each once, after all months of its window"
    assert not [each for each in rebuild(lake, known_months(lake), force=True) if each.is_changed or each.fault]


def test_the_ranking_as_it_was_known(lake, tmp_path):
    at = capture_paper(lake, LAST, 40, days_later=0.1)
    publish_month(lake, OCTOBER)
    assert ranked(lake, LAST) == [("2510.00010", 40)]
    target = Lake(tmp_path / "then")
    list(rebuild_as_of(lake, known_months(lake), at - timedelta(seconds=1), target))
    assert ranked(target, LAST) == [("2510.00010", 5)]


def test_only_this_table_can_be_built_again(lake):
    before = parts(lake)
    for table in ("trends", "authors"):
        lake.part(table, NOVEMBER).unlink()
    assert Published.of(rebuild(lake, [NOVEMBER], force=True, only=[TRENDS])).changed == (OF_NOVEMBER,)
    assert lake.part("trends", NOVEMBER).read_bytes() == before[lake.part("trends", NOVEMBER).relative_to(lake.root)]
    assert not lake.part("authors", NOVEMBER).exists()


def test_what_a_dead_run_left_behind_is_found_and_the_next_run_builds_it(lake, monkeypatch):
    capture_paper(lake, LAST, 40, days_later=3)
    with monkeypatch.context() as patch:
        patch.setattr(windowed, "stale_months", lambda *_: {})
        publish_month(lake, OCTOBER)
    assert kinds(lake) == {(OF_OCTOBER, "outdated"), (OF_NOVEMBER, "outdated")}
    publish_month(lake, JANUARY)
    assert kinds(lake) == set()
    assert ranked(lake, FIRST)[0] == ("2510.00010", 40)


def test_a_month_that_was_never_ranked_is_found_and_the_next_run_ranks_it(tmp_path, monkeypatch):
    lake = Lake(tmp_path / "lake")
    capture_paper(lake, FIRST, 3)
    with monkeypatch.context() as patch:
        patch.setattr(windowed, "stale_months", lambda *_: {})
        publish_month(lake, NOVEMBER)
    assert kinds(lake) == {(OF_NOVEMBER, "missing")}
    assert publish_month(lake, NOVEMBER).changed == (OF_NOVEMBER,)
    assert kinds(lake) == set()


def test_a_month_before_that_came_later_makes_the_ranking_outdated(tmp_path, monkeypatch):
    lake = Lake(tmp_path / "lake")
    capture_paper(lake, FIRST, 3)
    publish_month(lake, NOVEMBER)
    capture_paper(lake, LAST, 5)
    with monkeypatch.context() as patch:
        patch.setattr(windowed, "stale_months", lambda *_: {})
        publish_month(lake, OCTOBER)
    assert (OF_NOVEMBER, "outdated") in kinds(lake)


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_ranking_is_mended_to_the_byte(lake, damage):
    before = parts(lake)
    part = lake.part("trends", NOVEMBER)
    whole = part.read_bytes()
    {
        "cut": lambda: part.write_bytes(whole[:-5]),
        "flipped": lambda: part.write_bytes(bytes([whole[0] ^ 1]) + whole[1:]),
        "gone": part.unlink,
    }[damage]()
    found = verify(lake).faults
    assert [fault.name for fault in found] == [OF_NOVEMBER]
    repair(lake, found)
    assert parts(lake) == before
    assert kinds(lake) == set()


def test_damaged_lists_of_the_month_before_are_not_built_from(lake):
    part = lake.part("signals", OCTOBER)
    part.write_bytes(b"\0" * part.stat().st_size)
    capture_paper(lake, FIRST, 4, days_later=1)
    published = Published.of(publish_months(lake, [NOVEMBER]))
    (fault,) = published.faults
    assert "signals" in str(fault)
    assert f"tables/listings/month={NOVEMBER}/part-0.parquet" in published.changed
    assert OF_NOVEMBER not in published.changed
    repair(lake, verify(lake).faults)
    assert kinds(lake) == set()


def test_a_ranking_that_breaks_its_declaration_is_not_published_but_what_it_is_made_of_is(lake, monkeypatch):
    def build_broken(*arguments):
        staged = BUILD_MONTH(*arguments)
        return replace(staged, profiles={TRENDS: with_rank_0(staged.profiles[TRENDS])})

    def with_rank_0(profile):
        rank = pl.when(pl.col("rank").is_not_null()).then(0).alias("rank")
        return profile.with_columns(rank.cast(profile["rank"].dtype))

    before = lake.part("trends", NOVEMBER).read_bytes()
    monkeypatch.setattr(windowed, "build_month", build_broken)
    capture_paper(lake, FIRST, 4, days_later=1)
    with pytest.raises(MonthRefused, match=r"trends\.rank"):
        publish_month(lake, NOVEMBER)
    assert lake.part("trends", NOVEMBER).read_bytes() == before
    assert scan(snapshot(lake), TABLES["signals"], {NOVEMBER}).collect().height == 2
    failed = scan(snapshot(lake), TABLES["validations"]).filter(~pl.col("success")).collect()
    assert failed["table_name"].unique().to_list() == ["trends"]


def test_a_row_leads_to_the_capture_that_it_rests_on(lake):
    wrong = (
        scan(snapshot(lake), TRENDS, {NOVEMBER}).collect().with_columns(observed_at=datetime(2025, 11, 4, tzinfo=UTC))
    )
    with publish.open_writer(lake) as writer:
        entry = writer.manifest.entry("trends", NOVEMBER)
        writer.commit(writer.stage(NOVEMBER, {TRENDS: wrong}, code=entry.code, inputs=entry.inputs))
    assert kinds(lake) == {(OF_NOVEMBER, "evidence")}


def test_an_accepted_capture_is_ranked(tmp_path, monkeypatch):
    lake = Lake(tmp_path / "lake")
    at = datetime(2025, 11, 4, 3, 15, tzinfo=UTC)
    for row in capture([entry("2511.00010"), None, None], FIRST, at):
        keep(lake, HUB_REPLIES, row)
    publish_month(lake, NOVEMBER)
    assert ranked(lake, FIRST) == []
    accept(lake, FIRST, at)
    assert ranked(lake, FIRST) == [("2511.00010", 7)]
    assert kinds(lake) == set()


def test_the_judge_is_asked_of_rankings_too(lake):
    asked = scan(snapshot(lake), TABLES["validations"]).filter(pl.col("table_name") == "trends").collect()
    assert set(asked["judged_month"]) == {OCTOBER, NOVEMBER, JANUARY}
    assert asked["success"].all()
