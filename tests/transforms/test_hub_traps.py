"""Oddities that the Hub's answers really hold, each as a small invented example."""

import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from tests.replies import (
    CLOSED,
    DAY,
    GONE,
    OPEN,
    SETTLED,
    built,
    capture,
    changed,
    entries,
    entry,
    listing,
    listings_of,
    page,
)

MORNING = datetime(2025, 11, 6, 8, 0, tzinfo=UTC)
OTHER_DAY = date(2025, 11, 12)


def authors(*people: object) -> list[dict[str, object]]:
    """The rows of `authors` of a paper by `people`, unhidden of one name where that is all that is said."""
    held = [{"name": one, "hidden": False} if isinstance(one, str) else one for one in people]
    return built(capture([entry(paper__authors=held)]))["authors"].rows(named=True)


def nothing_refused(*held: object) -> bool:
    return built(capture(held))["rejects"].is_empty()


# 1. Lists grow, votes move and may fall.


def test_a_list_that_grew_shows_all_its_papers_and_who_came_first():
    early, late = entries(2), entries(3)
    rows = built(capture(early, at=MORNING), capture(late, at=CLOSED))["listings"].rows(named=True)
    assert [row["first_seen_at"] for row in rows] == [MORNING, MORNING, CLOSED]
    assert {row["last_seen_at"] for row in rows} == {CLOSED}


def test_votes_that_fell_are_the_newest_and_both_are_kept_as_signals():
    tables = built(capture([entry(paper__upvotes=9)], at=OPEN), capture([entry(paper__upvotes=8)], at=CLOSED))
    assert tables["listings"]["upvote_count"].to_list() == [8]
    assert tables["signals"].select("captured_at", "upvote_count").rows() == [(OPEN, 9), (CLOSED, 8)]


def test_values_come_from_the_newest_capture_even_where_it_knows_less():
    first, then = entry(paper__ai_summary="Short."), entry()
    row = built(capture([first], at=OPEN), capture([then], at=CLOSED))["listings"].row(0, named=True)
    assert row["ai_summary"] is None


# 2. Papers move between dates.


def test_a_paper_that_moved_stays_under_its_old_date_and_is_no_longer_listed_there():
    moved, others = entry("2511.00999", paper__upvotes=2), entries(2)
    tables = built(
        capture([moved, *others], at=CLOSED),
        capture(others, at=SETTLED),
        capture([changed(moved, {"paper.upvotes": 42})], day=OTHER_DAY, at=SETTLED),
    )
    rows = tables["listings"].filter(paper_id="2511.00999").rows(named=True)
    assert [(row["listed_on"], row["is_listed"], row["upvote_count"]) for row in rows] == [
        (DAY, False, 2),
        (OTHER_DAY, True, 42),
    ]
    assert len({row["discussion_id"] for row in rows}) == 1
    assert rows[0]["last_seen_at"] == CLOSED
    assert tables["source_days"]["paper_count"].to_list() == [2, 1]


# 3. Instants that are not what they seem.


def test_publication_is_the_papers_own_whatever_its_envelope_says():
    said = ["2025-11-04T03:00:00.000Z", "2025-11-04T23:30:00.000Z", GONE, None, 5]
    rows = listings_of({"publishedAt": envelope} for envelope in said)
    assert {row["published_at"] for row in rows} == {datetime(2025, 11, 4, 8, 0, tzinfo=UTC)}


def test_publication_is_unknown_where_only_the_envelope_tells_one():
    assert listing(entry(paper__publishedAt=GONE))["published_at"] is None


def test_an_entry_is_of_the_date_written_in_it_whatever_clock_time_stands_beside():
    clocks = ["00:00:00.000", "01:30:00.000", "21:45:00.000", "23:59:59.999"]
    held = [
        changed(one, {"paper.submittedOnDailyAt": f"{DAY}T{clock}Z"})
        for one, clock in zip(entries(4), clocks, strict=True)
    ]
    assert built(capture(held))["captures"]["other_date_count"].to_list() == [0]


