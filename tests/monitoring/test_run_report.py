"""The changes of lists in the report of a run."""

from datetime import date

import polars as pl

from paperlake.monitoring.run_report import Changes, count_changes

FIRST, SECOND = date(2025, 11, 6), date(2025, 11, 13)


def lists(*rows):
    return pl.DataFrame(
        rows,
        schema={"listed_on": pl.Date, "paper_id": pl.String, "upvote_count": pl.Int32, "is_listed": pl.Boolean},
        orient="row",
    )


def test_first_capture_of_a_date_is_no_change():
    assert count_changes(lists(), lists((FIRST, "2511.00001", 3, True))) == Changes()


def test_added_papers_and_gained_votes_are_counted():
    before = lists((FIRST, "2511.00001", 3, True), (FIRST, "2511.00002", 9, True))
    after = lists((FIRST, "2511.00001", 7, True), (FIRST, "2511.00002", 8, True), (FIRST, "2511.00003", 5, True))
    assert count_changes(before, after) == Changes(added=1, votes_gained=3)


def test_paper_listed_on_another_date_has_moved():
    before = lists((FIRST, "2511.00001", 3, True))
    after = lists((FIRST, "2511.00001", 3, False), (SECOND, "2511.00001", 42, True))
    assert count_changes(before, after) == Changes(moved=1)


def test_paper_listed_nowhere_is_delisted():
    before = lists((FIRST, "2511.00001", 3, True))
    assert count_changes(before, lists((FIRST, "2511.00001", 3, False))) == Changes(delisted=1)


def test_paper_listed_again_is_added():
    before = lists((FIRST, "2511.00001", 3, False))
    assert count_changes(before, lists((FIRST, "2511.00001", None, True))) == Changes(added=1)


def test_changes_in_words():
    assert str(Changes()) == ""
    assert str(Changes(added=2, moved=1, votes_gained=-3)) == "2 papers added, 1 moved, -3 votes"
