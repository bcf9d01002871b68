"""The verdict on each date, the capture that defines its list, and the papers listed."""

import gzip
import json
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.replies import CLOSED, DAY, OPEN, SETTLED, build_tables, capture, entries, entry, json_page, replies
from transforms.hub import replies as hub

SECOND = timedelta(seconds=1)
DAYS = timedelta(days=1)
SATURDAY = date(2025, 11, 8)
TWO_WEEKS = timedelta(days=14)
CLOSINGS = {
    date(2025, 11, 6): datetime(2025, 11, 7, 2, 30, tzinfo=UTC),
    date(2025, 7, 10): datetime(2025, 7, 11, 1, 30, tzinfo=UTC),
    # Daylight saving time begins and ends in New York.
    date(2025, 3, 8): datetime(2025, 3, 9, 2, 30, tzinfo=UTC),
    date(2025, 3, 9): datetime(2025, 3, 10, 1, 30, tzinfo=UTC),
    date(2025, 11, 1): datetime(2025, 11, 2, 1, 30, tzinfo=UTC),
    date(2025, 11, 2): datetime(2025, 11, 3, 2, 30, tzinfo=UTC),
    date(2025, 12, 31): datetime(2026, 1, 1, 2, 30, tzinfo=UTC),
}


def verdicts(*captures):
    return build_tables(*captures)["source_days"].rows(named=True)


def verdict(*captures):
    (day,) = verdicts(*captures)
    return day["verdict"], day["reason"]


def test_a_date_closes_at_half_past_nine_in_new_york():
    asked = [
        capture(entries(2), day=day, at=closing + apart)
        for day, closing in CLOSINGS.items()
        for apart in (-SECOND, timedelta(0))
    ]
    capture_rows = hub.parse_replies(replies(*asked)).captures.sort("listed_on", "captured_at")
    assert capture_rows.select("listed_on", "is_closed").rows() == [
        (day, is_closed) for day in sorted(CLOSINGS) for is_closed in (False, True)
    ]


@pytest.mark.parametrize(
    ("after_closing", "expected_verdict"),
    [
        (-SECOND, "partial"),
        (timedelta(0), "complete"),
        (timedelta(days=3), "complete"),
        (TWO_WEEKS - SECOND, "complete"),
        (TWO_WEEKS, "settled"),
        (timedelta(days=400), "settled"),
    ],
)
def test_the_verdict_on_a_whole_list_depends_on_the_capture_time(after_closing, expected_verdict):
    days = verdicts(*(capture(entries(2), day=day, at=end + after_closing) for day, end in CLOSINGS.items()))
    assert {day["verdict"] for day in days} == {expected_verdict}
    assert {day["reason"] for day in days} == {
        "captured before the date had closed" if expected_verdict == "partial" else None
    }


@pytest.mark.parametrize(
    ("at", "expected_verdict"),
    [(-4 * DAYS, "partial"), (timedelta(0), "confirmed_empty"), (TWO_WEEKS, "confirmed_empty")],
)
def test_an_empty_list_of_a_weekend_is_confirmed_once_the_date_has_closed(at, expected_verdict):
    (day,) = verdicts(capture([], day=SATURDAY, at=CLOSED + 2 * DAYS + at))
    assert (day["verdict"], day["paper_count"], day["page_count"]) == (expected_verdict, 0, 1)


