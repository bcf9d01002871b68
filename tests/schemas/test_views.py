"""The views: the last capture of a day, votes gained over time, and papers matched to saved entries."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from paperlake.store.lake import Lake
from paperlake.store.publish import open_writer
from paperlake.store.sql import query
from schemas.catalogue import TABLES
from schemas.signals import SIGNALS
from schemas.views import VIEWS

DAY = date(2025, 11, 6)
OPENED = datetime(2025, 11, 6, 2, 30, tzinfo=UTC)
"""21:30 in New York on the day before, in winter."""
PAPER = "2511.00010"


def lake_of(tmp_path, **tables):
    """A lake with exactly these rows."""
    lake = Lake(tmp_path / "lake")
    with open_writer(lake) as writer:
        staged = None
        for name, rows in tables.items():
            table = TABLES[name]
            frame = pl.DataFrame(rows, schema=pl.Schema(table.arrow()), orient="row")
            for (month,), group in frame.group_by(pl.col(table.dated_by).dt.strftime("%Y-%m")):
                staged = writer.stage(month, {table: group.sort(table.sort)}, into=staged)
        writer.commit(staged)
    return lake


def seen(votes, after, day=DAY, paper=PAPER):
    """A row of `signals`: this number of votes, at this time after the date opened."""
    return {"listed_on": day, "paper_id": paper, "captured_at": OPENED + after, "upvote_count": votes}


def hours(number):
    return timedelta(hours=number)


def velocity(lake, columns="votes_24h, votes_3d, votes_7d, votes_14d"):
    return query(lake, f"select {columns} from velocity order by listed_on, paper_id").to_pylist()


def test_signals_daily_uses_the_last_capture_of_a_day(tmp_path):
    lake = lake_of(tmp_path, signals=[seen(1, hours(2)), seen(3, hours(20)), seen(4, hours(22))])
    result = query(lake, "select seen_on, captured_at, upvote_count from signals_daily order by 1").to_pylist()
    assert [(row["seen_on"], row["upvote_count"]) for row in result] == [(DAY, 3), (date(2025, 11, 7), 4)]
    assert result[0]["captured_at"] == OPENED + hours(20)


def test_a_value_missing_at_the_last_capture_is_null(tmp_path):
    lake = lake_of(tmp_path, signals=[seen(5, hours(2)), seen(None, hours(3))])
    assert query(lake, "select upvote_count from signals_daily").to_pylist() == [{"upvote_count": None}]


def test_votes_at_the_end_of_a_window_are_interpolated(tmp_path):
    lake = lake_of(tmp_path, signals=[seen(10, hours(20)), seen(18, hours(28))])
    assert velocity(lake, "votes_24h") == [{"votes_24h": 14.0}]


def test_votes_are_zero_when_a_date_opens(tmp_path):
    lake = lake_of(tmp_path, signals=[seen(48, hours(48))])
    assert velocity(lake) == [{"votes_24h": 24.0, "votes_3d": None, "votes_7d": None, "votes_14d": None}]


def test_a_capture_at_the_end_of_a_window_gives_its_value(tmp_path):
    lake = lake_of(tmp_path, signals=[seen(7, hours(24)), seen(90, hours(30))])
    assert velocity(lake, "votes_24h") == [{"votes_24h": 7.0}]


@pytest.mark.parametrize(("before", "after"), [(40, 80), (71, 100), (10, 72.5)])
def test_a_window_without_captures_near_its_end_is_null(tmp_path, before, after):
    lake = lake_of(tmp_path, signals=[seen(7, hours(before)), seen(9, hours(after))])
    assert velocity(lake, "votes_3d") == [{"votes_3d": None}]


def test_votes_of_a_moved_paper_from_its_old_date_are_not_counted(tmp_path):
    before = date(2025, 11, 3)
    lake = lake_of(tmp_path, signals=[seen(40, hours(-5), before), seen(41, hours(-1), before), seen(65, hours(24))])
    assert velocity(lake, "votes_before, votes_24h")[1] == {"votes_before": 41, "votes_24h": 24.0}


def test_gained_votes_may_be_negative(tmp_path):
    day = date(2025, 11, 3)
    lake = lake_of(tmp_path, signals=[seen(9, hours(-1), day), seen(8, hours(24))])
    assert velocity(lake, "votes_24h")[1] == {"votes_24h": -1.0}


def test_a_summer_date_opens_an_hour_earlier(tmp_path):
    lake = lake_of(tmp_path, signals=[seen(1, timedelta(), date(2025, 7, 1))])
    (result,) = query(lake, "select opened_at from velocity").to_pylist()
    assert result["opened_at"] == datetime(2025, 7, 1, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_of_an_empty_lake_has_the_declared_columns(tmp_path, name):
    result = query(Lake(tmp_path), f"from {name}")
    declared = VIEWS[name].columns
    assert result.schema.names == [column.name for column in declared]
    assert [str(kind) for kind in result.schema.types] == [
        {"timestamp[us, tz=UTC]": "timestamp[us, tz=UTC]"}.get(str(column.type), str(column.type))
        for column in declared
    ]


def test_saved_entries_match_papers_by_normalized_title(tmp_path):
    entry = {"captured_on": DAY, "page_sha256": "0" * 64, "abstract": "It is."}
    listed = {
        **dict.fromkeys(("first_seen_at", "last_seen_at"), OPENED),
        "listed_on": DAY,
        "position": 1,
        "is_listed": True,
    }
    titles = ["SYNTH 2: a Café", "Twice", "twice!", "Unseen"]
    lake = lake_of(
        tmp_path,
        page_entries=[{**entry, "position": n, "title": title} for n, title in enumerate(titles, 1)],
        listings=[
            {**listed, "paper_id": "2511.00010", "title": "Synth$^2$: A Cafe"},
            {**listed, "paper_id": "2511.00010", "title": "Synth$^2$: A Cafe", "listed_on": date(2025, 11, 7)},
            {**listed, "paper_id": "2511.00011", "title": "Twice"},
            {**listed, "paper_id": "2511.00012", "title": "Twice"},
        ],
    )
    result = query(lake, "select paper_id, match_count from page_matches order by position").to_pylist()
    assert [tuple(row.values()) for row in result] == [("2511.00010", 1), (None, 2), (None, 2), (None, 0)]


def test_every_view_is_documented():
    for view in VIEWS.values():
        assert view.doc.endswith(".")
        assert all(column.doc.endswith(".") for column in view.columns), view.name
    assert SIGNALS.name in VIEWS["velocity"].sql
