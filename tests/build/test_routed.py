"""Routed tables: exactly the months are rebuilt whose routed rows changed."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlake.build import batches, publish, routed
from paperlake.build.publish import publish_month, publish_months
from paperlake.build.rebuild import known_months, rebuild, rebuild_as_of
from paperlake.build.results import Published
from paperlake.operations.repair import repair
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from paperlake.store.publish import FileDamaged
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from paperlake.store.verify import verify
from schemas.hub_replies import HUB_REPLIES
from schemas.listings import LISTINGS
from schemas.papers import PAPERS
from tests.build.test_rebuild import parts
from tests.replies import capture, entry
from transforms.graph import DERIVED, ROUTED
from transforms.paper_ids import filed_on, is_filed_on
from transforms.routes import route_digests

OCTOBER, NOVEMBER = "2025-10", "2025-11"
OLD, LATE, NEW = "2509.00010", "2510.00020", "2511.00030"


def capture_papers(lake, day, votes, *, days_later=0):
    """Store a capture of `day`; `votes` has the vote count of each paper. Returns when the capture began."""
    at = datetime(day.year, day.month, day.day, 3, 15, tzinfo=UTC) + timedelta(days=1 + days_later)
    entries = [entry(paper, paper__upvotes=count) for paper, count in votes.items()]
    for row in capture(entries, day, at):
        keep(lake, HUB_REPLIES, row)
    return at


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A lake with one paper on lists of two months, and two papers on one list each."""
    lake = Lake(tmp_path_factory.mktemp("published") / "lake")
    capture_papers(lake, date(2025, 10, 30), {OLD: 5, LATE: 7})
    capture_papers(lake, date(2025, 11, 3), {LATE: 9, NEW: 1})
    list(publish_months(lake, [OCTOBER, NOVEMBER]))
    return lake


@pytest.fixture
def lake(published, tmp_path):
    return Lake(Path(shutil.copytree(published.root, tmp_path / "lake")))


def routed_parts(lake):
    return {name: data for name, data in parts(lake).items() if "papers" in name.parts}


def papers(lake):
    return {row["paper_id"]: row for row in scan(snapshot(lake), PAPERS).collect().iter_rows(named=True)}


def test_a_paper_is_in_the_partition_of_its_identifier_whatever_month_listed_it(lake):
    assert snapshot(lake).manifest.months("papers") == ["2025-09", "2025-10", "2025-11"]
    late = papers(lake)[LATE]
    assert (late["filed_on"], late["first_listed_on"], late["last_listed_on"], late["listing_count"]) == (
        *(date(2025, 10, 1), date(2025, 10, 30), date(2025, 11, 3)),
        2,
    )
    assert late["upvote_count"] == 9


def test_only_months_whose_routed_rows_changed_are_built(lake):
    capture_papers(lake, date(2025, 11, 3), {NEW: 4}, days_later=1)
    changed = publish_month(lake, NOVEMBER).changed
    assert [name for name in changed if "/papers/" in name] == [
        f"tables/papers/month={month}/part-0.parquet" for month in (OCTOBER, NOVEMBER)
    ]
    assert papers(lake)[LATE]["listing_count"] == 1


def test_a_capture_without_changes_for_a_month_does_not_rebuild_it(lake):
    capture_papers(lake, date(2025, 11, 4), {NEW: 4})
    changed = publish_month(lake, NOVEMBER).changed
    assert [name for name in changed if "/papers/" in name] == ["tables/papers/month=2025-11/part-0.parquet"]


def test_a_second_answer_for_a_page_of_the_same_capture_is_routed(lake):
    day, at = date(2025, 11, 3), datetime(2025, 11, 4, 3, 15, tzinfo=UTC)
    (answer,) = capture([entry(LATE), entry(NEW, paper__upvotes=77, paper__title="Corrected")], day, at)
    keep(lake, HUB_REPLIES, answer | {"captured_at": at + timedelta(minutes=1)})
    publish_month(lake, NOVEMBER)
    assert (papers(lake)[NEW]["upvote_count"], papers(lake)[NEW]["title"]) == (77, "Corrected")
    assert not Published.of(rebuild(lake, known_months(lake), force=True)).changed


def test_the_next_run_builds_routed_tables_that_a_killed_run_did_not_build(lake, monkeypatch):
    capture_papers(lake, date(2025, 11, 3), {LATE: 50, NEW: 60}, days_later=1)
    with monkeypatch.context() as patch:
        patch.setattr(publish, "_publish_routed", lambda *_: ())
        publish_month(lake, NOVEMBER)
    assert papers(lake)[NEW]["upvote_count"] == 1
    assert {fault.kind for fault in verify(lake).faults} == {"outdated"}
    publish_month(lake, OCTOBER)
    assert papers(lake)[NEW]["upvote_count"] == 60
    assert not verify(lake).faults


def test_any_order_of_captures_and_a_rebuild_give_the_same_bytes(lake, tmp_path):
    other = Lake(tmp_path / "other")
    capture_papers(other, date(2025, 11, 3), {LATE: 9, NEW: 1})
    publish_month(other, NOVEMBER)
    capture_papers(other, date(2025, 10, 30), {OLD: 5, LATE: 7})
    publish_month(other, OCTOBER)
    assert routed_parts(other) == routed_parts(lake)
    before = routed_parts(lake)
    assert not Published.of(rebuild(lake, known_months(lake), force=True)).changed
    assert routed_parts(lake) == before


