"""The judge finds what breaks a declaration, says so in words, and is otherwise silent."""

import os
from datetime import UTC, date, datetime

import polars as pl
import pytest

from paperlake.outputs.issues import entered
from paperlake.quality import judge
from paperlake.quality.column_profile import COPIES, MISSING, MONTHS_OFF, profile_columns
from paperlake.quality.suite import stop_suite, suite
from paperlake.quality.validation_log import Run, recorded
from paperlake.render.issue import compose
from paperlake.render.period import period
from schemas.captures import CAPTURES
from schemas.catalogue import TABLES
from schemas.kinds import DATE
from schemas.listings import LISTINGS
from schemas.source_days import SOURCE_DAYS
from schemas.table import Below, Between, Matches, OneOf
from tests import arxiv_rows
from tests.digest_rows import DAILY, frames
from tests.replies import CLOSED, DAY, OPEN, accept, built, capture, entries, entry, replies
from tests.transforms.test_saved_page import entry as page_entry
from tests.transforms.test_saved_page import saved, text
from transforms.conform import none
from transforms.hub import replies as hub
from transforms.page import saved_page as page
from transforms.trends import trends

MONTH = "2025-11"
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())


@pytest.fixture(scope="module")
def clean():
    """Every table of a small month, with things refused in it."""
    rich = entry("2511.00050", paper__ai_keywords=["trees"], mediaUrls=["https://media.test/1.mp4"])
    answers = [capture(entries(3), at=OPEN), capture([rich, *entries(4), 5], at=CLOSED)]
    pages = saved(text(page_entry(tail="  • 5 authors\n·\nMay 30 2")))
    evidence = {"hub_replies": replies(*answers), "decisions": accept(DAY, CLOSED), "saved_pages": pages}
    evidence["validations"] = recorded(Run("daily", CLOSED), [unmet_once()])
    tables = built(*answers)
    lists = frames(tables["listings"].head(2))
    evidence["issues"] = entered(compose(DAILY, period("day", DAY), lists), CLOSED)
    ranked = {"trends": trends(MONTH, tables["listings"], tables["signals"])}
    return {**tables, **ranked, **page.build(pages), **evidence, **arxiv_rows.every_table()}


def unmet_once():
    return judge.Finding("listings", "listings", MONTH, "title", "expect_something", "refuse_row", 1, ("a", "b"))


def unmet(table, rows, month=MONTH):
    return [one for one in judge.findings(table, [profile_columns(table, month, rows)]) if not one.success]


def found(table, rows):
    return {(one.expectation, one.column) for one in unmet(table, rows)}


@each_table
def test_a_suite_expects_everything_that_is_declared(table):
    expected = suite(table).expectations
    checks = [check for column in table.columns for check in column.checks if check.refuses == "row"]
    assert len(expected) == len(checks) + 3, "the key, the month and what may not be missing beside them"
    stops = [check for column in table.columns for check in column.checks if check.refuses == "capture"]
    assert len(stop_suite(table).expectations) == len(stops)


def test_what_sets_a_capture_aside_is_declared_for_captures_alone():
    assert {name for name, table in TABLES.items() if stop_suite(table).expectations} == {"captures"}
    assert len(stop_suite(CAPTURES).expectations) == 2


@each_table
def test_a_clean_month_gives_no_findings(clean, table):
    assert clean[table.name].height
    assert unmet(table, clean[table.name]) == []


@each_table
def test_no_rows_give_no_findings(table):
    assert unmet(table, none(table)) == []


@each_table
def test_columns_that_hold_only_nulls_where_they_may_give_no_findings(clean, table):
    rows = clean[table.name]
    nulls = [pl.lit(None, rows.schema[c.name]).alias(c.name) for c in table.columns if c.null is not None]
    assert unmet(table, rows.with_columns(nulls)) == []


REQUIRED = [(table, column) for table in TABLES.values() for column in table.columns if column.null is None]


@pytest.mark.parametrize(("table", "column"), REQUIRED, ids=[f"{table.name}.{one.name}" for table, one in REQUIRED])
def test_a_missing_value_is_found_in_every_column_that_needs_one(clean, table, column):
    first, *others = clean[table.name].rows(named=True)
    rows = pl.DataFrame([first | {column.name: None}, *others], schema=clean[table.name].schema)
    findings = {one.column: one.unexpected_count for one in unmet(table, rows)}
    assert findings[MISSING] == 1


@each_table
def test_a_frame_without_a_declared_column_is_not_judged(clean, table):
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        unmet(table, clean[table.name].drop(next(c.name for c in table.columns if c.null is None)))


def broken_values(column, check):
    """A value on each side of what a check allows, where its type can hold one."""
    match check:
        case Matches():
            return ["no such thing", "\n"]
        case OneOf():
            return ["no such thing"]
        case Between(low, _) if isinstance(low, str):
            ends = [datetime(1700, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)]
            return [end.date() for end in ends] if column.type == DATE else ends
        case Between(low, high):
            return [low - 1, *([high + 1] if high < 2**31 - 1 else [])]
    raise AssertionError(check)


BROKEN = {
    Matches: "expect_column_values_to_match_regex",
    OneOf: "expect_column_values_to_be_in_set",
    Between: "expect_column_values_to_be_between",
}
ROW_CHECKS = [
    (table, column, check)
    for table in TABLES.values()
    for column in table.columns
    for check in column.checks
    if check.refuses == "row"
]


