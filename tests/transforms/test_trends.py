"""The table `trends`: each rule of the score and of the ranking, with small lists and few captures."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.listings import LISTINGS
from schemas.signals import SIGNALS
from schemas.trends import HALF_LIFE_H, SPANS
from tests.model_of_trends import trends as model_trends
from transforms.trends import trends

D = date(2025, 11, 6)
OPENED, CLOSED = datetime(2025, 11, 6, 2, 30, tzinfo=UTC), datetime(2025, 11, 7, 2, 30, tzinfo=UTC)
MORNING, ENDED = datetime(2025, 11, 7, 3, 15, tzinfo=UTC), datetime(2025, 11, 7, 8, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
A, B, C = "2511.00010", "2511.00020", "2511.00030"


def listed(*papers, day=D, is_listed=True):
    return [{"listed_on": day, "paper_id": paper, "is_listed": is_listed} for paper in papers]


def seen(paper, votes, at=MORNING, day=D, **others):
    counts = {"upvote_count": votes, "comment_count": others.get("comments"), "github_star_count": others.get("stars")}
    return {"listed_on": day, "paper_id": paper, "captured_at": at, **counts}


def frames(listings, signals):
    shown = [name for name in LISTINGS.arrow().names if name in {"listed_on", "paper_id", "is_listed"}]
    schemas = {name: pl.Schema(LISTINGS.arrow())[name] for name in shown}, pl.Schema(SIGNALS.arrow())
    return [pl.DataFrame(rows, schema=schema) for rows, schema in zip((listings, signals), schemas, strict=True)]


def ranked(listings, signals, *, on=D, span="day", month="2025-11"):
    rows = trends([month], *frames(listings, signals))
    return rows.filter(pl.col("ranked_on") == on, pl.col("span") == span).rows(named=True)


def papers(rows):
    return [row["paper_id"] for row in rows]


def ranked_row(signals, **about):
    (row,) = ranked(listed(A), signals, **about)
    return row


def weight(age):
    return 0.5 ** (age / timedelta(hours=HALF_LIFE_H))


def test_a_vote_loses_half_its_weight_in_two_days():
    # All votes come one microsecond after the end of the date; two days later the same votes weigh half.
    signals = [seen(A, 0, ENDED), seen(A, 8, ENDED + timedelta(microseconds=1)), seen(A, 8, ENDED + DAY + HOUR)]
    next_day, two_later = (ranked_row(signals, on=D + days * DAY, span="week")["score"] for days in (1, 2))
    assert next_day == pytest.approx(8 * weight(DAY), abs=1e-4)
    assert two_later == pytest.approx(8 * weight(2 * DAY), abs=1e-4)
    assert weight(2 * DAY) == 0.5


def test_a_vote_counts_from_the_midpoint_between_two_captures():
    first, second = OPENED + 4 * HOUR, OPENED + 24 * HOUR
    row = ranked_row([seen(A, 3, first), seen(A, 8, second)])
    expected = 3 * weight(ENDED - OPENED - 2 * HOUR) + 5 * weight(ENDED - OPENED - 14 * HOUR)
    assert row["score"] == pytest.approx(expected, abs=1e-4)


def test_the_score_is_the_product_of_its_parts():
    rows = ranked(listed(A, B, C), [seen(A, 7), seen(B, 123), seen(B, 119, OPENED + HOUR), seen(C, 0)])
    assert [row["score"] for row in rows] == [round(row["upvote_count"] * row["freshness"], 6) for row in rows]
    assert rows[-1]["freshness"] == 0


def test_votes_taken_back_do_not_count():
    fallen = ranked_row([seen(A, 9, OPENED + 5 * HOUR), seen(A, 8, OPENED + 20 * HOUR)])
    steady = ranked_row([seen(A, 8, OPENED + 5 * HOUR), seen(A, 8, OPENED + 20 * HOUR)])
    assert fallen["score"] == steady["score"]
    assert ranked_row([seen(A, 9, OPENED + 5 * HOUR), seen(A, 0, OPENED + 20 * HOUR)])["score"] == 0


def test_recent_votes_rank_above_older_ones():
    old, new = D - 5 * DAY, D
    signals = [
        *(seen(A, 50, MORNING - n * DAY, old) for n in range(5)),
        seen(B, 30, MORNING, new),
    ]
    rows = ranked([*listed(A, day=old), *listed(B, day=new)], signals, span="week")
    assert [(row["paper_id"], row["rank"]) for row in rows] == [(B, 1), (A, 2)]


@pytest.mark.parametrize(("span", "days"), SPANS.items())
def test_a_span_includes_the_lists_up_to_its_date(span, days):
    inside, outside = D - (days - 1) * DAY, D - days * DAY
    signals = [seen(A, 1, MORNING, inside), seen(B, 1, MORNING, outside), seen(C, 1, MORNING + DAY, D + DAY)]
    listings = [*listed(A, day=inside), *listed(B, day=outside), *listed(C, day=D + DAY)]
    assert papers(ranked(listings, signals, span=span)) == [A]


def test_a_paper_listed_twice_counts_once_with_its_newest_list():
    before = D - 3 * DAY
    signals = [seen(A, 5, MORNING - 3 * DAY, before), seen(A, 9, MORNING, D)]
    (row,) = ranked([*listed(A, day=before), *listed(A)], signals, span="week")
    assert (row["listed_on"], row["upvote_count"], row["observed_at"]) == (D, 9, MORNING)


def test_votes_of_a_moved_paper_keep_their_age():
    before = D - 10 * DAY
    moved = [*listed(A, day=before, is_listed=False), *listed(A)]
    brought = ranked(moved, [seen(A, 9, MORNING - 10 * DAY, before), seen(A, 9)])
    fresh = ranked(listed(A), [seen(A, 9)])
    assert brought[0]["score"] < fresh[0]["score"] / 10


@pytest.mark.parametrize(("at", "counts"), [(ENDED, True), (ENDED + timedelta(microseconds=1), False)])
def test_only_captures_until_six_hours_after_closing_count(at, counts):
    row = ranked_row([seen(A, 3, CLOSED - HOUR), seen(A, 10, at)])
    assert row["upvote_count"] == (10 if counts else 3)


def test_later_captures_do_not_change_a_ranking():
    known = [seen(A, 3), seen(B, 5)]
    later = [seen(A, 90, ENDED + DAY), seen(B, 6, ENDED + DAY)]
    assert ranked(listed(A, B), known) == ranked(listed(A, B), [*known, *later])


def test_a_paper_without_a_capture_in_time_or_without_votes_has_no_row():
    signals = [seen(A, 3), seen(B, 5, ENDED + HOUR), seen(C, None)]
    assert papers(ranked(listed(A, B, C), signals)) == [A]


def test_an_unlisted_paper_has_no_row():
    assert papers(ranked([*listed(A), *listed(B, is_listed=False)], [seen(A, 1), seen(B, 9)])) == [A]


@pytest.mark.parametrize(("at", "is_ranked"), [(OPENED - HOUR, False), (OPENED, True), (ENDED, True)])
def test_a_date_is_ranked_if_it_has_a_capture_between_opening_and_end(at, is_ranked):
    before = D - 4 * DAY
    rows = ranked(listed(A, day=before), [seen(A, 4, at, before)], span="week")
    assert papers(rows) == ([A] if is_ranked else [])


def test_future_dates_are_not_ranked():
    rows = trends(["2025-11"], *frames(listed(A), [seen(A, 4, MORNING - 2 * HOUR)]))
    assert rows["ranked_on"].unique().to_list() == [D]


def test_equal_scores_are_ordered_by_votes_and_then_by_id():
    signals = [seen(B, 4), seen(A, 4), seen(C, 0)]
    assert papers(ranked(listed(C, B, A), signals)) == [A, B, C]


def test_at_most_a_hundred_papers_of_each_date_and_span_are_ranked():
    many = [f"2511.{n:05}" for n in range(150)]
    rows = ranked(listed(*many), [seen(paper, n) for n, paper in enumerate(many)])
    assert [row["rank"] for row in rows] == list(range(1, 101))
    assert rows[0]["upvote_count"] == 149


def test_gains_need_a_capture_on_the_day_before():
    day_before = MORNING - DAY
    row = ranked_row([seen(A, 3, day_before, comments=1, stars=10), seen(A, 9, comments=4, stars=8)])
    assert (row["votes_gained"], row["comment_count"], row["stars_gained"]) == (6, 4, -2)
    first = ranked_row([seen(A, 9, stars=8)])
    assert (first["votes_gained"], first["stars_gained"]) == (None, None)
    unseen_since = ranked(listed(A), [seen(A, 3, day_before), seen(B, 1, day=D)], span="day")[0]
    assert unseen_since["votes_gained"] is None


def test_age_counts_from_the_opening_of_the_list():
    assert ranked_row([seen(A, 3)])["age_hours"] == 24.75


def test_the_end_of_daylight_saving_time_adds_an_hour():
    sunday = date(2025, 11, 2)
    ended = datetime(2025, 11, 3, 8, 30, tzinfo=UTC)
    assert ranked_row_of(sunday, ended)["age_hours"] == 31


def ranked_row_of(day, at):
    (row,) = ranked(listed(A, day=day), [seen(A, 3, at, day)], on=day)
    return row


def test_no_rows_give_no_trends():
    assert trends(["2025-11"], *frames([], [])).is_empty()


COUNTS = st.one_of(st.none(), st.integers(0, 30))
POINTS = st.tuples(
    st.sampled_from([D, D - DAY, D - 29 * DAY, D - 30 * DAY, D + DAY]),
    st.sampled_from([A, B, C]),
    st.integers(-40, 900),
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(POINTS, st.tuples(COUNTS, COUNTS, COUNTS), max_size=14),
    st.dictionaries(st.tuples(st.sampled_from([D, D - DAY, D - 29 * DAY]), st.sampled_from([A, B, C])), st.booleans()),
    st.randoms(use_true_random=False),
)
def test_any_lists_and_captures_match_the_plain_python_model(points, lists, dice):
    signals = [
        seen(paper, votes, OPENED + hours * HOUR, day, comments=comments, stars=stars)
        for (day, paper, hours), (votes, comments, stars) in points.items()
    ]
    listings = [row for (day, paper), is_listed in lists.items() for row in listed(paper, day=day, is_listed=is_listed)]
    # In a lake, no two captures of a paper begin at the same time.
    apart = {(row["paper_id"], row["captured_at"]): row for row in signals}
    signals = list(apart.values())
    expected = model_trends(listings, signals, {date(2025, 11, 1)})
    dice.shuffle(signals)
    dice.shuffle(listings)
    result = trends(["2025-11"], *frames(listings, signals)).drop("age_hours").rows(named=True)
    assert result == [{name: row[name] for name in result[0]} for row in expected] if result else not expected