PARTIAL = {
    "full, of the page asked for": (
        capture(entries(100), limit=100),
        "page 0 is full with 100 entries: the list may be cut there",
    ),
    "full, of the page by default": (
        [row | {"url": "https://hub.test/api/daily_papers?date=2025-11-06"} for row in capture(entries(50))],
        "page 0 is full with 50 entries: the list may be cut there",
    ),
    "a page of 50, though 100 were asked for": (
        capture(entries(50)),
        "page 0 is full with 50 entries: the list may be cut there",
    ),
    "a last page as long as the page before it": (
        capture(pages=[json_page(entries(7), more=True), json_page(entries(7, first=8))]),
        "page 1 is full with 7 entries: the list may be cut there",
    ),
    "a paper was added between two pages": (
        capture(pages=[json_page(entries(100)), json_page(entries(3, first=100))]),
        "the list changed while it was read: 1 of its entries repeats",
    ),
    "a paper was removed between two pages": (
        capture(
            pages=[json_page(entries(100)), json_page(entries(3, first=102))],
            first_again=json_page(entries(100, first=2)),
        ),
        "the list changed while it was read: its first page differs when asked for again",
    ),
    "the first page could not be asked for again": (
        capture(
            pages=[json_page(entries(100)), json_page(entries(3, first=101))], first_again=json_page("", status=500)
        ),
        "the list changed while it was read: its first page differs when asked for again",
    ),
    "the first page was not asked for again": (
        capture(pages=[json_page(entries(100)), json_page(entries(3, first=101))])[:-1],
        "the first page of several was not asked for again after the last one",
    ),
    "imported with 50": (
        capture(entries(50), limit=None),
        "page 0 is full with 50 entries: the list may be cut there",
    ),
    "imported with 100": (
        capture(entries(100), limit=None),
        "page 0 is full with 100 entries: the list may be cut there",
    ),
    "another page was announced": (
        capture(pages=[json_page(entries(3), more=True)]),
        "page 0 announces a next page that was not captured",
    ),
    "a page between is missing": (
        capture(pages=[json_page(entries(3)), None, json_page(entries(3, first=7))]),
        "a page before page 2 is missing",
    ),
    "the first page is missing": (capture(pages=[None, json_page(entries(3))]), "a page before page 1 is missing"),
    "the second page failed": (
        capture(pages=[json_page(entries(3), more=True), json_page("busy", status=429)]),
        "page 1 was answered with status 429",
    ),
    "the second page is no list": (
        capture(pages=[json_page(entries(3), more=True), json_page('{"error": "x"}')]),
        "page 1 is a JSON object, not an array",
    ),
    "the first page failed": (
        capture(pages=[json_page("no", status=500), json_page(entries(3))]),
        "page 0 was answered with status 500",
    ),
}


@pytest.mark.parametrize("about", PARTIAL)
def test_a_date_with_only_an_incomplete_capture_is_partial(about):
    answers, reason = PARTIAL[about]
    assert verdict(answers) == ("partial", reason)
    assert build_tables(answers)["listings"]["is_listed"].all()


FAILED = {
    "a fault of the server": (json_page("no", status=500), "page 0 was answered with status 500"),
    "a list with a bad status": (json_page(entries(3), status=503), "page 0 was answered with status 503"),
    "a redirect": (json_page("", status=302), "page 0 was answered with status 302"),
    "nothing": (json_page(b""), "page 0 is empty"),
    "a page for people": (json_page("<html>Wait</html>"), "page 0 is an HTML or XML page"),
    "an object": (json_page('{"error": "Invalid date"}'), "page 0 is a JSON object, not an array"),
    "null": (json_page("null"), "page 0 is not a JSON array"),
    "a list that was cut": (json_page('[{"paper": {"id": "2511.0'), "page 0 is not a valid JSON array"),
    "two lists": (json_page("[][]"), "page 0 is not a valid JSON array"),
    "what begins like a list": (json_page("[not one"), "page 0 is not a valid JSON array"),
    "bytes that are no text": (json_page(b"[\xff\xfe]"), "page 0 is not a valid JSON array"),
    "a list in Latin-1 before its bracket": (json_page(b"\xe9[]"), "page 0 is not UTF-8"),
    "UTF-16 without a byte order mark": (
        json_page("[]".encode("utf-16-le")),
        "page 0 is UTF-16 that cannot be decoded",
    ),
    "half of a UTF-16 character": (json_page(b"\xff\xfe["), "page 0 is UTF-16 that cannot be decoded"),
    "gzip that was cut": (json_page(gzip.compress(b"[]")[:-9]), "page 0 is gzip that cannot be inflated"),
    "a blank": (json_page(" \n"), "page 0 is empty"),
}


@pytest.mark.parametrize("about", FAILED)
def test_a_date_without_a_valid_answer_has_failed(about):
    answer, reason = FAILED[about]
    tables = build_tables(capture(pages=[answer]))
    (day,) = tables["source_days"].rows(named=True)
    assert (day["verdict"], day["reason"]) == ("failed", reason)
    assert (day["paper_count"], day["page_count"], day["capture_count"]) == (0, 1, 1)
    assert tables["listings"].is_empty()


def test_an_imported_answer_that_is_not_a_list_has_failed():
    assert verdict(capture("<html>", limit=None)) == ("failed", "page 0 is an HTML or XML page")


READABLE = {
    "with a byte order mark": json.dumps(entries(2)).encode("utf-8-sig"),
    "UTF-16, little end first": b"\xff\xfe" + json.dumps(entries(2)).encode("utf-16-le"),
    "UTF-16, big end first": b"\xfe\xff" + json.dumps(entries(2)).encode("utf-16-be"),
    "gzip": gzip.compress(json.dumps(entries(2)).encode()),
    "gzip of UTF-16": gzip.compress(json.dumps(entries(2)).encode("utf-16")),
}


