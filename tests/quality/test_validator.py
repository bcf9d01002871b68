"""The validator finds rows that break a declaration, reports them in words, and is otherwise silent."""

import os
from datetime import UTC, date, datetime

import polars as pl
import pytest

from paperlake.outputs.issues import issue_rows
from paperlake.quality.column_profile import DUPLICATE_KEYS, MISSING_VALUES, MONTHS_OFF, merge_profiles, profile_columns
from paperlake.quality.finding import Finding
from paperlake.quality.validation_log import Run, validation_rows
from paperlake.quality.validator import Validator
from paperlake.render.issue import compose
from paperlake.render.period import period_of
from schemas.captures import CAPTURES
from schemas.catalogue import TABLES
from schemas.kinds import DATE
from schemas.listings import LISTINGS
from schemas.source_days import SOURCE_DAYS
from schemas.table import Below, Between, Matches, OneOf
from tests import arxiv_rows
from tests.digest_rows import DAILY, issue_inputs
from tests.replies import CLOSED, DAY, OPEN, accept_decision, build_tables, capture, entries, entry, replies
from tests.transforms.test_saved_page import entry as page_entry
from tests.transforms.test_saved_page import saved, text
from transforms.conform import empty_table
from transforms.hub import replies as hub
from transforms.page import saved_page as page
from transforms.trends import trends

pytestmark = [pytest.mark.great_expectations, pytest.mark.long]
MONTH = "2025-11"
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())


@pytest.fixture(scope="module")
def clean():
    """Every table of a small month that has some rejects."""
    rich = entry("2511.00050", paper__ai_keywords=["trees"], mediaUrls=["https://media.test/1.mp4"])
    answers = [capture(entries(3), at=OPEN), capture([rich, *entries(4), 5], at=CLOSED)]
    pages = saved(text(page_entry(tail="  • 5 authors\n·\nMay 30 2")))
    evidence = {"hub_replies": replies(*answers), "decisions": accept_decision(DAY, CLOSED), "saved_pages": pages}
    evidence["validations"] = validation_rows(Run("daily", CLOSED), [unmet_finding()])
    tables = build_tables(*answers)
    lists = issue_inputs(tables["listings"].head(2))
    evidence["issues"] = issue_rows(compose(DAILY, period_of("day", DAY), lists), CLOSED)
    ranked = {"trends": trends([MONTH], tables["listings"], tables["signals"])}
    return {**tables, **ranked, **page.build_tables(pages), **evidence, **arxiv_rows.arxiv_tables()}


def expectations_of(table, refuses):
    # Imported here because the import takes seconds, also where these tests are not selected.
    from paperlake.quality.engine import expectations_of  # noqa: PLC0415

    return expectations_of(table, refuses)


def unmet_finding():
    return Finding("listings", "listings", MONTH, "title", "expect_something", "refuse_row", 1, ("a", "b"))


def unmet(table, rows, month=MONTH):
    findings = Validator().findings(table, profile_columns(table, {month: rows}))
    return [finding for finding in findings if not finding.success]


def unmet_expectations(table, rows):
    return {(finding.expectation, finding.column) for finding in unmet(table, rows)}


@each_table
def test_every_declared_check_becomes_an_expectation(table):
    expected = expectations_of(table, "row")
    checks = [check for column in table.columns for check in column.checks if check.refuses == "row"]
    assert len(expected) == len(checks) + 3, "plus those on keys, months and missing values"
    capture_checks = [check for column in table.columns for check in column.checks if check.refuses == "capture"]
    assert len(expectations_of(table, "capture")) == len(capture_checks)


def test_only_captures_has_checks_that_refuse_a_capture():
    assert {name for name, table in TABLES.items() if expectations_of(table, "capture")} == {"captures"}
    assert len(expectations_of(CAPTURES, "capture")) == 2


@each_table
def test_a_clean_month_gives_no_findings(clean, table):
    assert clean[table.name].height
    assert unmet(table, clean[table.name]) == []


@each_table
def test_no_rows_give_no_findings(table):
    assert unmet(table, empty_table(table)) == []


@each_table
def test_nulls_in_nullable_columns_give_no_findings(clean, table):
    rows = clean[table.name]
    nulls = [
        pl.lit(None, rows.schema[column.name]).alias(column.name) for column in table.columns if column.null is not None
    ]
    assert unmet(table, rows.with_columns(nulls)) == []


REQUIRED = [(table, column) for table in TABLES.values() for column in table.columns if column.null is None]


@pytest.mark.parametrize(
    ("table", "column"), REQUIRED, ids=[f"{table.name}.{column.name}" for table, column in REQUIRED]
)
def test_a_missing_value_is_found_in_every_required_column(clean, table, column):
    first, *others = clean[table.name].rows(named=True)
    rows = pl.DataFrame([first | {column.name: None}, *others], schema=clean[table.name].schema)
    findings = {finding.column: finding.unexpected_count for finding in unmet(table, rows)}
    assert findings[MISSING_VALUES] == 1


@each_table
def test_a_frame_without_a_declared_column_raises(clean, table):
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        unmet(table, clean[table.name].drop(next(column.name for column in table.columns if column.null is None)))


def broken_values(column, check):
    """Values outside of what a check allows, on each side that the column's type can have."""
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
    assert unmet_expectations(table, broken) == {(BROKEN[type(check)], column.name) for column, check in checks}


