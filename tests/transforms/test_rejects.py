"""Unreadable entries, authors, values and captures are rejected with a reason and their raw text."""

import json
from datetime import date

import pytest

from schemas.rejects import REASONS
from schemas.source_days import HUB
from tests.replies import (
    ABSENT,
    CLOSED,
    DAY,
    OPEN,
    SETTLED,
    accept_decision,
    build_tables,
    build_validated_tables,
    capture,
    entries,
    entry,
    json_page,
    reject_of,
    with_changes,
)

ANOTHER_DATE = date(2025, 11, 5)

WHOLE_ENTRIES = [
    (None, "not_an_object", "$"),
    (5, "not_an_object", "$"),
    ("2511.00001", "not_an_object", "$"),
    ([entry()], "not_an_object", "$"),
    ({}, "paper_missing", "$.paper"),
    (entry(paper=None), "paper_missing", "$.paper"),
    (entry(paper="2511.00001"), "wrong_type", "$.paper"),
    (entry(paper=[]), "wrong_type", "$.paper"),
    (entry(paper__id=ABSENT), "id_missing", "$.paper.id"),
    (entry(paper__id=None), "id_missing", "$.paper.id"),
    (entry(paper__id=""), "id_missing", "$.paper.id"),
    (entry(paper__id=2511.0001), "wrong_type", "$.paper.id"),
    (entry(paper__id=["2511.00001"]), "wrong_type", "$.paper.id"),
    *(
        (entry(wrong), "id_invalid", "$.paper.id")
        for wrong in (
            "2511.1",
            "2511.000010",
            "2513.00001",
            "2500.00001",
            "2511.00001v2",
            "arXiv:2511.00001",
            " 2511.00001",
            "2511.00001\n",
            "\uff12\uff1511.00001",
            "hep-th/99010011",
            "../../etc",
        )
    ),
]


@pytest.fixture(scope="module")
def whole_rejects():
    tables = build_tables(capture([item for item, _, _ in WHOLE_ENTRIES]))
    assert tables["listings"].is_empty()
    return {row["place"]: row for row in tables["rejects"].rows(named=True)}


@pytest.mark.parametrize("place", range(1, len(WHOLE_ENTRIES) + 1))
def test_an_invalid_entry_is_refused(whole_rejects, place):
    content, reason, field = WHOLE_ENTRIES[place - 1]
    row = whole_rejects[place]
    assert (row["reason"], row["field"]) == (reason, field)
    assert (row["table_name"], row["is_row_kept"]) == ("listings", False)
    assert (row["listed_on"], row["captured_at"]) == (DAY, CLOSED)
    assert json.loads(row["entry"]) == content
    assert row["message"].startswith("found ")


def test_a_message_shows_what_was_found_and_what_is_needed():
    assert (
        reject_of(entry("2511.1"))["message"] == "found 2511.1; an arXiv id has the form 2511.01234 or hep-th/9901001"
    )
    assert reject_of(entry(paper__upvotes="many"))["message"] == "found text many; needed: a whole number"


def test_a_message_is_limited_in_length():
    assert len(reject_of(entry("9" * 5000))["message"]) < 200
    assert len(reject_of(entry(paper__upvotes="9" * 5000))["message"]) < 200


VALUES = [
    ("paper.title", 5, "wrong_type", "title"),
    ("paper.publishedAt", "yesterday", "date_impossible", "published_at"),
    ("paper.publishedAt", "2025-02-30T00:00:00Z", "date_impossible", "published_at"),
    ("paper.publishedAt", "0001-01-01T00:00:00Z", "date_impossible", "published_at"),
    ("paper.publishedAt", "1985-12-31T23:59:59Z", "date_impossible", "published_at"),
    ("paper.publishedAt", "2100-01-01T00:00:00Z", "date_impossible", "published_at"),
    ("paper.publishedAt", "9999-12-31T23:59:59Z", "date_impossible", "published_at"),
    ("paper.publishedAt", "2025-11-04T25:00:00Z", "date_impossible", "published_at"),
    ("paper.upvotes", -1, "below_zero", "upvote_count"),
    ("paper.upvotes", -(2**40), "below_zero", "upvote_count"),
    ("numComments", -1, "below_zero", "comment_count"),
    ("paper.githubStars", 2**31, "too_large", "github_star_count"),
    ("paper.githubStars", 2**63, "too_large", "github_star_count"),
    ("paper.githubStars", 2**64 - 1, "too_large", "github_star_count"),
    ("paper.upvotes", 1e3, "wrong_type", "upvote_count"),
]