@pytest.mark.parametrize(("months", "rows"), [(1, 10**6), (2, 10**6), (120, 1)])
def test_the_size_of_a_batch_does_not_change_the_bytes(lake, tmp_path, monkeypatch, months, rows):
    monkeypatch.setattr(batches, "BATCH_MONTHS", months)
    monkeypatch.setattr(batches, "BATCH_ROWS", rows)
    monkeypatch.setattr(batches, "AHEAD", 1)
    other = Lake(tmp_path / "other")
    capture_papers(other, date(2025, 11, 3), {LATE: 9, NEW: 1})
    capture_papers(other, date(2025, 10, 30), {OLD: 5, LATE: 7})
    published = Published.of(publish_months(other, [OCTOBER, NOVEMBER]))
    assert routed_parts(other) == routed_parts(lake)
    changed = [name for name in published.changed if "/papers/" in name]
    assert sorted(changed) == sorted(str(name) for name in routed_parts(other))


def test_the_lake_as_of_an_earlier_time_has_only_the_papers_listed_by_then(lake):
    assert set(papers(lake)) == {OLD, LATE, NEW}
    target = Lake(lake.root.parent / "then")
    list(rebuild_as_of(lake, known_months(lake), datetime(2025, 10, 31, 4, tzinfo=UTC), target))
    assert set(papers(target)) == {OLD, LATE}


def test_repair_rebuilds_a_missing_file(lake):
    path = lake.part("papers", OCTOBER)
    intact = path.read_bytes()
    path.unlink()
    (fault,) = verify(lake).faults
    assert (fault.kind, fault.table) == ("missing", "papers")
    repair(lake, [fault])
    assert path.read_bytes() == intact


def test_damaged_listings_are_the_only_fault_and_are_repaired(lake):
    path = lake.part("listings", OCTOBER)
    intact = path.read_bytes()
    path.write_bytes(intact[:-40] + bytes([intact[-40] ^ 1]) + intact[-39:])
    faults = verify(lake).faults
    assert {fault.table for fault in faults} == {"listings"}
    repair(lake, faults)
    assert path.read_bytes() == intact
    assert not verify(lake).faults


def test_listings_are_published_even_if_routed_tables_cannot_be_built(lake):
    lake.part("listings", OCTOBER).unlink()
    capture_papers(lake, date(2025, 11, 3), {NEW: 8}, days_later=1)
    faults = Published.of(publish_months(lake, [NOVEMBER])).faults
    assert {type(fault) for fault in faults} == {FileDamaged}
    rows = scan(snapshot(lake), LISTINGS, {NOVEMBER}).filter(pl.col("paper_id") == NEW).collect()
    assert rows["upvote_count"].item() == 8


def test_route_digests_differ_exactly_where_routed_rows_differ(lake):
    rows = scan(snapshot(lake), LISTINGS).collect()
    answers = rows.select("listed_on", captured_at="last_seen_at", answers=pl.lit("a")).unique()
    digests = route_digests(rows, LISTINGS, answers)
    assert set(digests) == {"2025-09", OCTOBER, NOVEMBER}
    assert route_digests(rows.reverse(), LISTINGS, answers) == digests
    moved = rows.with_columns(pl.when(pl.col("paper_id") == NEW).then(99).otherwise("position").alias("position"))
    answered_again = answers.with_columns(
        answers=pl.when(pl.col("listed_on") == date(2025, 11, 3)).then(pl.lit("b")).otherwise("answers")
    )
    other, again = route_digests(moved, LISTINGS, answers), route_digests(rows, LISTINGS, answered_again)
    assert [month for month in digests if digests[month] != other[month]] == [NOVEMBER]
    assert [month for month in digests if digests[month] != again[month]] == [OCTOBER, NOVEMBER]


def test_route_digests_of_rows_parsed_from_answers_need_the_answers(lake):
    with pytest.raises(ValueError, match="listings"):
        route_digests(scan(snapshot(lake), LISTINGS).collect(), LISTINGS)


def test_force_rebuilds_only_the_requested_tables(lake, monkeypatch):
    built = []
    without_papers = [table for table in DERIVED if table.name not in ("trends", "papers")]
    monkeypatch.setattr(routed, "build_months", lambda *arguments: built.append(arguments))
    results = publish_months(lake, [OCTOBER, NOVEMBER], force=True, only=without_papers)
    assert not [result for result in results if result.is_changed or result.fault]
    assert not built


@given(
    st.one_of(
        st.from_regex(r"\A[0-9]{2}(0[1-9]|1[0-2])\.[0-9]{4,5}\Z"),
        st.from_regex(r"\A(hep-th|math\.CO|cs)/[0-9]{2}(0[1-9]|1[0-2])[0-9]{3}\Z"),
    ),
    st.dates(date(1990, 1, 1), date(2099, 12, 31)),
)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_is_filed_on_agrees_with_filed_on(paper_id, other):
    rows = pl.DataFrame({"paper_id": [paper_id, None]})
    (month, month_of_null) = rows.select(filed_on(pl.col("paper_id"))).to_series()
    assert month_of_null is None
    for first in (month, other.replace(day=1)):
        assert rows.select(is_filed_on(pl.col("paper_id"), first)).to_series().to_list() == [first == month, None]


def test_all_tables_of_a_routed_transform_declare_the_same_inputs():
    for transform in ROUTED:
        assert all(table.routed_inputs == transform.inputs for table in transform.downstream)
