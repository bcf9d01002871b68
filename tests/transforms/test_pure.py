"""A month of tables is a function of its answers alone, however and in whatever order they came."""

from datetime import UTC, date, datetime

import polars as pl
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.hub_replies import HUB_REPLIES
from tests.replies import NONE_ACCEPTED, NONE_REFUSED, UNTOLD, Tables, capture, entry, page, replies
from transforms.hub import replies as hub

DAYS = [date(2025, 11, 6), date(2025, 11, 7), date(2025, 11, 30)]
INSTANTS = [datetime(2025, 11, day, 8, 30, tzinfo=UTC) for day in (6, 7, 8, 25)]
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
    st.builds(page, st.lists(ENTRIES, max_size=4), more=st.booleans()),
    st.just(page("no", status=500)),
    st.none(),
)
CAPTURES = st.builds(
    lambda day, at, pages, limit: capture(day=day, at=at, pages=pages, limit=limit),
    st.sampled_from(DAYS),
    st.sampled_from(INSTANTS),
    st.lists(PAGES, min_size=1, max_size=2),
    st.sampled_from([100, 3, None]),
)
MONTHS = st.lists(CAPTURES, min_size=1, max_size=5)


def tables(answers: pl.DataFrame) -> Tables:
    """The tables of these answers, with every second capture set aside, as a judge might."""
    reading = hub.read(answers)
    aside = reading.captures.filter(pl.col("refused_share") >= 0.5)
    refused = aside.select("listed_on", "captured_at", message=pl.lit("it was set aside"))
    return hub.build(reading, refused, NONE_ACCEPTED)


def same(some: Tables, others: Tables) -> None:
    assert some.keys() == others.keys()
    for name, frame in some.items():
        assert frame.equals(others[name]), name
        assert frame.schema == others[name].schema, name


def union(held: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Evidence with more evidence: each answer once, one that knows its address before one that does not."""
    every = pl.concat([held, new]).sort(*HUB_REPLIES.sort, "url", nulls_last=True)
    return every.unique(subset=HUB_REPLIES.key, keep="first", maintain_order=True)


@THOROUGH
@given(MONTHS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_of_answers_matters(month, chance):
    answers = union(replies(), replies(*month))
    shuffled = [row for row in answers.rows(named=True) for _ in range(chance.randint(1, 3))]
    chance.shuffle(shuffled)
    same(tables(answers), tables(replies(shuffled)))


@THOROUGH
@given(MONTHS, st.randoms(use_true_random=False))
def test_captures_that_came_one_by_one_make_what_all_at_once_make(month, chance):
    later = list(month)
    chance.shuffle(later)
    held = replies()
    for one in later:
        held = union(held, replies(one))
    same(tables(held), tables(union(replies(), replies(*month))))


def by_date(made: Tables) -> Tables:
    """The tables whose rows are of one date: all but the census of the month."""
    return {name: frame for name, frame in made.items() if name != "drift"}


@THOROUGH
@given(MONTHS)
def test_no_row_of_a_date_depends_on_another_date(month):
    answers = union(replies(), replies(*month))
    together = by_date(tables(answers))
    for day in DAYS:
        alone = by_date(tables(answers.filter(pl.col("requested_on") == day)))
        same({name: frame.filter(pl.col("listed_on") == day) for name, frame in together.items()}, alone)


@THOROUGH
@given(MONTHS)
def test_what_every_month_promises(month):
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


def test_answers_of_two_months_make_what_each_makes():
    first, second = capture([entry()], day=date(2025, 11, 30)), capture([entry()], day=date(2025, 12, 1))
    both = hub.build(hub.read(replies(second, first)), NONE_REFUSED, NONE_ACCEPTED)
    for name, frame in both.items():
        parts = [hub.build(hub.read(replies(one)), NONE_REFUSED, NONE_ACCEPTED)[name] for one in (first, second)]
        assert frame.equals(pl.concat(parts)), name


def test_an_answer_that_was_also_imported_is_one_answer_in_either_order():
    asked = capture([entry(f"2511.{number:05}") for number in range(1, 51)], limit=100)
    imported = [answer | UNTOLD for answer in asked]
    same(tables(replies(asked, imported)), tables(replies(imported, asked)))