def test_an_unreadable_value_is_null_and_its_row_is_kept():
    content = [
        with_changes(item, {path: bad}) for item, (path, bad, _, _) in zip(entries(len(VALUES)), VALUES, strict=True)
    ]
    tables = build_tables(capture(content))
    rows = tables["listings"].rows(named=True)
    assert [row[column] for row, (*_, column) in zip(rows, VALUES, strict=True)] == [None] * len(VALUES)
    rejects = tables["rejects"].rows(named=True)
    assert [(row["field"], row["reason"]) for row in rejects] == [
        (f"$.{path}", reason) for path, _, reason, _ in VALUES
    ]
    assert {row["is_row_kept"] for row in rejects} == {True}
    assert [json.loads(row["entry"]) for row in rejects] == content


@pytest.mark.parametrize("count", [2**31 - 1, 0])
def test_the_limits_of_a_count_are_valid(count):
    tables = build_tables(capture([entry(paper__upvotes=count)]))
    assert tables["listings"]["upvote_count"].to_list() == [count]
    assert tables["rejects"].is_empty()


def test_every_invalid_value_of_an_entry_is_rejected():
    tables = build_tables(capture([entry(paper__upvotes="7", numComments=-1, paper__title={})]))
    assert tables["rejects"].select("field", "reason").rows() == [
        ("$.numComments", "below_zero"),
        ("$.paper.title", "wrong_type"),
        ("$.paper.upvotes", "wrong_type"),
    ]


PEOPLE = [
    (5, "not_an_object", ""),
    (None, "not_an_object", ""),
    ("Ada Birch", "not_an_object", ""),
    ({}, "name_missing", ".name"),
    ({"name": None}, "name_missing", ".name"),
    ({"name": " \n"}, "name_missing", ".name"),
    ({"name": 5}, "wrong_type", ".name"),
    ({"name": ["Ada"]}, "wrong_type", ".name"),
]


def test_an_unreadable_author_does_not_affect_other_authors():
    content = [person for person, _, _ in PEOPLE]
    tables = build_tables(capture([entry(paper__authors=[*content, {"name": "Bo Elm", "hidden": False}])]))
    assert tables["listings"].height == 1
    assert tables["authors"].select("position", "name").rows() == [(len(PEOPLE) + 1, "Bo Elm")]
    rejects = tables["rejects"].rows(named=True)
    assert [(row["field"], row["reason"]) for row in rejects] == [
        (f"$.paper.authors[{place}]{part}", reason) for place, (_, reason, part) in enumerate(PEOPLE)
    ]
    assert {(row["table_name"], row["is_row_kept"]) for row in rejects} == {("authors", False)}
    assert [json.loads(row["entry"]) for row in rejects] == content


@pytest.mark.parametrize(
    ("about", "field"),
    [
        ({"user": "bo-elm"}, "user"),
        ({"user": {"user": 5}}, "user.user"),
        ({"status": 5}, "status"),
        ({"hidden": "no"}, "hidden"),
    ],
)
def test_an_author_with_an_unreadable_value_is_kept(about, field):
    tables = build_tables(capture([entry(paper__authors=[{"name": "Bo Elm", "hidden": False, **about}])]))
    (row,) = tables["authors"].rows(named=True)
    assert (row["name"], row["hub_user"], row["status"]) == ("Bo Elm", None, None)
    (rejects,) = tables["rejects"].rows(named=True)
    assert (rejects["field"], rejects["reason"]) == (f"$.paper.authors[0].{field}", "wrong_type")
    assert (rejects["table_name"], rejects["is_row_kept"]) == ("authors", True)


