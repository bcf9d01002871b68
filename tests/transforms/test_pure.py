"""Property tests: the tables of a month depend only on its set of answers, not on their order or repetition."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.hub_replies import HUB_REPLIES
from tests.replies import IMPORTED_FIELDS, NO_DECISIONS, NO_REFUSALS, Tables, capture, entry, json_page, replies
from transforms.hub import replies as hub

pytestmark = pytest.mark.long

DAYS = [date(2025, 11, 6), date(2025, 11, 7), date(2025, 11, 30)]
TIMESTAMPS = [datetime(2025, 11, day, 8, 30, tzinfo=UTC) for day in (6, 7, 8, 25)]
THOROUGH = settings(
    max_examples=10, deadline=None, derandomize=True, database=None, phases=(Phase.generate, Phase.shrink)
)

ENTRIES = st.one_of(
    st.builds(
        lambda number, votes, people: entry(
            f"2511.{number:05}",
            paper__upvotes=votes,
            paper__authors=[{"name": name, "hidden": False} for name in people],
        ),
        st.integers(1, 6),
        st.sampled_from([0, 3, 9, -1, "many"]),
        st.lists(st.sampled_from(["Ada Birch", "Bo Elm", ""]), max_size=3),
    ),
    st.sampled_from([None, {}, entry("2511.1")]),
)
PAGES = st.one_of(
    st.builds(json_page, st.lists(ENTRIES, max_size=4), more=st.booleans()),
    st.just(json_page("no", status=500)),
    st.none(),
)
CAPTURES = st.builds(
    lambda day, at, pages, limit: capture(day=day, at=at, pages=pages, limit=limit),
    st.sampled_from(DAYS),
    st.sampled_from(TIMESTAMPS),
    st.lists(PAGES, min_size=1, max_size=2),
    st.sampled_from([100, 3, None]),
)
MONTHS = st.lists(CAPTURES, min_size=1, max_size=5)


def tables(answers: pl.DataFrame) -> Tables:
    """The tables of these answers; captures with half of their entries refused are refused, as by the validator."""
    reading = hub.parse_replies(answers)
    bad_captures = reading.captures.filter(pl.col("refused_share") >= 0.5)
    refused = bad_captures.select("listed_on", "captured_at", message=pl.lit("it was set aside"))
    return hub.build_tables(reading, refused, NO_DECISIONS)


def assert_equal_tables(some: Tables, others: Tables) -> None:
    assert some.keys() == others.keys()
    for name, frame in some.items():
        assert frame.equals(others[name]), name
        assert frame.schema == others[name].schema, name


def union(evidence: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The union of two sets of answers; of an answer with and without address, the one with address counts."""
    every = pl.concat([evidence, new]).sort(*HUB_REPLIES.sort, "url", nulls_last=True)
    return every.unique(subset=HUB_REPLIES.key, keep="first", maintain_order=True)


@THOROUGH
@given(MONTHS, st.randoms(use_true_random=False))
def test_order_and_repetition_of_answers_do_not_matter(month, chance):
    answers = union(replies(), replies(*month))
    shuffled = [row for row in answers.rows(named=True) for _ in range(chance.randint(1, 3))]
    chance.shuffle(shuffled)
    assert_equal_tables(tables(answers), tables(replies(shuffled)))


@THOROUGH
@given(MONTHS, st.randoms(use_true_random=False))
def test_adding_captures_one_by_one_gives_the_same_tables(month, chance):
    later = list(month)
    chance.shuffle(later)
    evidence = replies()
    for item in later:
        evidence = union(evidence, replies(item))
    assert_equal_tables(tables(evidence), tables(union(replies(), replies(*month))))


def by_date(made: Tables) -> Tables:
    """The tables in which each row belongs to one date: all except `drift`."""
    return {name: frame for name, frame in made.items() if name != "drift"}


@THOROUGH
@given(MONTHS)
def test_rows_of_a_date_do_not_depend_on_other_dates(month):
    answers = union(replies(), replies(*month))
    together = by_date(tables(answers))
    for day in DAYS:
        alone = by_date(tables(answers.filter(pl.col("requested_on") == day)))
        assert_equal_tables({name: frame.filter(pl.col("listed_on") == day) for name, frame in together.items()}, alone)


@THOROUGH
@given(MONTHS)
def test_invariants_of_every_month(month):
    made = tables(union(replies(), replies(*month)))
    listings, days = made["listings"], made["source_days"]
    listed = listings.filter("is_listed")
    assert listings.select("listed_on", "paper_id").is_unique().all()
    assert listed.select("listed_on", "position").is_unique().all()
    assert (listings["first_seen_at"] <= listings["last_seen_at"]).all()
    assert dict(listed["listed_on"].value_counts().rows()) == {
        day: count for day, count in days.select("listed_on", "paper_count").rows() if count
    }
    newest = listings.select("listed_on", "paper_id", "upvote_count", captured_at="last_seen_at")
    assert newest.join(made["signals"], on=newest.columns, how="anti", nulls_equal=True).is_empty()
    people = made["authors"].join(listings, on=["listed_on", "paper_id"], how="anti")
    assert people.is_empty()
    assert set(days["listed_on"]) == set(made["captures"]["listed_on"])


def test_two_months_built_together_equal_each_built_alone():
    first, second = capture([entry()], day=date(2025, 11, 30)), capture([entry()], day=date(2025, 12, 1))
    both = hub.build_tables(hub.parse_replies(replies(second, first)), NO_REFUSALS, NO_DECISIONS)
    for name, frame in both.items():
        parts = [
            hub.build_tables(hub.parse_replies(replies(item)), NO_REFUSALS, NO_DECISIONS)[name]
            for item in (first, second)
        ]
        assert frame.equals(pl.concat(parts)), name


def test_an_answer_that_was_also_imported_counts_once():
    asked = capture([entry(f"2511.{number:05}") for number in range(1, 51)], limit=100)
    imported = [answer | IMPORTED_FIELDS for answer in asked]
    assert_equal_tables(tables(replies(asked, imported)), tables(replies(imported, asked)))