def test_entries_of_another_date_are_counted():
    held = [entry(paper__submittedOnDailyAt=f"{OTHER_DAY}T01:00:00Z"), *entries(3, first=20)]
    facts = built(capture(held))["captures"].row(0, named=True)
    assert (facts["other_date_count"], facts["other_date_share"]) == (1, 1.0)


# 4. Absent, null, empty.

OPTIONAL_TEXTS = {
    "title": "paper.title",
    "abstract": "paper.summary",
    "github_repo_url": "paper.githubRepo",
    "project_page_url": "paper.projectPage",
    "discussion_id": "paper.discussionId",
    "ai_summary": "paper.ai_summary",
    "thumbnail_url": "thumbnail",
    "submitted_by": "submittedBy.name",
}
OTHER_OPTIONALS = {
    "published_at": "paper.publishedAt",
    "upvote_count": "paper.upvotes",
    "github_star_count": "paper.githubStars",
    "media_urls": "paper.mediaUrls",
    "ai_keywords": "paper.ai_keywords",
    "author_count": "paper.authors",
    "comment_count": "numComments",
    "is_author_participating": "isAuthorParticipating",
    "organization": "organization",
    "organization_name": "organization",
}


@pytest.mark.parametrize("nothing", [GONE, None], ids=["absent", "null"])
def test_absent_and_null_are_the_same_and_no_fault(nothing):
    optionals = OPTIONAL_TEXTS | OTHER_OPTIONALS
    held = [
        changed(one, {path: nothing}) for one, path in zip(entries(len(optionals)), optionals.values(), strict=True)
    ]
    tables = built(capture(held))
    assert tables["rejects"].is_empty()
    for row, column in zip(tables["listings"].rows(named=True), optionals, strict=True):
        assert row[column] is None, column


def test_blank_text_is_no_text_and_no_fault():
    blanks = ["", "   ", "\n\t ", "\u0000", "\u00a0"]
    cases = [(column, blank) for column in OPTIONAL_TEXTS for blank in blanks]
    rows = listings_of({OPTIONAL_TEXTS[column]: blank} for column, blank in cases)
    for row, (column, blank) in zip(rows, cases, strict=True):
        assert row[column] is None, (column, blank)


def test_an_empty_list_of_authors_is_nobody_and_no_list_is_unknown():
    assert listing(entry(paper__authors=[]))["author_count"] == 0
    assert listing(entry(paper__authors=GONE))["author_count"] is None


WRONG = (
    ("paper.title", 5, "title"),
    ("paper.summary", ["a"], "abstract"),
    ("paper.publishedAt", 1730707200, "published_at"),
    ("paper.upvotes", "7", "upvote_count"),
    ("paper.upvotes", 7.0, "upvote_count"),
    ("paper.upvotes", True, "upvote_count"),
    ("numComments", {}, "comment_count"),
    ("paper.githubStars", [3], "github_star_count"),
    ("isAuthorParticipating", "true", "is_author_participating"),
    ("isAuthorParticipating", 1, "is_author_participating"),
    ("submittedBy", "willow", "submitted_by"),
    ("organization", "birches", "organization"),
    ("paper.ai_keywords", "a, b", "ai_keywords"),
    ("paper.ai_keywords", ["a", 2], "ai_keywords"),
    ("paper.ai_keywords", ["a", None], "ai_keywords"),
    ("paper.authors", "Ada Birch", "author_count"),
    ("mediaUrls", "https://media.test/1.mp4", "media_urls"),
    ("thumbnail", False, "thumbnail_url"),
)