@pytest.mark.parametrize(("hidden", "refused"), [(None, 0), (ABSENT, 0), ("no", 1), (1, 1)])
def test_an_unknown_hidden_flag_is_null(hidden, refused):
    person = {"name": "Bo Elm"} if hidden is ABSENT else {"name": "Bo Elm", "hidden": hidden}
    tables = build_tables(capture([entry(paper__authors=[person])]))
    assert tables["authors"].select("name", "is_hidden").rows() == [("Bo Elm", None)]
    assert tables["rejects"]["field"].to_list() == ["$.paper.authors[0].hidden"] * refused


def test_an_invalid_value_of_a_paper_on_two_pages_counts_once():
    content = [entry("2511.00001", paper__upvotes="many"), None]
    tables = build_tables(capture(pages=[json_page(content, more=True), json_page(content)]))
    assert tables["rejects"].select("place", "reason").rows() == [(1, "wrong_type"), (2, "not_an_object")]


def test_equal_unreadable_authors_of_two_papers_are_two_rejects():
    first, second = (entry(f"2511.0000{n}", paper__authors=[None]) for n in (1, 2))
    made = build_tables(capture(pages=[json_page([first]), json_page([first, second])]))["rejects"]
    assert made.select("place", "field", "reason").rows() == [
        (1, "$.paper.authors[0]", "not_an_object"),
        (3, "$.paper.authors[0]", "not_an_object"),
    ]


def test_a_repeated_paper_on_one_page_is_refused():
    content = [entry("2511.00001", paper__upvotes=1), entry("2511.00002"), entry("2511.00001", paper__upvotes=2)]
    tables = build_tables(capture(content))
    assert tables["listings"].select("paper_id", "position", "upvote_count").rows() == [
        ("2511.00001", 1, 1),
        ("2511.00002", 2, 7),
    ]
    (rejects,) = tables["rejects"].rows(named=True)
    assert (rejects["reason"], rejects["field"], rejects["place"], rejects["is_row_kept"]) == (
        "key_repeated",
        "$.paper.id",
        3,
        False,
    )
    assert json.loads(rejects["entry"]) == content[2]


def test_places_of_rejects_count_over_all_pages():
    pages = [json_page(entries(3), more=True), json_page([entry("2511.00004"), 5])]
    (rejects,) = build_tables(capture(pages=pages))["rejects"].rows(named=True)
    assert rejects["place"] == 5


def test_an_invalid_entry_counts_once_in_each_capture():
    content = [5, *entries(3)]
    tables = build_tables(capture(content, at=OPEN), capture(content, at=CLOSED), capture(content, at=CLOSED))
    assert tables["rejects"].select("captured_at", "place", "reason").rows() == [
        (OPEN, 1, "not_an_object"),
        (CLOSED, 1, "not_an_object"),
    ]
    assert tables["captures"]["refused_count"].to_list() == [1, 1]


# Whole captures.


@pytest.mark.parametrize(("bad", "good", "is_refused"), [(1, 0, True), (2, 2, True), (3, 2, True), (2, 3, False)])
def test_a_capture_with_half_of_its_entries_unreadable_is_refused(bad, good, is_refused):
    tables = build_validated_tables(capture([*[{}] * bad, *entries(good)]))
    (capture_row,) = tables["captures"].rows(named=True)
    assert (capture_row["is_refused"], capture_row["refused_count"], capture_row["entry_count"]) == (
        is_refused,
        bad,
        bad + good,
    )
    assert tables["listings"].height == (0 if is_refused else good)
    reasons = sorted(tables["rejects"]["reason"])
    assert reasons == sorted(["paper_missing"] * bad + ["capture_refused"] * is_refused)


def test_after_a_refused_capture_the_list_stays_that_of_the_older_one():
    good, bad = entries(3), [entry("2511.00009", paper__upvotes="7"), {}, {}, 5]
    tables = build_validated_tables(capture(good, at=CLOSED), capture(bad, at=SETTLED))
    assert tables["listings"].filter("is_listed")["paper_id"].to_list() == [item["paper"]["id"] for item in good]
    assert set(tables["signals"]["captured_at"]) == set(tables["listings"]["last_seen_at"]) == {CLOSED}
    (day,) = tables["source_days"].rows(named=True)
    assert (day["verdict"], day["paper_count"], day["capture_count"]) == ("complete", 3, 2)
    assert (day["first_captured_at"], day["last_captured_at"]) == (CLOSED, SETTLED)
    (rejects,) = tables["rejects"].filter(reason="capture_refused").rows(named=True)
    assert (rejects["captured_at"], rejects["place"], rejects["field"], rejects["is_row_kept"]) == (
        SETTLED,
        0,
        "$",
        False,
    )
    assert "half of its entries or more cannot be read" in rejects["message"]
    assert "0.75" in rejects["message"]
    assert json.loads(rejects["entry"])["refused_count"] == 3