def test_a_pattern_must_match_the_whole_value():
    rows = build_tables(capture([entry("2511.00001")]))["listings"]
    for invalid in ("2511.00001v2", "2511.00001\n", "x2511.00001", "2511.00001 "):
        assert unmet_expectations(LISTINGS, rows.with_columns(paper_id=pl.lit(invalid))) == {
            ("expect_column_values_to_match_regex", "paper_id")
        }, invalid


@each_table
def test_a_repeated_key_is_found(clean, table):
    rows = clean[table.name]
    (finding,) = unmet(table, pl.concat([rows, rows.head(1)]))
    assert (finding.expectation, finding.column) == ("expect_column_values_to_be_between", DUPLICATE_KEYS)
    assert finding.unexpected_count == 2


@pytest.mark.parametrize("day", [date(2025, 10, 31), date(2025, 12, 1)])
def test_a_row_of_another_month_is_found(clean, day):
    rows = clean["source_days"].with_columns(listed_on=day)
    (finding,) = unmet(SOURCE_DAYS, rows)
    assert (finding.expectation, finding.column) == ("expect_column_values_to_be_between", MONTHS_OFF)


@pytest.mark.parametrize(("month", "last"), [("2024-02", date(2024, 2, 29)), ("2025-12", date(2025, 12, 31))])
def test_the_first_and_the_last_day_belong_to_the_month(clean, month, last):
    rows = pl.concat(clean["source_days"].with_columns(listed_on=day) for day in (last.replace(day=1), last))
    assert unmet(SOURCE_DAYS, rows, month) == []


def test_months_validated_together_get_separate_findings():
    rows = build_tables(capture(entries(3)))["listings"]
    broken = rows.with_columns(upvote_count=pl.Series([-1, -2, 5], dtype=pl.Int32), listed_on=date(2025, 12, 4))
    later = broken.with_columns(upvote_count=pl.Series([7, -1, 5], dtype=pl.Int32), listed_on=date(2026, 1, 5))
    months = {MONTH: rows, "2025-12": broken, "2026-01": later}
    expected = [("2025-12", 2), ("2026-01", 1)]
    together = Validator().findings(LISTINGS, profile_columns(LISTINGS, months))
    assert [(finding.month, finding.unexpected_count) for finding in together if not finding.success] == expected
    one_by_one = merge_profiles({LISTINGS: profile_columns(LISTINGS, {month: part})} for month, part in months.items())
    assert Validator().findings(LISTINGS, one_by_one[LISTINGS]) == together


def test_values_outside_of_a_range_are_found_among_many():
    row = build_tables(capture([entry()]))["listings"]
    many = pl.concat([row] * 5000).with_columns(
        paper_id=pl.format("2511.{}", pl.int_range(10_000, 15_000)), upvote_count=pl.int_range(-3, 4997, dtype=pl.Int32)
    )
    (finding,) = unmet(LISTINGS, many)
    assert (finding.column, finding.unexpected_count) == ("upvote_count", 3)


def test_a_finding_has_a_one_line_summary():
    rows = build_tables(capture(entries(3)))["listings"].with_columns(upvote_count=pl.lit(-5, pl.Int32))
    assert [str(finding) for finding in unmet(LISTINGS, rows)] == [
        "listings.upvote_count: expect_column_values_to_be_between failed in 3 rows, e.g. -5.0"
    ]


def test_each_capture_is_validated_by_itself():
    half, most, few = [{}, entry()], [{}, {}, {}, entry()], [{}, *entries(2)]
    captures = hub.parse_replies(
        replies(
            capture(half, day=date(2025, 11, 3)),
            capture(few, day=date(2025, 11, 4)),
            capture(most, day=date(2025, 11, 5)),
            capture([], day=date(2025, 11, 6)),
        )
    ).captures
    refused = Validator().refused_captures(captures).sort("listed_on")
    assert refused.schema == {
        "listed_on": pl.Date,
        "captured_at": pl.Datetime("us", "UTC"),
        "message": pl.String,
    }
    assert refused.rows() == [
        (date(2025, 11, 3), CLOSED, "half of its entries or more cannot be read (refused_share 0.50)"),
        (date(2025, 11, 5), CLOSED, "half of its entries or more cannot be read (refused_share 0.75)"),
    ]


def test_a_capture_that_breaks_two_checks_gets_both_messages():
    other_date = entry(paper__submittedOnDailyAt="2025-10-01T00:00:00Z")
    refused = Validator().refused_captures(hub.parse_replies(replies(capture([{}, other_date]))).captures)
    assert refused["message"].item().split("; ") == [
        "half of its entries or more cannot be read (refused_share 0.50)",
        "it is the list of another date (other_date_share 1.00)",
    ]


def test_no_captures_give_no_refusals():
    assert Validator().refused_captures(hub.parse_replies(replies()).captures).is_empty()


def test_every_check_that_refuses_a_capture_has_a_message():
    for column in CAPTURES.columns:
        for check in column.checks:
            if check.refuses == "capture":
                assert isinstance(check, Below), column.name


def test_validation_prints_nothing_and_sends_no_statistics(clean, capfd, caplog):
    unmet(LISTINGS, clean["listings"])
    Validator().refused_captures(clean["captures"])
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_validation_does_not_change_the_rows(clean):
    before = clean["listings"].clone()
    unmet(LISTINGS, clean["listings"])
    assert clean["listings"].equals(before)
