"""Tables gathered from the shares that months of other tables hold: what is due, and that nothing else is built."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlake.build import publish as build
from paperlake.build import routed as gatherings
from paperlake.build.publish import publish_month, publish_months
from paperlake.build.rebuild import months_kept, rebuild, rebuild_as_of
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
from transforms.graph import DERIVED
from transforms.paper_ids import filed_on, is_filed_on
from transforms.routes import route_digests

OCTOBER, NOVEMBER = "2025-10", "2025-11"
OLD, LATE, NEW = "2509.00010", "2510.00020", "2511.00030"


def comes(lake, day, votes, *, days_later=0):
    """A capture of `day` whose papers have so many `votes`."""
    at = datetime(day.year, day.month, day.day, 3, 15, tzinfo=UTC) + timedelta(days=1 + days_later)
    entries = [entry(paper, paper__upvotes=count) for paper, count in votes.items()]
    for row in capture(entries, day, at):
        keep(lake, HUB_REPLIES, row)
    return at


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """One paper on two lists of two months, the others on one."""
    lake = Lake(tmp_path_factory.mktemp("published") / "lake")
    comes(lake, date(2025, 10, 30), {OLD: 5, LATE: 7})
    comes(lake, date(2025, 11, 3), {LATE: 9, NEW: 1})
    list(publish_months(lake, [OCTOBER, NOVEMBER]))
    return lake


@pytest.fixture
def lake(published, tmp_path):
    return Lake(Path(shutil.copytree(published.root, tmp_path / "lake")))


def gathered_parts(lake):
    return {name: data for name, data in parts(lake).items() if "papers" in name.parts}


def papers(lake):
    return {row["paper_id"]: row for row in scan(snapshot(lake), PAPERS).collect().iter_rows(named=True)}


def test_a_paper_stands_in_the_month_of_its_id_whatever_month_listed_it(lake):
    assert snapshot(lake).manifest.months("papers") == ["2025-09", "2025-10", "2025-11"]
    late = papers(lake)[LATE]
    assert (late["filed_on"], late["first_listed_on"], late["last_listed_on"], late["listing_count"]) == (
        *(date(2025, 10, 1), date(2025, 10, 30), date(2025, 11, 3)),
        2,
    )
    assert late["upvote_count"] == 9


def test_only_the_months_whose_share_changed_are_built(lake):
    comes(lake, date(2025, 11, 3), {NEW: 4}, days_later=1)
    changed = publish_month(lake, NOVEMBER).changed
    assert [name for name in changed if "/papers/" in name] == [
        f"tables/papers/month={month}/part-0.parquet" for month in (OCTOBER, NOVEMBER)
    ]
    assert papers(lake)[LATE]["listing_count"] == 1


def test_a_capture_that_changes_nothing_for_a_month_leaves_it_alone(lake):
    comes(lake, date(2025, 11, 4), {NEW: 4})
    changed = publish_month(lake, NOVEMBER).changed
    assert [name for name in changed if "/papers/" in name] == ["tables/papers/month=2025-11/part-0.parquet"]


def test_a_page_that_is_answered_again_in_the_same_capture_is_gathered_anew(lake):
    day, at = date(2025, 11, 3), datetime(2025, 11, 4, 3, 15, tzinfo=UTC)
    (answer,) = capture([entry(LATE), entry(NEW, paper__upvotes=77, paper__title="Mended")], day, at)
    keep(lake, HUB_REPLIES, answer | {"captured_at": at + timedelta(minutes=1)})
    publish_month(lake, NOVEMBER)
    assert (papers(lake)[NEW]["upvote_count"], papers(lake)[NEW]["title"]) == (77, "Mended")
    assert not [one.changed for one in rebuild(lake, months_kept(lake), force=True) if one.changed]


def test_a_run_that_died_before_gathering_is_gone_on_with(lake, monkeypatch):
    comes(lake, date(2025, 11, 3), {LATE: 50, NEW: 60}, days_later=1)
    with monkeypatch.context() as dying:
        dying.setattr(build, "_publish_gatherings", lambda *_: None)
        publish_month(lake, NOVEMBER)
    assert papers(lake)[NEW]["upvote_count"] == 1
    assert {fault.kind for fault in verify(lake).faults} == {"outdated"}
    publish_month(lake, OCTOBER)
    assert papers(lake)[NEW]["upvote_count"] == 60
    assert not verify(lake).faults


def test_any_order_and_a_rebuild_give_the_same_bytes(lake, tmp_path):
    other = Lake(tmp_path / "other")
    comes(other, date(2025, 11, 3), {LATE: 9, NEW: 1})
    publish_month(other, NOVEMBER)
    comes(other, date(2025, 10, 30), {OLD: 5, LATE: 7})
    publish_month(other, OCTOBER)
    assert gathered_parts(other) == gathered_parts(lake)
    before = gathered_parts(lake)
    assert not [one.changed for one in rebuild(lake, months_kept(lake), force=True) if one.changed]
    assert gathered_parts(lake) == before


@pytest.mark.parametrize(("months", "rows"), [(1, 10**6), (2, 10**6), (120, 1)])
def test_however_many_are_judged_together_the_bytes_are_the_same(lake, tmp_path, monkeypatch, months, rows):
    monkeypatch.setattr(build, "BATCH_FURTHER", months)
    monkeypatch.setattr(build, "BATCH_FURTHER_ROWS", rows)
    monkeypatch.setattr(build, "AHEAD", 1)
    other = Lake(tmp_path / "other")
    comes(other, date(2025, 11, 3), {LATE: 9, NEW: 1})
    comes(other, date(2025, 10, 30), {OLD: 5, LATE: 7})
    done = list(publish_months(other, [OCTOBER, NOVEMBER]))
    assert gathered_parts(other) == gathered_parts(lake)
    told = [name for one in done for name in one.changed if "/papers/" in name]
    assert sorted(told) == sorted(str(name) for name in gathered_parts(other))


def test_a_paper_that_no_list_holds_any_more_leaves_an_empty_month(lake):
    gone = {name for name in snapshot(lake).manifest.files if "listings/month=2025-10" in name}
    assert gone
    target = Lake(lake.root.parent / "then")
    list(rebuild_as_of(lake, months_kept(lake), datetime(2025, 10, 31, 4, tzinfo=UTC), target))
    assert set(papers(target)) == {OLD, LATE}


def test_a_missing_file_is_found_and_gathered_again(lake):
    path = lake.part("papers", OCTOBER)
    bytes_before = path.read_bytes()
    path.unlink()
    (fault,) = verify(lake).faults
    assert (fault.kind, fault.table) == ("missing", "papers")
    repair(lake, [fault])
    assert path.read_bytes() == bytes_before


def test_a_damaged_list_is_a_fault_of_its_own_alone_and_mended_with_what_is_gathered(lake):
    path = lake.part("listings", OCTOBER)
    sound = path.read_bytes()
    path.write_bytes(sound[:-40] + bytes([sound[-40] ^ 1]) + sound[-39:])
    faults = verify(lake).faults
    assert {fault.table for fault in faults} == {"listings"}
    repair(lake, faults)
    assert path.read_bytes() == sound
    assert not verify(lake).faults


def test_what_cannot_be_read_is_told_and_the_lists_are_published_all_the_same(lake):
    lake.part("listings", OCTOBER).unlink()
    comes(lake, date(2025, 11, 3), {NEW: 8}, days_later=1)
    (done,) = publish_months(lake, [NOVEMBER])
    assert isinstance(done.fault, FileDamaged)
    assert (
        scan(snapshot(lake), LISTINGS, {NOVEMBER}).filter(pl.col("paper_id") == NEW).collect()["upvote_count"].item()
        == 8
    )


def test_shares_tell_apart_what_differs_and_nothing_else(lake):
    rows = scan(snapshot(lake), LISTINGS).collect()
    answers = rows.select("listed_on", captured_at="last_seen_at", answers=pl.lit("a")).unique()
    told = route_digests(rows, LISTINGS, answers)
    assert set(told) == {"2025-09", OCTOBER, NOVEMBER}
    assert route_digests(rows.reverse(), LISTINGS, answers) == told
    moved = rows.with_columns(pl.when(pl.col("paper_id") == NEW).then(99).otherwise("position").alias("position"))
    answered_again = answers.with_columns(
        answers=pl.when(pl.col("listed_on") == date(2025, 11, 3)).then(pl.lit("b")).otherwise("answers")
    )
    other, again = route_digests(moved, LISTINGS, answers), route_digests(rows, LISTINGS, answered_again)
    assert [month for month in told if told[month] != other[month]] == [NOVEMBER]
    assert [month for month in told if told[month] != again[month]] == [OCTOBER, NOVEMBER]


def test_shares_of_what_was_read_from_answers_are_not_told_without_them(lake):
    with pytest.raises(ValueError, match="listings"):
        route_digests(scan(snapshot(lake), LISTINGS).collect(), LISTINGS)


def test_what_is_forced_is_what_was_asked_for(lake, monkeypatch):
    built = []
    of_lists = [one for one in DERIVED if one.name not in ("trends", "papers")]
    monkeypatch.setattr(gatherings, "gathered", lambda *told: built.append(told))
    done = list(publish_months(lake, [OCTOBER, NOVEMBER], force=True, only=of_lists))
    assert not [one for one in done if one.changed or one.fault]
    assert not built


@given(
    st.one_of(
        st.from_regex(r"\A[0-9]{2}(0[1-9]|1[0-2])\.[0-9]{4,5}\Z"),
        st.from_regex(r"\A(hep-th|math\.CO|cs)/[0-9]{2}(0[1-9]|1[0-2])[0-9]{3}\Z"),
    ),
    st.dates(date(1990, 1, 1), date(2099, 12, 31)),
)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_a_month_knows_its_papers_as_the_papers_know_their_month(paper_id, other):
    held = pl.DataFrame({"paper_id": [paper_id, None]})
    (month, nothing) = held.select(filed_on(pl.col("paper_id"))).to_series()
    assert nothing is None
    for asked in (month, other.replace(day=1)):
        assert held.select(is_filed_on(pl.col("paper_id"), asked)).to_series().to_list() == [asked == month, None]


def test_every_gathering_is_declared_by_all_of_its_tables():
    for one in gatherings.GATHERINGS:
        assert all(table.routed_inputs == one.routed_inputs for table in one.derived)
