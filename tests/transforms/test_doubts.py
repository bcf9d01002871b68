"""Captures in doubt: one answer that loses most of a list, or empties a weekday, does not count alone."""

from datetime import date, timedelta

import pytest

from tests.replies import CLOSED, DAY, OPEN, SETTLED, accept_decision, build_tables, capture, entries, json_page

SATURDAY = date(2025, 11, 8)
HOUR, DAYS = timedelta(hours=1), timedelta(days=1)
NEXT_MORNING = CLOSED + DAYS


def day_of(*captures, **options):
    """The verdict on the date, its reason, and the number of papers listed."""
    tables = build_tables(*captures, **options)
    (day,) = tables["source_days"].rows(named=True)
    assert tables["listings"]["is_listed"].sum() == day["paper_count"]
    return day["verdict"], day["reason"], day["paper_count"]


def in_doubt(*captures, **options):
    """The start of each capture in doubt."""
    return build_tables(*captures, **options)["captures"].filter("is_in_doubt")["captured_at"].to_list()


FOUR = capture(entries(4), at=CLOSED)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (0, ("in_doubt", "the list lost 4 of the 4 papers it had", 4)),
        (1, ("in_doubt", "the list lost 3 of the 4 papers it had", 4)),
        (2, ("complete", None, 2)),
        (3, ("complete", None, 3)),
    ],
)
def test_an_answer_that_keeps_less_than_half_of_the_papers_is_in_doubt_and_the_last_list_stays(kept, expected):
    assert day_of(FOUR, capture(entries(kept), at=NEXT_MORNING)) == expected


def test_a_list_of_other_papers_is_in_doubt_however_long_it_is():
    assert day_of(FOUR, capture(entries(60, first=200), at=NEXT_MORNING))[0] == "in_doubt"


def test_papers_that_leave_one_by_one_are_delisted_at_once():
    captures = [capture(entries(count), at=CLOSED + (4 - count) * DAYS) for count in (4, 3, 2, 1)]
    assert day_of(*captures) == ("complete", None, 1)


@pytest.mark.parametrize(("later", "expected"), [(HOUR - timedelta(seconds=1), "in_doubt"), (HOUR, "confirmed_empty")])
def test_a_second_answer_counts_as_a_second_one_after_an_hour(later, expected):
    captures = FOUR, capture([], at=NEXT_MORNING), capture([], at=NEXT_MORNING + later)
    assert day_of(*captures)[0] == expected
    assert len(in_doubt(*captures)) == (2 if expected == "in_doubt" else 0)


def test_a_second_answer_with_another_list_confirms_nothing():
    captures = FOUR, capture([], at=NEXT_MORNING), capture(entries(1), at=NEXT_MORNING + DAYS)
    assert day_of(*captures) == ("in_doubt", "the list lost 3 of the 4 papers it had", 4)


def test_a_list_that_is_whole_again_ends_the_doubt_and_the_wrong_answer_stays_in_doubt():
    wrong = capture([], at=NEXT_MORNING)
    healed = FOUR, wrong, capture(entries(5), at=NEXT_MORNING + HOUR)
    assert day_of(*healed) == ("complete", None, 5)
    assert in_doubt(*healed) == [NEXT_MORNING]
    again = capture([], at=NEXT_MORNING + 2 * DAYS)
    assert day_of(*healed, again)[0] == "in_doubt"  # the two empty answers have a good one between them


def test_an_accepted_answer_counts_alone():
    captures = FOUR, capture(entries(1), at=NEXT_MORNING)
    tables = build_tables(*captures, accepted=accept_decision(DAY, NEXT_MORNING))
    assert tables["captures"].select("is_in_doubt", "is_accepted").rows() == [(False, False), (False, True)]
    assert day_of(*captures, accepted=accept_decision(DAY, NEXT_MORNING)) == ("complete", None, 1)
    # From then on it is the list known.
    assert day_of(*captures, capture(entries(1), at=SETTLED), accepted=accept_decision(DAY, NEXT_MORNING))[2] == 1


@pytest.mark.parametrize(
    ("day", "captured", "expected"),
    [
        (DAY, [CLOSED], "in_doubt"),
        (DAY, [CLOSED, CLOSED + 3 * HOUR], "in_doubt"),
        (DAY, [CLOSED, NEXT_MORNING], "confirmed_empty"),
        (DAY, [OPEN], "partial"),
        (DAY, [OPEN, CLOSED], "in_doubt"),
        (SATURDAY, [SETTLED], "confirmed_empty"),
    ],
)
def test_a_weekday_is_empty_only_if_it_was_seen_empty_on_two_days_after_it_closed(day, captured, expected):
    verdict, _, papers = day_of(*(capture([], day=day, at=at) for at in captured))
    assert (verdict, papers) == (expected, 0)


def test_an_empty_weekday_that_was_confirmed_needs_no_third_answer_and_may_fill():
    empty = capture([], at=CLOSED), capture([], at=NEXT_MORNING)
    assert in_doubt(*empty, capture([], at=SETTLED)) == []
    assert day_of(*empty, capture(entries(2), at=SETTLED)) == ("settled", None, 2)


def test_an_incomplete_answer_is_not_a_list_that_could_be_lost():
    torn = capture(pages=[json_page(entries(30), more=True)], at=CLOSED)
    assert day_of(torn, capture(entries(2), at=NEXT_MORNING)) == ("complete", None, 2)


def test_a_failed_answer_neither_confirms_a_doubt_nor_ends_it():
    captures = FOUR, capture(entries(1), at=NEXT_MORNING), capture("no", at=SETTLED)
    assert in_doubt(*captures) == [NEXT_MORNING]
    assert day_of(*captures)[0] == "in_doubt"


def test_each_date_is_judged_by_itself():
    another = date(2025, 11, 5)
    captures = FOUR, capture(entries(4), day=another, at=CLOSED), capture([], day=another, at=NEXT_MORNING)
    days = build_tables(*captures)["source_days"]
    assert days.select("listed_on", "verdict", "paper_count").rows() == [
        (another, "in_doubt", 4),
        (DAY, "complete", 4),
    ]