def test_a_wrong_type_is_null_and_recorded_and_the_row_stays():
    held = [changed(one, {path: wrong}) for one, (path, wrong, _) in zip(entries(len(WRONG)), WRONG, strict=True)]
    tables = built(capture(held))
    rows = tables["listings"].rows(named=True)
    assert [row[column] for row, (_, _, column) in zip(rows, WRONG, strict=True)] == [None] * len(WRONG)
    assert tables["rejects"].select("place", "field", "reason", "is_row_kept").rows() == [
        (place, f"$.{path}", "wrong_type", True) for place, (path, _, _) in enumerate(WRONG, 1)
    ]


def test_keys_that_nobody_knows_do_no_harm():
    held = entry(somethingNew={"deep": [1, None]}, paper__alsoNew="x", paper__withdrawnAt=None)
    assert nothing_refused(held)
    assert listing(held) == listing(entry())


# 5. Titles and abstracts.


def test_title_and_abstract_are_the_papers_own_not_the_envelopes():
    row = listing(entry(title="Envelope", summary="Of the envelope.", paper__title="Paper", paper__summary="Its own."))
    assert (row["title"], row["abstract"]) == ("Paper", "Its own.")


def test_a_title_that_only_the_envelope_has_is_unknown():
    row = listing(entry(title="Envelope", summary="S.", paper__title=GONE, paper__summary=GONE))
    assert (row["title"], row["abstract"]) == (None, None)


TEXTS = {
    "Growing Trees\n  from Seeds": "Growing Trees from Seeds",
    "Two  spaces": "Two spaces",
    " led and trailed ": "led and trailed",
    "Tab\there": "Tab here",
    "Carriage\r\nreturn": "Carriage return",
    "Hard\u00a0space": "Hard space",
    "Line\u2028separator": "Line separator",
    "Next\u0085line": "Next line",
    "Bell\u0007rings": "Bellrings",
    "Nothing\u0000ness": "Nothingness",
    "De\u007fleted": "Deleted",
    "High\u0099control": "Highcontrol",
    "Half\ud83da pair": "Halfa pair",
    "Other\udf31half": "Otherhalf",
    "Whole 🌱 pair": "Whole 🌱 pair",
    r"Prefill \& Decode": r"Prefill \& Decode",
    "Synth$^2$": "Synth$^2$",
    r"A path \ud83d in words": r"A path \ud83d in words",
    "Salt &amp; Pepper &lt;b&gt;": "Salt &amp; Pepper &lt;b&gt;",
    "<b>Bold</b>": "<b>Bold</b>",
    "μLO of FürElise on τ-bench": "μLO of FürElise on τ-bench",
    "日本語の題": "日本語の題",
    "0": "0",
    "null": "null",
    'Say "yes"': 'Say "yes"',
}


def test_text_comes_through_on_one_line_and_otherwise_untouched():
    rows = listings_of({"paper.title": sent, "paper.summary": sent} for sent in TEXTS)
    assert dict(zip(TEXTS, (row["title"] for row in rows), strict=True)) == TEXTS
    assert dict(zip(TEXTS, (row["abstract"] for row in rows), strict=True)) == TEXTS


def test_half_a_pair_in_one_title_does_not_cost_the_others():
    held = [entry("2511.00001", paper__title="\ud800"), *entries(2, first=2)]
    assert built(capture(held))["listings"]["title"].to_list() == [None, "On 2511.00002", "On 2511.00003"]


def test_a_body_may_begin_with_a_byte_order_mark():
    assert built(capture(b"\xef\xbb\xbf" + json.dumps(entries(2)).encode()))["listings"].height == 2


# 6. Ids.


IDS = ["2503.02130", "2511.00000", "2511.10000", "0801.0010", "2511.1230", "hep-th/9901001", "math.GT/0309136"]


def test_ids_are_text_to_their_last_digit():
    tables = built(capture([entry(paper_id) for paper_id in IDS]))
    for name in ("listings", "authors", "signals"):
        assert sorted(tables[name]["paper_id"]) == sorted(IDS), name


# 7. Authors.


