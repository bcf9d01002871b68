"""The verdict on a day of harvests is of all windows asked for on it, together."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from schemas.harvests import HARVESTS
from transforms.arxiv.harvest_days import harvest_days, verdict_on_all

AT = datetime(2026, 11, 2, 5, tzinfo=UTC)
AUGUST, OCTOBER = date(2026, 8, 1), date(2026, 10, 31)


def attempt(since, until, verdict, records=0, set_spec=None):
    return {
        "set_spec": set_spec,
        "from_on": since,
        "until_on": until,
        "verdict": verdict,
        "page_count": 2,
        "record_count": records,
        "reason": None if verdict in {"complete", "confirmed_empty"} else "why",
    }


def days(*attempts):
    rows = [
        {
            "harvested_on": AT.date(),
            "harvest_started_at": AT + timedelta(hours=number),
            "ended_at": AT + timedelta(hours=number, minutes=5),
            "responded_at": AT,
            "fetched_count": 0,
            "missing_count": 0,
            **each,
        }
        for number, each in enumerate(attempts)
    ]
    found = harvest_days(pl.DataFrame(rows, schema=pl.Schema(HARVESTS.arrow())), "arxiv").sort("source")
    return found.select("source", "verdict", "paper_count", "reason").rows()


def test_an_empty_harvest_does_not_hide_the_records_of_the_same_day():
    assert days(attempt(None, None, "complete", 503), attempt(OCTOBER, None, "confirmed_empty")) == [
        ("arxiv", "complete", 503, None)
    ]


def test_disjoint_windows_are_added():
    until = AUGUST - timedelta(days=1)
    assert days(attempt(AUGUST, None, "complete", 7), attempt(None, until, "complete", 496)) == [
        ("arxiv", "complete", 503, None)
    ]


def test_overlapping_windows_are_not_added():
    assert days(attempt(None, None, "complete", 503), attempt(AUGUST, None, "complete", 300))[0][2] == 503


def test_a_window_that_failed_makes_the_day_partial_until_a_whole_one_contains_it():
    until = AUGUST - timedelta(days=1)
    failed = [attempt(AUGUST, None, "complete", 7), attempt(None, until, "failed")]
    assert days(*failed) == [("arxiv", "partial", 7, "why")]
    assert days(*failed, attempt(None, until, "confirmed_empty")) == [("arxiv", "complete", 7, None)]
    assert days(*failed, attempt(None, None, "complete", 503)) == [("arxiv", "complete", 503, None)]


def test_a_window_tried_again_counts_once():
    assert days(attempt(None, None, "partial", 150), attempt(None, None, "complete", 300)) == [
        ("arxiv", "complete", 300, None)
    ]
    assert days(attempt(None, None, "partial", 150), attempt(None, None, "failed"))[0][1] == "partial"


def test_sets_have_days_of_their_own():
    of_sets = days(attempt(None, None, "complete", 3), attempt(None, None, "failed", set_spec="cs"))
    assert of_sets == [("arxiv", "complete", 3, None), ("arxiv:cs", "failed", 0, "why")]


def test_no_harvest_gives_no_day():
    assert days() == []


@pytest.mark.parametrize(
    ("windows", "verdict"),
    [
        ([("confirmed_empty", 0), ("confirmed_empty", 0)], "confirmed_empty"),
        ([("complete", 1), ("confirmed_empty", 0)], "complete"),
        ([("confirmed_empty", 0), ("failed", 0)], "partial"),
        ([("failed", 0), ("failed", 3)], "partial"),
        ([("failed", 0)], "failed"),
    ],
)
def test_verdict_on_several_windows(windows, verdict):
    assert verdict_on_all(windows) == verdict
