"""Lists of the Hub: growth, moved papers, dates, schema versions and truncated lists, as small invented examples."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from tests.replies import (
    ABSENT,
    CLOSED,
    DAY,
    OPEN,
    SETTLED,
    build_tables,
    capture,
    entries,
    entry,
    json_page,
    listing_of,
    listings_of,
    with_changes,
)

MORNING = datetime(2025, 11, 6, 8, 0, tzinfo=UTC)
OTHER_DAY = date(2025, 11, 12)


def author_rows(*people: object) -> list[dict[str, object]]:
    """The rows of `authors` for one paper; a text stands for an author who is not hidden."""
    content = [{"name": item, "hidden": False} if isinstance(item, str) else item for item in people]
    return build_tables(capture([entry(paper__authors=content)]))["authors"].rows(named=True)


def has_no_rejects(*content: object) -> bool:
    return build_tables(capture(content))["rejects"].is_empty()


# Lists grow; votes rise and fall.


def test_a_growing_list_has_all_papers_with_their_first_capture():
    early, late = entries(2), entries(3)
    rows = build_tables(capture(early, at=MORNING), capture(late, at=CLOSED))["listings"].rows(named=True)
    assert [row["first_seen_at"] for row in rows] == [MORNING, MORNING, CLOSED]
    assert {row["last_seen_at"] for row in rows} == {CLOSED}


def test_listings_have_the_newest_votes_and_signals_all_of_them():
    tables = build_tables(capture([entry(paper__upvotes=9)], at=OPEN), capture([entry(paper__upvotes=8)], at=CLOSED))
    assert tables["listings"]["upvote_count"].to_list() == [8]
    assert tables["signals"].select("captured_at", "upvote_count").rows() == [(OPEN, 9), (CLOSED, 8)]


def test_values_come_from_the_newest_capture_even_if_it_has_fewer():
    first, later = entry(paper__ai_summary="Short."), entry()
    row = build_tables(capture([first], at=OPEN), capture([later], at=CLOSED))["listings"].row(0, named=True)
    assert row["ai_summary"] is None


# Papers move between dates.


def test_a_moved_paper_stays_on_its_old_date_as_unlisted():
    moved, others = entry("2511.00999", paper__upvotes=2), entries(2)
    tables = build_tables(
        capture([moved, *others], at=CLOSED),
        capture(others, at=SETTLED),
        capture([with_changes(moved, {"paper.upvotes": 42})], day=OTHER_DAY, at=SETTLED),
    )
    rows = tables["listings"].filter(paper_id="2511.00999").rows(named=True)
    assert [(row["listed_on"], row["is_listed"], row["upvote_count"]) for row in rows] == [
        (DAY, False, 2),
        (OTHER_DAY, True, 42),
    ]
    assert len({row["discussion_id"] for row in rows}) == 1
    assert rows[0]["last_seen_at"] == CLOSED
    assert tables["source_days"]["paper_count"].to_list() == [2, 1]


# Misleading timestamps.


def test_publication_time_comes_from_the_paper_not_the_envelope():
    dates = ["2025-11-04T03:00:00.000Z", "2025-11-04T23:30:00.000Z", ABSENT, None, 5]
    rows = listings_of({"publishedAt": envelope} for envelope in dates)
    assert {row["published_at"] for row in rows} == {datetime(2025, 11, 4, 8, 0, tzinfo=UTC)}


def test_publication_time_is_null_if_only_the_envelope_has_one():
    assert listing_of(entry(paper__publishedAt=ABSENT))["published_at"] is None


def test_only_the_date_of_submitted_on_daily_counts():
    clocks = ["00:00:00.000", "01:30:00.000", "21:45:00.000", "23:59:59.999"]
    content = [
        with_changes(item, {"paper.submittedOnDailyAt": f"{DAY}T{clock}Z"})
        for item, clock in zip(entries(4), clocks, strict=True)
    ]
    assert build_tables(capture(content))["captures"]["other_date_count"].to_list() == [0]


def test_entries_of_another_date_are_counted():
    content = [entry(paper__submittedOnDailyAt=f"{OTHER_DAY}T01:00:00Z"), *entries(3, first=20)]
    capture_row = build_tables(capture(content))["captures"].row(0, named=True)
    assert (capture_row["other_date_count"], capture_row["other_date_share"]) == (1, 1.0)


# Schema versions.


ONE, TWO = "https://media.test/1.mp4", "https://media.test/2.png"
MEDIA = (
    ({"mediaUrl": ONE}, [ONE]),
    ({"mediaUrls": [ONE, TWO]}, [ONE, TWO]),
    ({"paper.mediaUrls": [ONE, TWO]}, [ONE, TWO]),
    ({"mediaUrls": [ONE], "mediaUrl": TWO}, [ONE]),
    ({"mediaUrl": ""}, None),
    ({}, None),
)


def test_media_are_read_from_each_of_their_keys():
    assert [row["media_urls"] for row in listings_of(sent for sent, _ in MEDIA)] == [expected for _, expected in MEDIA]


def test_a_missing_thumbnail_is_null():
    assert listing_of(entry(thumbnail=ABSENT))["thumbnail_url"] is None


def test_the_submitter_may_be_missing():
    assert listing_of(entry())["submitted_by"] == "willow"
    assert has_no_rejects(entry(submittedBy=ABSENT))
    assert listing_of(entry(submittedBy=ABSENT))["submitted_by"] is None


@pytest.mark.parametrize("identity", [{}, {"id": "u7"}, {"_id": "u7"}])
def test_the_account_of_an_author_is_the_login(identity):
    user = {**identity, "user": "bo-elm", "fullname": "Bo Elm", "type": "user", "isPro": False}
    (row,) = author_rows({"name": "Bo Elm", "user": user, "status": "claimed_verified"})
    assert (row["hub_user"], row["status"]) == ("bo-elm", "claimed_verified")


def test_an_entry_of_the_first_year_is_read():
    old = entry(
        paper__discussionId=ABSENT, isAuthorParticipating=ABSENT, summary=ABSENT, submittedBy=ABSENT, thumbnail=ABSENT
    )
    row = listing_of(old)
    assert has_no_rejects(old)
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
    row = listing_of(new)
    assert has_no_rejects(new)
    assert row["published_at"] == datetime(2025, 11, 4, tzinfo=UTC)
    assert (row["github_repo_url"], row["github_star_count"]) == ("https://github.com/birch/grove", 12)
    assert (row["organization"], row["organization_name"]) == ("birches", "The Birches")
    assert (row["ai_summary"], row["ai_keywords"]) == ("Short.", ["trees"])


@pytest.mark.parametrize("key", ["organization", "submitterOrganization"])
def test_the_organisation_is_read_from_each_of_its_keys(key):
    row = listing_of(entry(**{key: {"_id": "o1", "name": "birches", "fullname": "The Birches"}}))
    assert (row["organization"], row["organization_name"]) == ("birches", "The Birches")


def test_wrapped_and_unwrapped_abstracts_give_the_same_text():
    wrapped = listing_of(entry(paper__summary="One line\nand the next\nand more."))["abstract"]
    assert wrapped == listing_of(entry(paper__summary="One line and the next and more."))["abstract"]


def test_the_abstract_of_the_envelope_is_ignored():
    assert listing_of(entry(summary="Another one."))["abstract"] == "Something was done."


# Truncated lists, and positions.


@pytest.mark.parametrize(("count", "verdict"), [(49, "complete"), (50, "partial"), (51, "complete"), (100, "partial")])
def test_an_imported_list_of_exactly_a_full_page_is_partial(count, verdict):
    days = build_tables(capture(entries(count), limit=None))["source_days"]
    assert days["verdict"].to_list() == [verdict]


def test_rows_of_all_tables_have_the_requested_date():
    tables = build_tables(capture(entries(2), day=OTHER_DAY, at=SETTLED))
    for name in ("listings", "authors", "signals", "source_days", "captures"):
        assert set(tables[name]["listed_on"]) == {OTHER_DAY}, name


def test_positions_count_over_all_pages():
    pages = [json_page(entries(100), more=True), json_page(entries(3, first=101))]
    rows = build_tables(capture(pages=pages))["listings"]
    assert rows["position"].to_list() == list(range(1, 104))
    assert rows["paper_id"].to_list() == [f"2511.{number:05}" for number in range(1, 104)]


def test_all_timestamps_are_in_utc():
    tables = build_tables(capture([entry()], at=CLOSED - timedelta(hours=1)))
    for frame in tables.values():
        for kind in frame.schema.dtypes():
            if isinstance(kind, pl.Datetime):
                assert kind == pl.Datetime("us", "UTC")