def test_hidden_authors_are_kept_and_say_so():
    rows = authors({"name": "Ada Birch", "hidden": True}, {"name": "Bo Elm", "hidden": False}, {"name": "Cy Fir"})
    assert [(row["name"], row["is_hidden"]) for row in rows] == [
        ("Ada Birch", True),
        ("Bo Elm", False),
        ("Cy Fir", None),
    ]


def test_two_authors_of_one_name_are_two():
    assert [(row["position"], row["name"]) for row in authors("Wei Oak", "Bo Elm", "Wei Oak")] == [
        (1, "Wei Oak"),
        (2, "Bo Elm"),
        (3, "Wei Oak"),
    ]


def test_664_authors_keep_their_order_and_their_number():
    names = [f"Author {number}" for number in range(664, 0, -1)]
    tables = built(capture([entry(paper__authors=[{"name": name} for name in names])]))
    assert tables["authors"]["name"].to_list() == names
    assert tables["authors"]["position"].to_list() == list(range(1, 665))
    assert tables["listings"]["author_count"].to_list() == [664]


def test_a_status_may_stand_without_an_account():
    (row,) = authors({"name": "Ada Birch", "status": "extracted_pending"})
    assert (row["status"], row["hub_user"]) == ("extracted_pending", None)


def test_authors_are_those_of_the_newest_capture_that_holds_the_paper():
    first = entry(paper__authors=[{"name": "Ada Birch"}, {"name": "Bo Elm"}])
    then = entry(paper__authors=[{"name": "Bo Elm"}])
    assert built(capture([first], at=OPEN), capture([then], at=CLOSED))["authors"]["name"].to_list() == ["Bo Elm"]
    away = built(capture([first], at=OPEN), capture([], at=CLOSED))["authors"]
    assert away["name"].to_list() == ["Ada Birch", "Bo Elm"]


def test_names_are_folded_on_one_line():
    assert [row["name"] for row in authors(" Ada\n  Birch ", "Bo\u0000 Elm")] == ["Ada Birch", "Bo Elm"]


# 8. Keywords.


KEYWORDS = (
    ([""], []),
    ([], []),
    (["trees", "", " "], ["trees"]),
    (["trees", "leaves", "trees"], ["trees", "leaves"]),
    (["trees", " trees "], ["trees"]),
    (["z", "a", "m"], ["z", "a", "m"]),
    (["big\n  trees"], ["big trees"]),
    (["Trees", "trees"], ["Trees", "trees"]),
)


def test_keywords_come_in_their_order_without_blanks_and_repeats():
    rows = listings_of({"paper.ai_keywords": sent} for sent, _ in KEYWORDS)
    assert [row["ai_keywords"] for row in rows] == [kept for _, kept in KEYWORDS]


def test_what_a_model_writes_may_come_with_a_later_capture():
    late = entry(paper__ai_summary="Short.", paper__ai_keywords=["trees"])
    row = built(capture([entry()], at=OPEN), capture([late], at=CLOSED))["listings"].row(0, named=True)
    assert (row["ai_summary"], row["ai_keywords"]) == ("Short.", ["trees"])


# 9. Addresses.


CODE = [
    "https://github.com/birch/grove",
    "https://github.com/birch/grove/",
    "https://github.com/birch/grove/tree/main/leaves",
    "https://github.com/birch",
    "http://GitHub.com/Birch/Grove.git",
    "github.com/birch/grove",
]


def test_the_address_of_the_code_is_not_rewritten():
    rows = listings_of({"paper.githubRepo": f" {address}\n"} for address in CODE)
    assert [row["github_repo_url"] for row in rows] == CODE


def test_an_address_of_a_project_page_is_trimmed():
    assert listing(entry(paper__projectPage=" https://birch.test/grove/ "))["project_page_url"] == (
        "https://birch.test/grove/"
    )


# 10. Zero, and names with emoji.


