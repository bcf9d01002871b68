"""What cannot be read is refused with its reason, whole or in part, and nothing refused is lost."""

import json
from datetime import date

import pytest

from schemas.rejects import REASONS
from tests.replies import (
    CLOSED,
    DAY,
    GONE,
    OPEN,
    SETTLED,
    accept,
    built,
    capture,
    changed,
    entries,
    entry,
    judged,
    page,
    reject,
)
from transforms.hub import replies as hub

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
    (entry(paper__id=GONE), "id_missing", "$.paper.id"),
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
    tables = built(capture([one for one, _, _ in WHOLE_ENTRIES]))
    assert tables["listings"].is_empty()
    return {row["place"]: row for row in tables["rejects"].rows(named=True)}


@pytest.mark.parametrize("place", range(1, len(WHOLE_ENTRIES) + 1))
def test_an_entry_that_cannot_be_a_row_is_refused_whole(whole_rejects, place):
    held, reason, field = WHOLE_ENTRIES[place - 1]
    row = whole_rejects[place]
    assert (row["reason"], row["field"]) == (reason, field)
    assert (row["table_name"], row["is_row_kept"]) == ("listings", False)
    assert (row["listed_on"], row["captured_at"]) == (DAY, CLOSED)
    assert json.loads(row["entry"]) == held
    assert row["message"].startswith("found ")


def test_a_message_shows_what_was_found_and_what_is_needed():
    assert reject(entry("2511.1"))["message"] == "found 2511.1; an arXiv id has the form 2511.01234 or hep-th/9901001"
    assert reject(entry(paper__upvotes="many"))["message"] == "found text many; needed: a whole number"


def test_a_message_does_not_grow_with_what_was_found():
    assert len(reject(entry("9" * 5000))["message"]) < 200
    assert len(reject(entry(paper__upvotes="9" * 5000))["message"]) < 200


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


def test_a_value_that_cannot_be_read_is_null_and_its_row_stays():
    held = [changed(one, {path: bad}) for one, (path, bad, _, _) in zip(entries(len(VALUES)), VALUES, strict=True)]
    tables = built(capture(held))
    rows = tables["listings"].rows(named=True)
    assert [row[column] for row, (*_, column) in zip(rows, VALUES, strict=True)] == [None] * len(VALUES)
    said = tables["rejects"].rows(named=True)
    assert [(row["field"], row["reason"]) for row in said] == [(f"$.{path}", why) for path, _, why, _ in VALUES]
    assert {row["is_row_kept"] for row in said} == {True}
    assert [json.loads(row["entry"]) for row in said] == held


@pytest.mark.parametrize("most", [2**31 - 1, 0])
def test_the_ends_of_a_count_are_readable(most):
    tables = built(capture([entry(paper__upvotes=most)]))
    assert tables["listings"]["upvote_count"].to_list() == [most]
    assert tables["rejects"].is_empty()


def test_every_bad_value_of_an_entry_is_told():
    tables = built(capture([entry(paper__upvotes="7", numComments=-1, paper__title={})]))
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


def test_an_author_that_cannot_be_read_costs_only_himself():
    held = [person for person, _, _ in PEOPLE]
    tables = built(capture([entry(paper__authors=[*held, {"name": "Bo Elm", "hidden": False}])]))
    assert tables["listings"].height == 1
    assert tables["authors"].select("position", "name").rows() == [(len(PEOPLE) + 1, "Bo Elm")]
    said = tables["rejects"].rows(named=True)
    assert [(row["field"], row["reason"]) for row in said] == [
        (f"$.paper.authors[{place}]{part}", why) for place, (_, why, part) in enumerate(PEOPLE)
    ]
    assert {(row["table_name"], row["is_row_kept"]) for row in said} == {("authors", False)}
    assert [json.loads(row["entry"]) for row in said] == held


@pytest.mark.parametrize(
    ("about", "field"),
    [
        ({"user": "bo-elm"}, "user"),
        ({"user": {"user": 5}}, "user.user"),
        ({"status": 5}, "status"),
        ({"hidden": "no"}, "hidden"),
    ],
)
def test_an_author_with_an_unreadable_detail_stays(about, field):
    tables = built(capture([entry(paper__authors=[{"name": "Bo Elm", "hidden": False, **about}])]))
    (row,) = tables["authors"].rows(named=True)
    assert (row["name"], row["hub_user"], row["status"]) == ("Bo Elm", None, None)
    (said,) = tables["rejects"].rows(named=True)
    assert (said["field"], said["reason"]) == (f"$.paper.authors[0].{field}", "wrong_type")
    assert (said["table_name"], said["is_row_kept"]) == ("authors", True)


