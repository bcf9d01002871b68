"""Schema versions of the generated lists by date, and the irregularities of the recordings."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sandbox.hub.generated import GeneratedHub, has_list

LONG_AFTER = datetime(2027, 6, 1, tzinfo=UTC)


def weekdays(first, count):
    days = (first + timedelta(days=after) for after in range(count * 2))
    return [day for day in days if has_list(day)][:count]


def entries_of(day, world=None):
    return (world or GeneratedHub(seed=1)).listed(day, LONG_AFTER)


def papers_of(day, world=None):
    return [entry["paper"] for entry in entries_of(day, world)]


ARCHIVE_START = date(2023, 5, 4)
NEVER = date(9999, 1, 1)
ENVELOPE = {
    "mediaUrl": (ARCHIVE_START, date(2024, 6, 12)),
    "thumbnail": (date(2024, 6, 12), NEVER),
    "mediaUrls": (date(2024, 6, 12), NEVER),
    "submittedBy": (date(2024, 6, 13), NEVER),
    "isAuthorParticipating": (date(2024, 12, 19), NEVER),
    "summary": (date(2025, 3, 11), NEVER),
    "submitterOrganization": (date(2025, 9, 29), date(2025, 10, 3)),
    "organization": (date(2025, 10, 3), NEVER),
}
PAPER = {
    "discussionId": (date(2024, 8, 2), NEVER),
    "githubRepo": (date(2025, 3, 4), NEVER),
    "projectPage": (date(2025, 3, 4), NEVER),
    "ai_keywords": (date(2025, 3, 11), NEVER),
    "submittedOnDailyAt": (date(2025, 3, 17), NEVER),
    "submittedOnDailyBy": (date(2025, 3, 17), NEVER),
    "mediaUrls": (date(2025, 3, 17), NEVER),
    "ai_summary": (date(2025, 5, 22), NEVER),
    "githubStars": (date(2025, 6, 25), NEVER),
    "organization": (date(2025, 10, 3), NEVER),
    "githubRepoAddedBy": (date(2025, 12, 11), NEVER),
    "ai_summary_model": (date(2026, 6, 3), NEVER),
}
SUBMITTER = {
    "_id": (date(2024, 12, 3), NEVER),
    "isHfAdmin": (date(2025, 3, 21), NEVER),
    "isUserFollowing": (date(2026, 1, 7), NEVER),
}
EDGES = sorted({edge for table in (ENVELOPE, PAPER, SUBMITTER) for span in table.values() for edge in span})
DAYS_WITHOUT_SUBMITTER = {date(2025, 3, day) for day in range(11, 17)}


def keys_seen(day, objects):
    return {key for entry in entries_of(day, GeneratedHub(seed=1, papers_a_day=150)) for key in objects(entry)}


@pytest.mark.parametrize("edge", [edge for edge in EDGES if ARCHIVE_START < edge < NEVER], ids=str)
def test_keys_appear_and_disappear_on_their_dates(edge):
    last_before = next(day for day in (edge - timedelta(days=back) for back in range(1, 9)) if has_list(day))
    first_after = next(day for day in (edge + timedelta(days=ahead) for ahead in range(9)) if has_list(day))
    for day in (last_before, first_after):
        seen = {
            "envelope": keys_seen(day, lambda entry: entry),
            "paper": keys_seen(day, lambda entry: entry["paper"]),
            "submitter": keys_seen(day, lambda entry: entry.get("submittedBy", {})),
        }
        for where, table in (("envelope", ENVELOPE), ("paper", PAPER), ("submitter", SUBMITTER)):
            is_missing = day in DAYS_WITHOUT_SUBMITTER or (
                where == "submitter" and "submittedBy" not in seen["envelope"]
            )
            for key, (first, end) in table.items():
                if is_missing and (where == "submitter" or key in {"submittedBy", "mediaUrls"}):
                    assert key not in seen[where]
                else:
                    assert (key in seen[where]) == (first <= day < end), (day, where, key)


def test_the_submitter_is_missing_for_four_days_in_march_2025():
    days = [date(2025, 3, 10), date(2025, 3, 11), date(2025, 3, 14), date(2025, 3, 17)]
    assert ["submittedBy" in entries_of(day)[0] for day in days] == [True, False, False, True]


@pytest.mark.parametrize(
    ("day", "key"),
    [(date(2024, 7, 22), None), (date(2024, 7, 23), "id"), (date(2024, 8, 5), "id"), (date(2024, 8, 6), "_id")],
)
def test_user_ids_change_from_none_to_id_to_underscore_id(day, key):
    users = [author["user"] for paper in papers_of(day) for author in paper["authors"] if "user" in author]
    assert users
    assert {name for user in users for name in user if name in {"id", "_id"}} == ({key} if key else set())


@pytest.mark.parametrize(("day", "is_wrapped"), [(date(2025, 11, 12), True), (date(2025, 11, 17), False)])
def test_titles_and_abstracts_are_wrapped_until_november_2025(day, is_wrapped):
    papers = papers_of(day, GeneratedHub(papers_a_day=100))
    assert any("\n  " in paper["title"] for paper in papers) == is_wrapped
    assert all("\n" in paper["summary"] for paper in papers) == is_wrapped
    longest = max(len(line) for paper in papers for line in paper["summary"].split("\n"))
    assert (longest <= 80) == is_wrapped


def test_before_march_2025_the_envelope_published_at_is_the_shifted_submission_time():
    for entry in entries_of(date(2024, 7, 3)):
        assert entry["publishedAt"].startswith("2024-07-03")
    winter = {entry["publishedAt"][:10] for entry in entries_of(date(2025, 1, 8))}
    assert winter == {"2025-01-07", "2025-01-08"}


def test_since_march_2025_the_envelope_published_at_is_new_york_time_with_a_wrong_z():
    wrong_days = 0
    for day in (date(2025, 3, 11), date(2025, 7, 9), date(2026, 1, 7)):
        for entry in entries_of(day):
            true = datetime.fromisoformat(entry["paper"]["publishedAt"])
            shown = datetime.fromisoformat(entry["publishedAt"]).replace(tzinfo=ZoneInfo("America/New_York"))
            assert shown == true
            wrong_days += entry["publishedAt"][:10] != entry["paper"]["publishedAt"][:10]
    assert wrong_days > 10


def test_submitted_on_daily_at_has_the_date_of_the_list():
    for day in (date(2025, 3, 17), date(2025, 7, 9), date(2026, 1, 7), date(2026, 5, 13)):
        assert all(paper["submittedOnDailyAt"].startswith(str(day)) for paper in papers_of(day))


def test_timestamps_are_truncated_to_midnight_in_2026():
    midnight = "T00:00:00.000Z"

    def cut(day, key):
        return all(paper[key].endswith(midnight) for paper in papers_of(day))

    assert [cut(day, "publishedAt") for day in (date(2026, 4, 3), date(2026, 4, 6))] == [False, True]
    assert [cut(day, "submittedOnDailyAt") for day in (date(2026, 5, 13), date(2026, 5, 14))] == [False, True]


def test_missing_values_are_omitted_keys():
    for day in (date(2024, 3, 13), date(2025, 3, 12), date(2026, 6, 4)):
        assert b":null" not in GeneratedHub(papers_a_day=200).body(day, LONG_AFTER)


def test_every_irregularity_of_the_recordings_occurs():
    days = [*weekdays(date(2024, 10, 1), 10), *weekdays(date(2025, 10, 6), 10)]
    entries = [entry for day in days for entry in entries_of(day, GeneratedHub(seed=2, papers_a_day=300))]
    papers = [entry["paper"] for entry in entries]
    authors = [author for paper in papers for author in paper["authors"]]
    counts = [len(paper["authors"]) for paper in papers]
    assert 6 < sum(counts) / len(counts) < 9
    assert max(counts) > 100
    assert any(author["hidden"] for author in authors)
    assert any("status" in author and "user" not in author for author in authors)
    assert any(len({author["name"] for author in paper["authors"]}) < len(paper["authors"]) for paper in papers)
    assert any(paper.get("ai_keywords") == [""] for paper in papers)
    assert any(len(set(paper.get("ai_keywords", []))) < len(paper.get("ai_keywords", [])) for paper in papers)
    assert any(paper.get("githubRepo", "").endswith("/") for paper in papers)
    assert any("/tree/" in paper.get("githubRepo", "") for paper in papers)
    assert any(paper.get("projectPage", "").startswith(" ") for paper in papers)
    assert any("\\&" in paper["title"] for paper in papers)
    assert any("$" in paper["title"] for paper in papers)
    assert any(not paper["title"].isascii() for paper in papers)
    assert any(ord(letter) > 0x1F000 for entry in entries for letter in entry["submittedBy"]["fullname"])
    assert any(entry["title"] != entry["paper"]["title"] for entry in entries)