@pytest.mark.parametrize("path", ["paper.upvotes", "paper.githubStars", "numComments"])
def test_zero_is_a_number(path):
    column = {"paper.upvotes": "upvote_count", "paper.githubStars": "github_star_count"}.get(path, "comment_count")
    tables = built(capture([changed(entry(), {path: 0})]))
    assert tables["listings"][column].to_list() == tables["signals"][column].to_list() == [0]


def test_false_is_told_and_not_unknown():
    assert listing(entry(isAuthorParticipating=False))["is_author_participating"] is False


def test_names_keep_their_emoji():
    row = listing(entry(submittedBy__name="willow🌱", organization={"name": "birches", "fullname": "Birches 🌳🏳️‍🌈"}))
    assert (row["submitted_by"], row["organization_name"]) == ("willow🌱", "Birches 🌳🏳️‍🌈")


# 11. What breaks the official client.


@pytest.mark.parametrize("broken", [entry(paper=None), entry(paper=GONE), entry(paper__id=GONE), entry(paper__id=None)])
def test_an_entry_without_a_paper_or_an_id_costs_only_itself(broken):
    tables = built(capture([broken, entry("2511.00002")]))
    assert tables["listings"].select("paper_id", "position").rows() == [("2511.00002", 2)]
    assert tables["rejects"].height == 1


INSTANTS = {
    "2025-11-04T08:00:00.123Z": datetime(2025, 11, 4, 8, 0, 0, 123000, tzinfo=UTC),
    "2025-11-04T08:00:00Z": datetime(2025, 11, 4, 8, tzinfo=UTC),
    "2025-11-04T08:00Z": datetime(2025, 11, 4, 8, tzinfo=UTC),
    "2025-11-04T08:00:00": datetime(2025, 11, 4, 8, tzinfo=UTC),
    "2025-11-04T08:00:00.5": datetime(2025, 11, 4, 8, 0, 0, 500000, tzinfo=UTC),
    "2025-11-04 08:00:00": datetime(2025, 11, 4, 8, tzinfo=UTC),
    "2025-11-04": datetime(2025, 11, 4, tzinfo=UTC),
    "2025-11-04T08:00:00+02:00": datetime(2025, 11, 4, 6, tzinfo=UTC),
    "2025-11-03T23:00:00.000-0500": datetime(2025, 11, 4, 4, tzinfo=UTC),
}


def test_a_publication_may_be_written_with_or_without_zone_and_time():
    rows = listings_of({"paper.publishedAt": written} for written in INSTANTS)
    assert dict(zip(INSTANTS, (row["published_at"] for row in rows), strict=True)) == INSTANTS


# The drift table.


ONE, TWO = "https://media.test/1.mp4", "https://media.test/2.png"
MEDIA = (
    ({"mediaUrl": ONE}, [ONE]),
    ({"mediaUrls": [ONE, TWO]}, [ONE, TWO]),
    ({"paper.mediaUrls": [ONE, TWO]}, [ONE, TWO]),
    ({"mediaUrls": [ONE], "mediaUrl": TWO}, [ONE]),
    ({"mediaUrl": ""}, None),
    ({}, None),
)


def test_media_under_each_of_their_names():
    assert [row["media_urls"] for row in listings_of(sent for sent, _ in MEDIA)] == [kept for _, kept in MEDIA]


def test_a_date_without_thumbnails_has_none():
    assert listing(entry(thumbnail=GONE))["thumbnail_url"] is None


def test_who_put_it_on_the_list_is_told_or_not():
    assert listing(entry())["submitted_by"] == "willow"
    assert nothing_refused(entry(submittedBy=GONE))
    assert listing(entry(submittedBy=GONE))["submitted_by"] is None


@pytest.mark.parametrize("identity", [{}, {"id": "u7"}, {"_id": "u7"}])
def test_the_account_of_an_author_is_its_login_whatever_its_id_is_called(identity):
    user = {**identity, "user": "bo-elm", "fullname": "Bo Elm", "type": "user", "isPro": False}
    (row,) = authors({"name": "Bo Elm", "user": user, "status": "claimed_verified"})
    assert (row["hub_user"], row["status"]) == ("bo-elm", "claimed_verified")