@pytest.mark.parametrize(("hidden", "refused"), [(None, 0), (GONE, 0), ("no", 1), (1, 1)])
def test_whether_an_author_is_hidden_is_not_guessed(hidden, refused):
    person = {"name": "Bo Elm"} if hidden is GONE else {"name": "Bo Elm", "hidden": hidden}
    tables = built(capture([entry(paper__authors=[person])]))
    assert tables["authors"].select("name", "is_hidden").rows() == [("Bo Elm", None)]
    assert tables["rejects"]["field"].to_list() == ["$.paper.authors[0].hidden"] * refused


def test_a_bad_value_of_a_paper_on_two_pages_counts_once():
    held = [entry("2511.00001", paper__upvotes="many"), None]
    tables = built(capture(pages=[page(held, more=True), page(held)]))
    assert tables["rejects"].select("place", "reason").rows() == [(1, "wrong_type"), (2, "not_an_object")]


def test_authors_of_two_papers_that_cannot_be_read_alike_are_two():
    first, second = (entry(f"2511.0000{n}", paper__authors=[None]) for n in (1, 2))
    made = built(capture(pages=[page([first]), page([first, second])]))["rejects"]
    assert made.select("place", "field", "reason").rows() == [
        (1, "$.paper.authors[0]", "not_an_object"),
        (3, "$.paper.authors[0]", "not_an_object"),
    ]


def test_a_paper_twice_on_one_page_is_refused_the_second_time():
    held = [entry("2511.00001", paper__upvotes=1), entry("2511.00002"), entry("2511.00001", paper__upvotes=2)]
    tables = built(capture(held))
    assert tables["listings"].select("paper_id", "position", "upvote_count").rows() == [
        ("2511.00001", 1, 1),
        ("2511.00002", 2, 7),
    ]
    (said,) = tables["rejects"].rows(named=True)
    assert (said["reason"], said["field"], said["place"], said["is_row_kept"]) == (
        "key_repeated",
        "$.paper.id",
        3,
        False,
    )
    assert json.loads(said["entry"]) == held[2]


def test_a_place_is_counted_over_all_pages():
    pages = [page(entries(3), more=True), page([entry("2511.00004"), 5])]
    (said,) = built(capture(pages=pages))["rejects"].rows(named=True)
    assert said["place"] == 5


def test_a_bad_entry_counts_once_in_each_capture_that_holds_it():
    held = [5, *entries(3)]
    tables = built(capture(held, at=OPEN), capture(held, at=CLOSED), capture(held, at=CLOSED))
    assert tables["rejects"].select("captured_at", "place", "reason").rows() == [
        (OPEN, 1, "not_an_object"),
        (CLOSED, 1, "not_an_object"),
    ]
    assert tables["captures"]["refused_count"].to_list() == [1, 1]


# Whole captures.


@pytest.mark.parametrize(("bad", "good", "is_refused"), [(1, 0, True), (2, 2, True), (3, 2, True), (2, 3, False)])
def test_a_capture_half_of_which_cannot_be_read_is_refused(bad, good, is_refused):
    tables = judged(capture([*[{}] * bad, *entries(good)]))
    (facts,) = tables["captures"].rows(named=True)
    assert (facts["is_refused"], facts["refused_count"], facts["entry_count"]) == (is_refused, bad, bad + good)
    assert tables["listings"].height == (0 if is_refused else good)
    reasons = sorted(tables["rejects"]["reason"])
    assert reasons == sorted(["paper_missing"] * bad + ["capture_refused"] * is_refused)


