"""Which dates a run asks for."""

from datetime import UTC, date, datetime, timedelta

import pytest

from paperlake.ingest.dates import DateNotOpen, dates_to_capture, wanting
from paperlake.store.lake import part_name
from paperlake.store.manifest import Entry, Manifest

DUE = datetime(2025, 11, 7, 3, 15, tzinfo=UTC)
NEWEST, OPEN = date(2025, 11, 6), date(2025, 11, 7)
WINDOW = [NEWEST - timedelta(days=n) for n in range(14, 0, -1)]


def manifest(**wanted):
    """A manifest that knows months of `source_days`, by what is wanting in them."""
    return Manifest(
        {
            part_name("source_days", month.strip("m").replace("_", "-")): Entry(30, 1, "", "1.0.0", wanting=tuple(days))
            for month, days in wanted.items()
        }
    )


def test_without_a_date_the_window_the_newest_closed_and_the_open_one():
    assert dates_to_capture(DUE, None, recheck=False) == [*WINDOW, NEWEST, OPEN]


def test_a_date_alone_is_only_that_date():
    assert dates_to_capture(DUE, NEWEST, recheck=False) == [NEWEST]


def test_a_date_with_recheck_brings_its_window():
    assert dates_to_capture(DUE, NEWEST, recheck=True) == [*WINDOW, NEWEST]


def test_the_open_date_may_be_asked_for_and_a_later_one_may_not():
    assert dates_to_capture(DUE, OPEN, recheck=False) == [OPEN]
    with pytest.raises(DateNotOpen, match="its list opens at 2025-11-08 02:30 UTC"):
        dates_to_capture(DUE, OPEN + timedelta(days=1), recheck=False)


def test_a_date_before_the_archive_is_refused():
    with pytest.raises(DateNotOpen, match="before the archive begins"):
        dates_to_capture(DUE, date(2023, 5, 3), recheck=False)


def test_older_gaps_are_filled_the_newest_30_of_them():
    gaps = [date(2025, 9, 30) - timedelta(days=n) for n in range(50)]
    planned = dates_to_capture(DUE, None, recheck=False, gaps=gaps)
    assert planned == [*reversed(gaps[:30]), *WINDOW, NEWEST, OPEN]


def test_a_gap_within_the_window_is_asked_for_once():
    assert dates_to_capture(DUE, None, recheck=False, gaps=[NEWEST, WINDOW[3]]) == [*WINDOW, NEWEST, OPEN]


def test_a_month_never_asked_for_is_wanting_whole_and_a_known_one_as_its_file_says():
    known = manifest(m2025_09=["2025-09-29", "2025-09-30"], m2025_11=["2025-11-02"])
    found = list(wanting(known, date(2025, 9, 30), date(2025, 11, 3)))
    october = [date(2025, 10, day) for day in range(31, 0, -1)]
    assert found == [date(2025, 11, 2), *october, date(2025, 9, 30)]


def test_nothing_is_wanting_where_all_is_answered():
    assert list(wanting(manifest(m2025_11=[]), date(2025, 11, 1), date(2025, 11, 6))) == []
