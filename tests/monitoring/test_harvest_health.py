"""What doctor says of the harvests of arXiv."""

from datetime import UTC, date, datetime, timedelta

import pytest

from paperlake.monitoring.health import _harvest
from paperlake.store.inbox import keep
from schemas.harvests import HARVESTS

NOW = datetime(2026, 11, 2, 7, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=40)


@pytest.fixture
def lake(lake_in_force):
    return lake_in_force


def harvested(lake, since=None, until=None, **values):
    at, verdict = values.pop("at", NOW), values.pop("verdict", "complete")
    row = {
        "harvested_on": at.date(),
        "harvest_started_at": at,
        "ended_at": at,
        "set_spec": None,
        "from_on": since,
        "until_on": until,
        "verdict": verdict,
        "responded_at": at,
        "page_count": 1,
        "record_count": 0 if verdict == "failed" else 1,
        "fetched_count": 0,
        "missing_count": 0,
        "reason": None if verdict == "complete" else "arXiv refused the request",
    }
    keep(lake, HARVESTS, row | values)


def state(lake, now=NOW):
    check = _harvest(lake, now)
    return check.state, check.message


def test_a_lake_without_holes_is_well(lake):
    harvested(lake, at=NOW - timedelta(days=1))
    harvested(lake, date(2026, 10, 31))
    assert state(lake)[0] == "ok"
    assert "1 record, complete" in state(lake)[1]


def test_a_hole_is_named_until_a_harvest_fills_it(lake):
    harvested(lake, at=LONG_AGO)
    harvested(lake, date(2026, 10, 20))
    assert state(lake) == ("warn", "never harvested completely: all sets, from 2026-09-22 until 2026-10-19")
    harvested(lake, date(2026, 9, 22), date(2026, 10, 19), at=NOW + timedelta(minutes=1), verdict="partial")
    assert state(lake)[0] == "warn"
    harvested(lake, date(2026, 9, 22), date(2026, 10, 19), at=NOW + timedelta(minutes=2))
    assert state(lake)[0] == "ok"


def test_days_before_an_open_ended_first_harvest_are_named(lake):
    harvested(lake, date(2020, 1, 1))
    assert state(lake) == ("warn", "never harvested completely: all sets, from the beginning until 2019-12-31")


def test_a_hole_of_all_sets_is_named_once(lake):
    harvested(lake, at=LONG_AGO)
    harvested(lake, date(2026, 10, 20))
    harvested(lake, date(2026, 10, 25), set_spec="cs")
    assert state(lake)[1].count("2026-10-19") == 1


def test_a_failed_harvest_is_named_until_a_later_one_contains_its_window(lake):
    harvested(lake, at=NOW - timedelta(days=2))
    harvested(lake, date(2026, 10, 31), at=NOW - timedelta(hours=2), verdict="failed", set_spec="cs")
    assert "cs: arXiv refused" in state(lake)[1]
    harvested(lake, date(2026, 10, 30))
    assert state(lake)[0] == "ok"


def test_a_mistyped_set_of_an_older_version_is_not_named_for_ever(lake):
    harvested(lake, at=LONG_AGO, verdict="failed", set_spec="css")
    harvested(lake)
    assert state(lake)[0] == "ok"