def test_an_entry_of_the_first_year_is_read():
    old = entry(paper__discussionId=GONE, isAuthorParticipating=GONE, summary=GONE, submittedBy=GONE, thumbnail=GONE)
    row = listing(old)
    assert nothing_refused(old)
    assert (row["title"], row["abstract"], row["upvote_count"]) == ("On 2511.00010", "Something was done.", 7)
    assert (row["discussion_id"], row["is_author_participating"]) == (None, None)


def test_an_entry_of_the_newest_form_is_read():
    new = entry(
        paper__githubRepo="https://github.com/birch/grove",
        paper__githubRepoAddedBy="auto",
        paper__githubStars=12,
        paper__projectPage="https://birch.test",
        paper__ai_summary="Short.",
        paper__ai_keywords=["trees"],
        paper__ai_summary_model="some/model",
        paper__submittedOnDailyAt=f"{DAY}T00:00:00.000Z",
        paper__submittedOnDailyBy={"_id": "u1", "user": "willow"},
        paper__publishedAt="2025-11-04T00:00:00.000Z",
        organization={"_id": "o1", "name": "birches", "fullname": "The Birches", "avatar": "https://a.test/o.png"},
    )
    row = listing(new)
    assert nothing_refused(new)
    assert row["published_at"] == datetime(2025, 11, 4, tzinfo=UTC)
    assert (row["github_repo_url"], row["github_star_count"]) == ("https://github.com/birch/grove", 12)
    assert (row["organization"], row["organization_name"]) == ("birches", "The Birches")
    assert (row["ai_summary"], row["ai_keywords"]) == ("Short.", ["trees"])


@pytest.mark.parametrize("key", ["organization", "submitterOrganization"])
def test_the_organisation_under_each_of_its_names(key):
    row = listing(entry(**{key: {"_id": "o1", "name": "birches", "fullname": "The Birches"}}))
    assert (row["organization"], row["organization_name"]) == ("birches", "The Birches")


def test_abstracts_are_the_same_text_wrapped_or_not():
    wrapped = listing(entry(paper__summary="One line\nand the next\nand more."))["abstract"]
    assert wrapped == listing(entry(paper__summary="One line and the next and more."))["abstract"]


def test_the_envelopes_abstract_came_late_and_is_never_read():
    assert listing(entry(summary="Another one."))["abstract"] == "Something was done."


# Lists that were cut.


@pytest.mark.parametrize(("count", "verdict"), [(49, "complete"), (50, "partial"), (51, "complete"), (100, "partial")])
def test_an_imported_list_of_just_a_full_page_counts_as_cut(count, verdict):
    days = built(capture(entries(count), limit=None))["source_days"]
    assert days["verdict"].to_list() == [verdict]


def test_a_paper_of_each_table_stands_where_its_list_was_asked_for():
    tables = built(capture(entries(2), day=OTHER_DAY, at=SETTLED))
    for name in ("listings", "authors", "signals", "source_days", "captures"):
        assert set(tables[name]["listed_on"]) == {OTHER_DAY}, name


def test_places_are_counted_over_all_pages():
    pages = [page(entries(100), more=True), page(entries(3, first=101))]
    rows = built(capture(pages=pages))["listings"]
    assert rows["position"].to_list() == list(range(1, 104))
    assert rows["paper_id"].to_list() == [f"2511.{number:05}" for number in range(1, 104)]


def test_instants_are_told_in_utc():
    tables = built(capture([entry()], at=CLOSED - timedelta(hours=1)))
    for frame in tables.values():
        for kind in frame.schema.dtypes():
            if isinstance(kind, pl.Datetime):
                assert kind == pl.Datetime("us", "UTC")