@pytest.mark.parametrize("form", READABLE)
def test_a_list_that_can_be_read_without_guessing_is_read(form):
    tables = build_tables(capture(READABLE[form]), capture(entries(2), at=CLOSED + TWO_WEEKS))
    assert tables["captures"].select("entry_count", "fault").rows() == [(2, None)] * 2
    assert tables["signals"]["paper_id"].n_unique() == 2


def test_a_byte_that_is_not_utf_8_costs_its_entry_and_not_the_list():
    body = json.dumps(entries(3)).encode().replace(b"On 2511.00002", b"On \xff2511.00002", 1)
    tables = build_tables(capture(body))
    assert tables["listings"]["paper_id"].to_list() == ["2511.00001", "2511.00003"]
    (reject,) = tables["rejects"].rows(named=True)
    assert (reject["reason"], reject["place"], reject["field"]) == ("not_utf8", 2, "$")
    assert tables["source_days"]["verdict"].to_list() == ["complete"]


def test_the_last_value_of_a_key_that_stands_twice_counts_and_the_entry_is_reported():
    twice = json.dumps(entries(3)).replace('"upvotes": 7', '"upvotes": 8, "upvotes": 9', 1)
    twice = twice.replace('"numComments": 2', '"numComments": 3, "numComments": 4', 1)
    tables = build_tables(capture(twice))
    assert tables["listings"].select("upvote_count", "comment_count").rows() == [(9, 4), (7, 2), (7, 2)]
    (reject,) = tables["rejects"].rows(named=True)
    assert (reject["reason"], reject["place"], reject["is_row_kept"]) == ("key_twice", 1, True)


def test_of_two_answers_for_one_page_and_time_a_readable_one_counts():
    good, broken = capture(entries(2)), capture("{}")
    for bad in [broken, capture("<html>"), capture("[1"), capture("x")]:
        for both in ([good, bad], [bad, good]):
            assert build_tables(*both)["source_days"].select("verdict", "paper_count").row(0) == ("complete", 2)


def test_a_date_without_a_capture_has_no_row():
    days = verdicts(capture([], day=date(2025, 11, 3)), capture([], day=date(2025, 11, 5)))
    assert [day["listed_on"] for day in days] == [date(2025, 11, 3), date(2025, 11, 5)]


def test_white_space_around_a_list_is_ignored():
    assert verdict(capture(" \r\n\t[] \n", day=SATURDAY, at=SETTLED)) == ("confirmed_empty", None)


@pytest.mark.parametrize("count", [49, 99])
def test_a_list_shorter_than_its_page_is_whole(count):
    assert verdict(capture(entries(count))) == ("complete", None)


def test_a_full_page_followed_by_an_empty_one_is_whole():
    assert verdict(capture(pages=[json_page(entries(100), more=True), json_page([])])) == ("complete", None)


def test_an_imported_list_longer_than_a_default_page_is_whole():
    assert verdict(capture(entries(51), limit=None)) == ("complete", None)


# Several captures of one date.


@pytest.mark.parametrize(
    ("captures", "expected"),
    [
        ([capture(entries(2), at=OPEN), capture(entries(3), at=CLOSED)], ("complete", 3, 2)),
        ([capture(entries(2), at=CLOSED), capture(entries(3), at=SETTLED)], ("settled", 3, 2)),
        ([capture(entries(4), at=CLOSED), capture(entries(2), at=SETTLED)], ("settled", 2, 2)),
        ([capture([], at=CLOSED), capture(entries(2), at=SETTLED)], ("settled", 2, 2)),
        ([capture(entries(2), at=CLOSED), capture("no", at=SETTLED)], ("complete", 2, 2)),
        ([capture(entries(2), at=CLOSED), capture(entries(100), at=SETTLED)], ("complete", 2, 2)),
        ([capture(entries(2), at=OPEN), capture(entries(100), at=CLOSED)], ("partial", 2, 2)),
        ([capture("no", at=OPEN), capture("no", at=CLOSED)], ("failed", 0, 2)),
        ([capture(entries(100), at=OPEN), capture(entries(100, first=2), at=CLOSED)], ("partial", 100, 2)),
    ],
)
def test_the_newest_whole_capture_decides(captures, expected):
    (day,) = verdicts(*captures)
    assert (day["verdict"], day["paper_count"], day["capture_count"]) == expected