def test_a_refused_capture_leaves_the_list_of_the_older_one_and_says_why():
    good, bad = entries(3), [entry("2511.00009", paper__upvotes="7"), {}, {}, 5]
    tables = judged(capture(good, at=CLOSED), capture(bad, at=SETTLED))
    assert tables["listings"].filter("is_listed")["paper_id"].to_list() == [one["paper"]["id"] for one in good]
    assert set(tables["signals"]["captured_at"]) == set(tables["listings"]["last_seen_at"]) == {CLOSED}
    (day,) = tables["source_days"].rows(named=True)
    assert (day["verdict"], day["paper_count"], day["capture_count"]) == ("complete", 3, 2)
    assert (day["first_captured_at"], day["last_captured_at"]) == (CLOSED, SETTLED)
    (said,) = tables["rejects"].filter(reason="capture_refused").rows(named=True)
    assert (said["captured_at"], said["place"], said["field"], said["is_row_kept"]) == (SETTLED, 0, "$", False)
    assert "half of its entries or more cannot be read" in said["message"]
    assert "0.75" in said["message"]
    assert json.loads(said["entry"])["refused_count"] == 3


def test_no_row_of_a_refused_capture_is_kept_though_a_value_alone_was_unreadable():
    tables = judged(capture([entry(paper__upvotes="7"), {}]))
    (said,) = tables["rejects"].filter(field="$.paper.upvotes").rows(named=True)
    assert said["is_row_kept"] is False


def test_the_list_of_another_date_is_refused():
    held = [changed(one, {"paper.submittedOnDailyAt": f"{ANOTHER_DATE}T01:00:00.000Z"}) for one in entries(4)]
    tables = judged(capture(entries(2), at=CLOSED), capture(held, at=SETTLED))
    assert tables["listings"].height == 2
    (facts,) = tables["captures"].filter("is_refused").rows(named=True)
    assert (facts["captured_at"], facts["other_date_count"], facts["other_date_share"]) == (SETTLED, 4, 1.0)
    assert facts["fault"] == "it is the list of another date (other_date_share 1.00)"


def test_a_few_entries_of_another_date_do_not_make_it_another_list():
    days = [DAY, DAY, DAY, ANOTHER_DATE]
    held = [
        changed(one, {"paper.submittedOnDailyAt": f"{day}T01:00:00.000Z"})
        for one, day in zip(entries(4), days, strict=True)
    ]
    assert judged(capture(held))["captures"]["is_refused"].to_list() == [False]


def test_a_list_that_tells_no_dates_is_not_refused_for_them():
    held = [changed(one, {"paper.submittedOnDailyAt": odd}) for one, odd in zip(entries(3), [5, "?", {}], strict=True)]
    assert judged(capture(held))["captures"]["is_refused"].to_list() == [False]


def test_an_accepted_capture_is_built_from_again():
    tables = judged(capture(entries(3)), capture([{}, entry("2511.00009")], at=SETTLED), accepted=accept(DAY, SETTLED))
    assert tables["listings"].filter("is_listed")["paper_id"].to_list() == ["2511.00009"]
    facts = tables["captures"].row(1, named=True)
    assert (facts["is_refused"], facts["is_accepted"]) == (False, True)
    assert "capture_refused" not in set(tables["rejects"]["reason"])


def test_accepting_one_capture_accepts_no_other():
    bad = [{}, entry("2511.00009")]
    tables = judged(capture(bad, at=CLOSED), capture(bad, at=SETTLED), accepted=accept(DAY, CLOSED))
    assert tables["captures"].select("is_refused", "is_accepted").rows() == [(False, True), (True, False)]


def test_accepting_a_capture_that_was_not_refused_changes_nothing():
    one = capture(entries(3))
    with_decision, without = judged(one, accepted=accept(DAY, CLOSED)), judged(one)
    for name, frame in without.items():
        assert frame.equals(with_decision[name]), name


def test_a_date_of_which_every_capture_was_refused_has_failed():
    (day,) = judged(capture([{}]))["source_days"].rows(named=True)
    assert day["verdict"] == "failed"
    assert "half of its entries or more cannot be read" in day["reason"]


def test_every_reason_is_met_in_these_tests():
    said = [why for _, why, _ in [*WHOLE_ENTRIES, *PEOPLE]] + [why for _, _, why, _ in VALUES]
    assert {*said, "key_repeated", "capture_refused"} == set(REASONS)


def test_what_is_read_of_no_answers_is_nothing():
    tables = built()
    assert all(frame.is_empty() for frame in tables.values())
    facts = {"listings", "authors", "signals", "source_days", "captures", "rejects"}
    assert set(tables) == {*facts, "field_days", "drift"}
    assert hub.NAME == "hub"
