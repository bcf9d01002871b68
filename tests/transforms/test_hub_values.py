"""Values in the Hub's entries: missing, wrong and unusual ones, as small invented examples."""

import json
from datetime import UTC, datetime

import pytest

from tests.replies import (
    ABSENT,
    CLOSED,
    OPEN,
    build_tables,
    capture,
    entries,
    entry,
    listing_of,
    listings_of,
    with_changes,
)


def author_rows(*people: object) -> list[dict[str, object]]:
    """The rows of `authors` for one paper; a text stands for an author who is not hidden."""
    content = [{"name": item, "hidden": False} if isinstance(item, str) else item for item in people]
    return build_tables(capture([entry(paper__authors=content)]))["authors"].rows(named=True)


def has_no_rejects(*content: object) -> bool:
    return build_tables(capture(content))["rejects"].is_empty()


# Absent, null, empty and wrong values.

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


@pytest.mark.parametrize("nothing", [ABSENT, None], ids=["absent", "null"])
def test_absent_and_null_values_are_null_without_a_fault(nothing):
    optionals = OPTIONAL_TEXTS | OTHER_OPTIONALS
    content = [
        with_changes(item, {path: nothing})
        for item, path in zip(entries(len(optionals)), optionals.values(), strict=True)
    ]
    tables = build_tables(capture(content))
    assert tables["rejects"].is_empty()
    for row, column in zip(tables["listings"].rows(named=True), optionals, strict=True):
        assert row[column] is None, column


def test_blank_text_is_null_without_a_fault():
    blanks = ["", "   ", "\n\t ", "\u0000", "\u00a0"]
    cases = [(column, blank) for column in OPTIONAL_TEXTS for blank in blanks]
    rows = listings_of({OPTIONAL_TEXTS[column]: blank} for column, blank in cases)
    for row, (column, blank) in zip(rows, cases, strict=True):
        assert row[column] is None, (column, blank)


def test_an_empty_author_list_counts_zero_and_a_missing_one_is_null():
    assert listing_of(entry(paper__authors=[]))["author_count"] == 0
    assert listing_of(entry(paper__authors=ABSENT))["author_count"] is None


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


def test_a_wrong_type_is_null_and_rejected_and_its_row_is_kept():
    content = [
        with_changes(item, {path: wrong}) for item, (path, wrong, _) in zip(entries(len(WRONG)), WRONG, strict=True)
    ]
    tables = build_tables(capture(content))
    rows = tables["listings"].rows(named=True)
    assert [row[column] for row, (_, _, column) in zip(rows, WRONG, strict=True)] == [None] * len(WRONG)
    assert tables["rejects"].select("place", "field", "reason", "is_row_kept").rows() == [
        (place, f"$.{path}", "wrong_type", True) for place, (path, _, _) in enumerate(WRONG, 1)
    ]


def test_unknown_keys_are_ignored():
    content = entry(somethingNew={"deep": [1, None]}, paper__alsoNew="x", paper__withdrawnAt=None)
    assert has_no_rejects(content)
    assert listing_of(content) == listing_of(entry())


# Titles and abstracts.


def test_title_and_abstract_come_from_the_paper_not_the_envelope():
    row = listing_of(
        entry(title="Envelope", summary="Of the envelope.", paper__title="Paper", paper__summary="Its own.")
    )
    assert (row["title"], row["abstract"]) == ("Paper", "Its own.")


def test_a_title_only_in_the_envelope_is_null():
    row = listing_of(entry(title="Envelope", summary="S.", paper__title=ABSENT, paper__summary=ABSENT))
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


def test_text_is_put_on_one_line_and_otherwise_unchanged():
    rows = listings_of({"paper.title": sent, "paper.summary": sent} for sent in TEXTS)
    assert dict(zip(TEXTS, (row["title"] for row in rows), strict=True)) == TEXTS
    assert dict(zip(TEXTS, (row["abstract"] for row in rows), strict=True)) == TEXTS


def test_a_lone_surrogate_does_not_affect_other_entries():
    content = [entry("2511.00001", paper__title="\ud800"), *entries(2, first=2)]
    assert build_tables(capture(content))["listings"]["title"].to_list() == [None, "On 2511.00002", "On 2511.00003"]


def test_a_byte_order_mark_is_ignored():
    assert build_tables(capture(b"\xef\xbb\xbf" + json.dumps(entries(2)).encode()))["listings"].height == 2


# Ids.


IDS = ["2503.02130", "2511.00000", "2511.10000", "0801.0010", "2511.1230", "hep-th/9901001", "math.GT/0309136"]


def test_ids_keep_trailing_zeros():
    tables = build_tables(capture([entry(paper_id) for paper_id in IDS]))
    for name in ("listings", "authors", "signals"):
        assert sorted(tables[name]["paper_id"]) == sorted(IDS), name


# Authors.