def test_a_date_has_first_and_last_capture_and_page_count():
    two = capture(pages=[json_page(entries(3), more=True), json_page(entries(2, first=4))], at=CLOSED)
    (day,) = verdicts(capture([], at=OPEN), two, capture("no", at=SETTLED))
    assert (day["first_captured_at"], day["last_captured_at"], day["page_count"]) == (OPEN, SETTLED, 2)


def test_the_newest_whole_capture_defines_the_list_even_if_a_newer_one_is_truncated():
    cut = capture([entry("2511.00500", paper__upvotes=1), *entries(99)], at=SETTLED)
    rows = build_tables(capture(entries(2), at=CLOSED), cut)["listings"]
    assert rows.filter("is_listed").select("paper_id", "position").rows() == [("2511.00001", 1), ("2511.00002", 2)]
    assert rows.height == 100
    assert set(rows["last_seen_at"]) == {SETTLED}


def test_positions_come_from_the_capture_that_defines_the_list():
    first = capture([entry("2511.00001"), entry("2511.00002"), entry("2511.00003")], at=CLOSED)
    then = capture([entry("2511.00003"), entry("2511.00001")], at=SETTLED)
    rows = build_tables(first, then)["listings"].select("paper_id", "position", "is_listed").rows()
    assert sorted(rows) == [("2511.00001", 2, True), ("2511.00002", 2, False), ("2511.00003", 1, True)]


def test_a_returning_paper_is_listed_and_keeps_its_first_seen_time():
    away = entries(1, first=2)
    tables = build_tables(capture(entries(2), at=OPEN), capture(away, at=CLOSED), capture(entries(2), at=SETTLED))
    row = tables["listings"].filter(paper_id="2511.00001").row(0, named=True)
    assert (row["is_listed"], row["first_seen_at"], row["last_seen_at"]) == (True, OPEN, SETTLED)


def test_a_removed_paper_keeps_its_last_seen_time():
    tables = build_tables(capture(entries(2), at=OPEN), capture(entries(1), at=CLOSED))
    row = tables["listings"].filter(paper_id="2511.00002").row(0, named=True)
    assert (row["is_listed"], row["first_seen_at"], row["last_seen_at"]) == (False, OPEN, OPEN)


def test_a_paper_on_two_pages_counts_once_at_its_first_position():
    pages = [json_page(entries(3), more=True), json_page([entry("2511.00003"), entry("2511.00004")])]
    tables = build_tables(capture(pages=pages))
    assert tables["listings"].select("paper_id", "position").rows() == [
        ("2511.00001", 1),
        ("2511.00002", 2),
        ("2511.00003", 3),
        ("2511.00004", 5),
    ]
    assert tables["rejects"].is_empty()
    assert tables["signals"].height == tables["authors"].height == 4
    assert tables["source_days"]["paper_count"].to_list() == [4]


def test_a_repeated_paper_on_one_page_is_rejected():
    tables = build_tables(capture([*entries(2), *entries(1)]))
    assert tables["listings"]["paper_id"].to_list() == ["2511.00001", "2511.00002"]
    assert tables["rejects"].select("reason", "place").rows() == [("key_repeated", 3)]
    assert tables["captures"]["refused_count"].to_list() == [1]


def test_the_newer_of_two_answers_for_one_page_counts():
    older = capture(entries(2))
    newer = [row | {"captured_at": row["captured_at"] + SECOND} for row in capture(entries(3))]
    (capture_rows,) = build_tables(older, newer)["captures"].rows(named=True)
    assert (capture_rows["page_count"], capture_rows["entry_count"]) == (1, 3)


def test_the_fault_of_a_capture_is_that_of_its_first_invalid_page():
    pages = [json_page("no", status=500), json_page("no", status=502)]
    (capture_rows,) = build_tables(capture(pages=pages))["captures"].rows(named=True)
    assert (capture_rows["is_valid"], capture_rows["is_whole"], capture_rows["fault"]) == (
        False,
        False,
        "page 0 was answered with status 500",
    )


def test_each_date_has_its_own_verdict():
    days = verdicts(
        capture(entries(2), day=date(2025, 11, 3), at=SETTLED),
        capture("no", day=date(2025, 11, 4), at=SETTLED),
        capture([], day=date(2025, 11, 5), at=CLOSED),
        capture(entries(2), day=DAY, at=CLOSED),
    )
    assert [day["verdict"] for day in days] == ["settled", "failed", "in_doubt", "complete"]
