"""The dates that a run requests, and the dates that are missing."""

from datetime import UTC, date, datetime, timedelta

import pytest

from paperlake.ingest.dates import DateNotOpen, dates_to_capture, missing_dates
from paperlake.store.lake import part_name
from paperlake.store.manifest import Entry, Manifest

DUE = datetime(2025, 11, 7, 3, 15, tzinfo=UTC)
NEWEST, OPEN = date(2025, 11, 6), date(2025, 11, 7)
WINDOW = [NEWEST - timedelta(days=n) for n in range(14, 0, -1)]


def manifest(**missing):
    """A manifest with some months of `source_days`, and the missing dates of each."""
    return Manifest(
        {
            part_name("source_days", month.strip("m").replace("_", "-")): Entry(
                30, 1, "", "1.0.0", missing_dates=tuple(days)
            )
            for month, days in missing.items()
        }
    )


def test_default_run_requests_window_newest_closed_and_open_date():
    assert dates_to_capture(DUE, None, recheck=False) == [*WINDOW, NEWEST, OPEN]


def test_run_for_a_date_requests_only_that_date():
    assert dates_to_capture(DUE, NEWEST, recheck=False) == [NEWEST]


def test_recheck_of_a_date_adds_its_window():
    assert dates_to_capture(DUE, NEWEST, recheck=True) == [*WINDOW, NEWEST]


def test_open_date_can_be_requested_and_later_date_cannot():
    assert dates_to_capture(DUE, OPEN, recheck=False) == [OPEN]
    with pytest.raises(DateNotOpen, match="its list opens at 2025-11-08 02:30 UTC"):
        dates_to_capture(DUE, OPEN + timedelta(days=1), recheck=False)


def test_date_before_the_archive_is_an_error():
    with pytest.raises(DateNotOpen, match="before the archive begins"):
        dates_to_capture(DUE, date(2023, 5, 3), recheck=False)


def test_run_adds_the_newest_30_older_gaps():
    gaps = [date(2025, 9, 30) - timedelta(days=n) for n in range(50)]
    dates = dates_to_capture(DUE, None, recheck=False, gaps=gaps)
    assert dates == [*reversed(gaps[:30]), *WINDOW, NEWEST, OPEN]


def test_gap_within_the_window_is_requested_once():
    assert dates_to_capture(DUE, None, recheck=False, gaps=[NEWEST, WINDOW[3]]) == [*WINDOW, NEWEST, OPEN]


def test_all_dates_of_an_unpublished_month_are_missing():
    published = manifest(m2025_09=["2025-09-29", "2025-09-30"], m2025_11=["2025-11-02"])
    october = [date(2025, 10, day) for day in range(31, 0, -1)]
    expected = [date(2025, 11, 2), *october, date(2025, 9, 30)]
    assert list(missing_dates(published, date(2025, 9, 30), date(2025, 11, 3))) == expected


def test_no_date_is_missing_if_all_have_final_answers():
    assert list(missing_dates(manifest(m2025_11=[]), date(2025, 11, 1), date(2025, 11, 6))) == []