def test_hidden_authors_are_kept_with_a_flag():
    rows = author_rows({"name": "Ada Birch", "hidden": True}, {"name": "Bo Elm", "hidden": False}, {"name": "Cy Fir"})
    assert [(row["name"], row["is_hidden"]) for row in rows] == [
        ("Ada Birch", True),
        ("Bo Elm", False),
        ("Cy Fir", None),
    ]


def test_authors_with_the_same_name_are_kept():
    assert [(row["position"], row["name"]) for row in author_rows("Wei Oak", "Bo Elm", "Wei Oak")] == [
        (1, "Wei Oak"),
        (2, "Bo Elm"),
        (3, "Wei Oak"),
    ]


def test_664_authors_keep_their_order_and_their_number():
    names = [f"Author {number}" for number in range(664, 0, -1)]
    tables = build_tables(capture([entry(paper__authors=[{"name": name} for name in names])]))
    assert tables["authors"]["name"].to_list() == names
    assert tables["authors"]["position"].to_list() == list(range(1, 665))
    assert tables["listings"]["author_count"].to_list() == [664]


def test_an_author_may_have_a_status_without_an_account():
    (row,) = author_rows({"name": "Ada Birch", "status": "extracted_pending"})
    assert (row["status"], row["hub_user"]) == ("extracted_pending", None)


def test_authors_come_from_the_newest_capture_with_the_paper():
    first = entry(paper__authors=[{"name": "Ada Birch"}, {"name": "Bo Elm"}])
    later = entry(paper__authors=[{"name": "Bo Elm"}])
    assert build_tables(capture([first], at=OPEN), capture([later], at=CLOSED))["authors"]["name"].to_list() == [
        "Bo Elm"
    ]
    away = build_tables(capture([first], at=OPEN), capture([], at=CLOSED))["authors"]
    assert away["name"].to_list() == ["Ada Birch", "Bo Elm"]


def test_author_names_are_put_on_one_line():
    assert [row["name"] for row in author_rows(" Ada\n  Birch ", "Bo\u0000 Elm")] == ["Ada Birch", "Bo Elm"]


# Keywords.


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


def test_keywords_keep_their_order_without_blanks_and_repeats():
    rows = listings_of({"paper.ai_keywords": sent} for sent, _ in KEYWORDS)
    assert [row["ai_keywords"] for row in rows] == [expected for _, expected in KEYWORDS]


def test_ai_fields_may_appear_in_a_later_capture():
    late = entry(paper__ai_summary="Short.", paper__ai_keywords=["trees"])
    row = build_tables(capture([entry()], at=OPEN), capture([late], at=CLOSED))["listings"].row(0, named=True)
    assert (row["ai_summary"], row["ai_keywords"]) == ("Short.", ["trees"])


# Addresses.


CODE = [
    "https://github.com/birch/grove",
    "https://github.com/birch/grove/",
    "https://github.com/birch/grove/tree/main/leaves",
    "https://github.com/birch",
    "http://GitHub.com/Birch/Grove.git",
    "github.com/birch/grove",
]


def test_repository_addresses_are_trimmed_but_not_rewritten():
    rows = listings_of({"paper.githubRepo": f" {address}\n"} for address in CODE)
    assert [row["github_repo_url"] for row in rows] == CODE


def test_an_address_of_a_project_page_is_trimmed():
    assert listing_of(entry(paper__projectPage=" https://birch.test/grove/ "))["project_page_url"] == (
        "https://birch.test/grove/"
    )


# Zero, false and emoji.


@pytest.mark.parametrize("path", ["paper.upvotes", "paper.githubStars", "numComments"])
def test_zero_is_a_number(path):
    column = {"paper.upvotes": "upvote_count", "paper.githubStars": "github_star_count"}.get(path, "comment_count")
    tables = build_tables(capture([with_changes(entry(), {path: 0})]))
    assert tables["listings"][column].to_list() == tables["signals"][column].to_list() == [0]


def test_false_is_not_null():
    assert listing_of(entry(isAuthorParticipating=False))["is_author_participating"] is False


def test_names_keep_their_emoji():
    row = listing_of(entry(submittedBy__name="willow🌱", organization={"name": "birches", "fullname": "Birches 🌳🏳️‍🌈"}))
    assert (row["submitted_by"], row["organization_name"]) == ("willow🌱", "Birches 🌳🏳️‍🌈")


# Entries that the official client cannot parse.


@pytest.mark.parametrize(
    "broken", [entry(paper=None), entry(paper=ABSENT), entry(paper__id=ABSENT), entry(paper__id=None)]
)
def test_an_entry_without_a_paper_or_an_id_does_not_affect_others(broken):
    tables = build_tables(capture([broken, entry("2511.00002")]))
    assert tables["listings"].select("paper_id", "position").rows() == [("2511.00002", 2)]
    assert tables["rejects"].height == 1


TIMESTAMPS = {
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


def test_publication_times_are_parsed_with_and_without_zone_and_time():
    rows = listings_of({"paper.publishedAt": written} for written in TIMESTAMPS)
    assert dict(zip(TIMESTAMPS, (row["published_at"] for row in rows), strict=True)) == TIMESTAMPS