@each_table
@pytest.mark.parametrize("side", [0, -1], ids=["one side", "other side"])
def test_a_value_that_breaks_a_check_is_found(clean, table, side):
    checks = [(column, check) for owner, column, check in ROW_CHECKS if owner is table]
    rows = clean[table.name]
    first = rows.row(0, named=True) | {column.name: broken_values(column, check)[side] for column, check in checks}
    broken = pl.DataFrame([first, *rows.rows(named=True)[1:]], schema=rows.schema)
    assert found(table, broken) == {(BROKEN[type(check)], column.name) for column, check in checks}


def test_an_id_is_judged_whole():
    rows = built(capture([entry("2511.00001")]))["listings"]
    for wrong in ("2511.00001v2", "2511.00001\n", "x2511.00001", "2511.00001 "):
        assert found(LISTINGS, rows.with_columns(paper_id=pl.lit(wrong))) == {
            ("expect_column_values_to_match_regex", "paper_id")
        }, wrong


@each_table
def test_a_repeated_key_is_found(clean, table):
    rows = clean[table.name]
    (one,) = unmet(table, pl.concat([rows, rows.head(1)]))
    assert (one.expectation, one.column) == ("expect_column_values_to_be_between", COPIES)
    assert one.unexpected_count == 2


@pytest.mark.parametrize("day", [date(2025, 10, 31), date(2025, 12, 1)])
def test_a_row_of_another_month_is_found(clean, day):
    rows = clean["source_days"].with_columns(listed_on=day)
    (one,) = unmet(SOURCE_DAYS, rows)
    assert (one.expectation, one.column) == ("expect_column_values_to_be_between", MONTHS_OFF)


@pytest.mark.parametrize(("month", "last"), [("2024-02", date(2024, 2, 29)), ("2025-12", date(2025, 12, 31))])
def test_the_first_and_the_last_day_of_a_month_are_in_it(clean, month, last):
    rows = pl.concat(clean["source_days"].with_columns(listed_on=day) for day in (last.replace(day=1), last))
    assert unmet(SOURCE_DAYS, rows, month) == []


def test_months_judged_together_are_found_wanting_each_for_itself():
    rows = built(capture(entries(3)))["listings"]
    broken = rows.with_columns(upvote_count=pl.Series([-1, -2, 5], dtype=pl.Int32))
    later = broken.with_columns(listed_on=date(2025, 12, 4))
    told = [
        profile_columns(LISTINGS, MONTH, rows),
        profile_columns(LISTINGS, MONTH, broken),
        profile_columns(LISTINGS, "2025-12", later),
    ]
    assert [(one.month, one.unexpected_count) for one in judge.findings(LISTINGS, told) if not one.success] == [
        (MONTH, 2),
        ("2025-12", 2),
    ]


def test_of_very_many_values_the_ones_beyond_a_range_are_still_found():
    row = built(capture([entry()]))["listings"]
    many = pl.concat([row] * 5000).with_columns(
        paper_id=pl.format("2511.{}", pl.int_range(10_000, 15_000)), upvote_count=pl.int_range(-3, 4997, dtype=pl.Int32)
    )
    (one,) = unmet(LISTINGS, many)
    assert (one.column, one.unexpected_count) == ("upvote_count", 3)


def test_a_finding_reads_as_a_line():
    rows = built(capture(entries(3)))["listings"].with_columns(upvote_count=pl.lit(-5, pl.Int32))
    assert [str(one) for one in unmet(LISTINGS, rows)] == [
        "listings.upvote_count: expect_column_values_to_be_between failed in 3 rows, e.g. -5.0"
    ]


def test_the_judge_refuses_each_capture_for_itself():
    half, most, few = [{}, entry()], [{}, {}, {}, entry()], [{}, *entries(2)]
    captures = hub.read(
        replies(
            capture(half, day=date(2025, 11, 3)),
            capture(few, day=date(2025, 11, 4)),
            capture(most, day=date(2025, 11, 5)),
            capture([], day=date(2025, 11, 6)),
        )
    ).captures
    refused = judge.stopped(captures).captures.sort("listed_on")
    assert refused.schema == {
        "listed_on": pl.Date,
        "captured_at": pl.Datetime("us", "UTC"),
        "message": pl.String,
    }
    assert refused.rows() == [
        (date(2025, 11, 3), CLOSED, "half of its entries or more cannot be read (refused_share 0.50)"),
        (date(2025, 11, 5), CLOSED, "half of its entries or more cannot be read (refused_share 0.75)"),
    ]


def test_a_capture_refused_twice_over_is_told_both():
    elsewhere = entry(paper__submittedOnDailyAt="2025-10-01T00:00:00Z")
    refused = judge.stopped(hub.read(replies(capture([{}, elsewhere]))).captures).captures
    assert refused["message"].item().split("; ") == [
        "half of its entries or more cannot be read (refused_share 0.50)",
        "it is the list of another date (other_date_share 1.00)",
    ]


def test_of_no_captures_none_is_refused():
    assert judge.stopped(hub.read(replies()).captures).captures.is_empty()


def test_every_check_that_refuses_a_capture_says_what_it_means():
    for column in CAPTURES.columns:
        for check in column.checks:
            if check.refuses == "capture":
                assert isinstance(check, Below), column.name


def test_the_judge_says_nothing_on_the_side_and_asks_nobody(clean, capfd, caplog):
    unmet(LISTINGS, clean["listings"])
    judge.stopped(clean["captures"])
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_the_judge_leaves_the_rows_as_they_were(clean):
    before = clean["listings"].clone()
    unmet(LISTINGS, clean["listings"])
    assert clean["listings"].equals(before)
