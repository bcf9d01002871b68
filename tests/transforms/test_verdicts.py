"""What is known of a date, on which capture its list rests, and who stands on it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.replies import CLOSED, DAY, OPEN, SETTLED, built, capture, entries, entry, page, replies
from transforms.hub import replies as hub

SECOND = timedelta(seconds=1)
TWO_WEEKS = timedelta(days=14)
CLOSINGS = {
    date(2025, 11, 6): datetime(2025, 11, 7, 2, 30, tzinfo=UTC),
    date(2025, 7, 10): datetime(2025, 7, 11, 1, 30, tzinfo=UTC),
    # The clock in New York is put forward, and back.
    date(2025, 3, 8): datetime(2025, 3, 9, 2, 30, tzinfo=UTC),
    date(2025, 3, 9): datetime(2025, 3, 10, 1, 30, tzinfo=UTC),
    date(2025, 11, 1): datetime(2025, 11, 2, 1, 30, tzinfo=UTC),
    date(2025, 11, 2): datetime(2025, 11, 3, 2, 30, tzinfo=UTC),
    date(2025, 12, 31): datetime(2026, 1, 1, 2, 30, tzinfo=UTC),
}


def verdicts(*captures):
    return built(*captures)["source_days"].rows(named=True)


def verdict(*captures):
    (day,) = verdicts(*captures)
    return day["verdict"], day["reason"]


def test_a_date_closes_at_half_past_nine_in_new_york():
    asked = [
        capture(entries(2), day=day, at=closing + apart)
        for day, closing in CLOSINGS.items()
        for apart in (-SECOND, timedelta(0))
    ]
    facts = hub.read(replies(*asked)).captures.sort("listed_on", "captured_at")
    assert facts.select("listed_on", "is_closed").rows() == [
        (day, is_closed) for day in sorted(CLOSINGS) for is_closed in (False, True)
    ]


@pytest.mark.parametrize(
    ("after_closing", "is_known"),
    [
        (-SECOND, "partial"),
        (timedelta(0), "complete"),
        (timedelta(days=3), "complete"),
        (TWO_WEEKS - SECOND, "complete"),
        (TWO_WEEKS, "settled"),
        (timedelta(days=400), "settled"),
    ],
)
def test_a_whole_list_is_worth_the_more_the_later_it_was_captured(after_closing, is_known):
    days = verdicts(*(capture(entries(2), day=day, at=end + after_closing) for day, end in CLOSINGS.items()))
    assert {day["verdict"] for day in days} == {is_known}
    assert {day["reason"] for day in days} == {"captured before the date had closed" if is_known == "partial" else None}


@pytest.mark.parametrize(
    ("at", "is_known"),
    [(OPEN, "partial"), (CLOSED, "confirmed_empty"), (SETTLED, "confirmed_empty")],
)
def test_an_empty_list_is_confirmed_once_the_date_has_closed(at, is_known):
    (day,) = verdicts(capture([], at=at))
    assert (day["verdict"], day["paper_count"], day["page_count"]) == (is_known, 0, 1)


PARTIAL = {
    "full, of the page asked for": (
        capture(entries(100), limit=100),
        "page 0 is full with 100 entries: the list may be cut there",
    ),
    "full, of the page by default": (
        [row | {"url": "https://hub.test/api/daily_papers?date=2025-11-06"} for row in capture(entries(50))],
        "page 0 is full with 50 entries: the list may be cut there",
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
        capture(pages=[page(entries(3), more=True)]),
        "page 0 announces a next page that was not captured",
    ),
    "a page between is missing": (
        capture(pages=[page(entries(3)), None, page(entries(3, first=7))]),
        "a page before page 2 is missing",
    ),
    "the first page is missing": (capture(pages=[None, page(entries(3))]), "a page before page 1 is missing"),
    "the second page failed": (
        capture(pages=[page(entries(3), more=True), page("busy", status=429)]),
        "page 1 was answered with status 429",
    ),
    "the second page is no list": (
        capture(pages=[page(entries(3), more=True), page('{"error": "x"}')]),
        "page 1 is not a JSON array",
    ),
    "the first page failed": (
        capture(pages=[page("no", status=500), page(entries(3))]),
        "page 0 was answered with status 500",
    ),
}


@pytest.mark.parametrize("about", PARTIAL)
def test_a_date_is_partial_where_its_only_capture_is_not_whole(about):
    answers, why = PARTIAL[about]
    assert verdict(answers) == ("partial", why)
    assert built(answers)["listings"]["is_listed"].all()


FAILED = {
    "a fault of the server": (page("no", status=500), "page 0 was answered with status 500"),
    "a list with a bad status": (page(entries(3), status=503), "page 0 was answered with status 503"),
    "a redirect": (page("", status=302), "page 0 was answered with status 302"),
    "nothing": (page(b""), "page 0 is not a JSON array"),
    "a page for people": (page("<html>Wait</html>"), "page 0 is not a JSON array"),
    "an object": (page('{"error": "Invalid date"}'), "page 0 is not a JSON array"),
    "null": (page("null"), "page 0 is not a JSON array"),
    "a list that was cut": (page('[{"paper": {"id": "2511.0'), "page 0 is not a JSON array"),
    "two lists": (page("[][]"), "page 0 is not a JSON array"),
    "what begins like a list": (page("[not one"), "page 0 is not a JSON array"),
    "bytes that are no text": (page(b"[\xff\xfe]"), "page 0 is not a JSON array"),
}


@pytest.mark.parametrize("about", FAILED)
def test_a_date_has_failed_where_nothing_valid_came(about):
    answer, why = FAILED[about]
    tables = built(capture(pages=[answer]))
    (day,) = tables["source_days"].rows(named=True)
    assert (day["verdict"], day["reason"]) == ("failed", why)
    assert (day["paper_count"], day["page_count"], day["capture_count"]) == (0, 1, 1)
    assert tables["listings"].is_empty()


def test_an_imported_answer_that_is_no_list_has_failed():
    assert verdict(capture("<html>", limit=None)) == ("failed", "page 0 is not a JSON array")


def test_a_date_that_was_never_asked_for_has_no_row():
    days = verdicts(capture([], day=date(2025, 11, 3)), capture([], day=date(2025, 11, 5)))
    assert [day["listed_on"] for day in days] == [date(2025, 11, 3), date(2025, 11, 5)]


def test_white_space_around_a_list_does_no_harm():
    assert verdict(capture(" \r\n\t[] \n")) == ("confirmed_empty", None)


@pytest.mark.parametrize("count", [49, 99])
def test_a_list_that_does_not_fill_its_page_is_whole(count):
    assert verdict(capture(entries(count))) == ("complete", None)


def test_a_full_page_followed_by_an_empty_one_is_whole():
    assert verdict(capture(pages=[page(entries(100), more=True), page([])])) == ("complete", None)


def test_an_imported_list_longer_than_a_default_page_is_whole():
    assert verdict(capture(entries(51), limit=None)) == ("complete", None)


# Several captures of one date.


@pytest.mark.parametrize(
    ("captures", "expected"),
    [
        ([capture(entries(2), at=OPEN), capture(entries(3), at=CLOSED)], ("complete", 3, 2)),
        ([capture(entries(2), at=CLOSED), capture(entries(3), at=SETTLED)], ("settled", 3, 2)),
        ([capture(entries(2), at=CLOSED), capture([], at=SETTLED)], ("confirmed_empty", 0, 2)),
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


def test_a_day_says_when_it_was_asked_first_and_last_and_of_how_many_pages_its_list_is():
    two = capture(pages=[page(entries(3), more=True), page(entries(2, first=4))], at=CLOSED)
    (day,) = verdicts(capture([], at=OPEN), two, capture("no", at=SETTLED))
    assert (day["first_captured_at"], day["last_captured_at"], day["page_count"]) == (OPEN, SETTLED, 2)


def test_who_is_listed_stands_on_the_newest_whole_capture_though_a_newer_one_was_cut():
    cut = capture([entry("2511.00500", paper__upvotes=1), *entries(99)], at=SETTLED)
    rows = built(capture(entries(2), at=CLOSED), cut)["listings"]
    assert rows.filter("is_listed").select("paper_id", "position").rows() == [("2511.00001", 1), ("2511.00002", 2)]
    assert rows.height == 100
    assert set(rows["last_seen_at"]) == {SETTLED}


def test_places_of_listed_papers_are_those_of_the_capture_the_list_rests_on():
    first = capture([entry("2511.00001"), entry("2511.00002"), entry("2511.00003")], at=CLOSED)
    then = capture([entry("2511.00003"), entry("2511.00001")], at=SETTLED)
    rows = built(first, then)["listings"].select("paper_id", "position", "is_listed").rows()
    assert sorted(rows) == [("2511.00001", 2, True), ("2511.00002", 2, False), ("2511.00003", 1, True)]


def test_a_paper_that_came_back_is_listed_and_was_first_seen_at_its_first_time():
    away = entries(1, first=2)
    tables = built(capture(entries(2), at=OPEN), capture(away, at=CLOSED), capture(entries(2), at=SETTLED))
    row = tables["listings"].filter(paper_id="2511.00001").row(0, named=True)
    assert (row["is_listed"], row["first_seen_at"], row["last_seen_at"]) == (True, OPEN, SETTLED)


def test_a_paper_that_left_was_last_seen_where_it_last_stood():
    tables = built(capture(entries(2), at=OPEN), capture(entries(1), at=CLOSED))
    row = tables["listings"].filter(paper_id="2511.00002").row(0, named=True)
    assert (row["is_listed"], row["first_seen_at"], row["last_seen_at"]) == (False, OPEN, OPEN)


def test_a_paper_met_on_two_pages_counts_once_at_its_first_place():
    pages = [page(entries(3), more=True), page([entry("2511.00003"), entry("2511.00004")])]
    tables = built(capture(pages=pages))
    assert tables["listings"].select("paper_id", "position").rows() == [
        ("2511.00001", 1),
        ("2511.00002", 2),
        ("2511.00003", 3),
        ("2511.00004", 5),
    ]
    assert tables["rejects"].is_empty()
    assert tables["signals"].height == tables["authors"].height == 4
    assert tables["source_days"]["paper_count"].to_list() == [4]


def test_a_paper_met_twice_on_one_page_is_repeated_and_the_second_is_refused():
    tables = built(capture([*entries(2), *entries(1)]))
    assert tables["listings"]["paper_id"].to_list() == ["2511.00001", "2511.00002"]
    assert tables["rejects"].select("reason", "place").rows() == [("key_repeated", 3)]
    assert tables["captures"]["refused_count"].to_list() == [1]


def test_an_answer_kept_twice_counts_once_and_the_newer_holds():
    older = capture(entries(2))
    newer = [row | {"captured_at": row["captured_at"] + SECOND} for row in capture(entries(3))]
    (facts,) = built(older, newer)["captures"].rows(named=True)
    assert (facts["page_count"], facts["entry_count"]) == (1, 3)


def test_a_capture_says_what_is_wrong_with_it_in_its_first_page_that_is_wrong():
    pages = [page("no", status=500), page("no", status=502)]
    (facts,) = built(capture(pages=pages))["captures"].rows(named=True)
    assert (facts["is_valid"], facts["is_whole"], facts["fault"]) == (
        False,
        False,
        "page 0 was answered with status 500",
    )


def test_each_date_is_known_by_itself():
    days = verdicts(
        capture(entries(2), day=date(2025, 11, 3), at=SETTLED),
        capture("no", day=date(2025, 11, 4), at=SETTLED),
        capture([], day=date(2025, 11, 5), at=CLOSED),
        capture(entries(2), day=DAY, at=CLOSED),
    )
    assert [day["verdict"] for day in days] == ["settled", "failed", "confirmed_empty", "complete"]