def test_rejected_values_of_a_refused_capture_do_not_keep_their_row():
    tables = build_validated_tables(capture([entry(paper__upvotes="7"), {}]))
    (rejects,) = tables["rejects"].filter(field="$.paper.upvotes").rows(named=True)
    assert rejects["is_row_kept"] is False


def test_the_list_of_another_date_is_refused():
    content = [with_changes(item, {"paper.submittedOnDailyAt": f"{ANOTHER_DATE}T01:00:00.000Z"}) for item in entries(4)]
    tables = build_validated_tables(capture(entries(2), at=CLOSED), capture(content, at=SETTLED))
    assert tables["listings"].height == 2
    (capture_row,) = tables["captures"].filter("is_refused").rows(named=True)
    assert (capture_row["captured_at"], capture_row["other_date_count"], capture_row["other_date_share"]) == (
        SETTLED,
        4,
        1.0,
    )
    assert capture_row["fault"] == "it is the list of another date (other_date_share 1.00)"


def test_a_capture_with_few_entries_of_another_date_is_not_refused():
    days = [DAY, DAY, DAY, ANOTHER_DATE]
    content = [
        with_changes(item, {"paper.submittedOnDailyAt": f"{day}T01:00:00.000Z"})
        for item, day in zip(entries(4), days, strict=True)
    ]
    assert build_validated_tables(capture(content))["captures"]["is_refused"].to_list() == [False]


def test_a_list_without_dates_is_not_refused():
    content = [
        with_changes(item, {"paper.submittedOnDailyAt": value})
        for item, value in zip(entries(3), [5, "?", {}], strict=True)
    ]
    assert build_validated_tables(capture(content))["captures"]["is_refused"].to_list() == [False]


def test_an_accepted_capture_is_published():
    tables = build_validated_tables(
        capture(entries(3)), capture([{}, entry("2511.00009")], at=SETTLED), accepted=accept_decision(DAY, SETTLED)
    )
    assert tables["listings"].filter("is_listed")["paper_id"].to_list() == ["2511.00009"]
    capture_row = tables["captures"].row(1, named=True)
    assert (capture_row["is_refused"], capture_row["is_accepted"]) == (False, True)
    assert "capture_refused" not in set(tables["rejects"]["reason"])


def test_accepting_one_capture_does_not_accept_another():
    bad = [{}, entry("2511.00009")]
    tables = build_validated_tables(
        capture(bad, at=CLOSED), capture(bad, at=SETTLED), accepted=accept_decision(DAY, CLOSED)
    )
    assert tables["captures"].select("is_refused", "is_accepted").rows() == [(False, True), (True, False)]


def test_accepting_a_valid_capture_changes_nothing():
    item = capture(entries(3))
    with_decision, without = (
        build_validated_tables(item, accepted=accept_decision(DAY, CLOSED)),
        build_validated_tables(item),
    )
    for name, frame in without.items():
        assert frame.equals(with_decision[name]), name


def test_a_date_with_only_refused_captures_has_failed():
    (day,) = build_validated_tables(capture([{}]))["source_days"].rows(named=True)
    assert day["verdict"] == "failed"
    assert "half of its entries or more cannot be read" in day["reason"]


def test_these_tests_cover_every_reason():
    rejects = [reason for _, reason, _ in [*WHOLE_ENTRIES, *PEOPLE]] + [reason for _, _, reason, _ in VALUES]
    assert {*rejects, "key_repeated", "not_utf8", "key_twice", "capture_refused"} == set(REASONS)


def test_no_answers_give_empty_tables():
    tables = build_tables()
    assert all(frame.is_empty() for frame in tables.values())
    capture_row = {"listings", "authors", "signals", "source_days", "captures", "rejects"}
    assert set(tables) == {*capture_row, "field_days", "drift"}
    assert HUB == "hub"
