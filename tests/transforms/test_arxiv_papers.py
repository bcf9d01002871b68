"""What is known of a paper: the newest of all that was told of it, in whatever order and however often it was told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arxiv_papers import ARXIV_PAPERS, TOLD
from tests.arxiv_answers import AT, THOROUGH, day, page, record, replies
from tests.transforms.test_arxiv_lines import kept
from tests.transforms.test_arxiv_lines import line as written
from transforms.arxiv.oai_replies import read
from transforms.arxiv.papers import joined, merged
from transforms.arxiv.snapshot_lines import read_lines

ID = "2511.00010"
EARLIER, LATER = AT - timedelta(days=1), AT + timedelta(days=1)
NO_LINES = read_lines(kept()).rows
NO_RECORDS = read(replies()).records


def answers(*records: str, at: datetime = AT) -> pl.DataFrame:
    """The rows of one answer with these records."""
    return read(replies(page(*records), at=at)).records


def lines(*told: bytes) -> pl.DataFrame:
    return read_lines(kept(*told)).rows


def line(title: str, updated: str, paper_id: str = ID) -> bytes:
    return written(id=paper_id, title=title, update_date=updated)


def paper(*records: pl.DataFrame, of_lines: pl.DataFrame = NO_LINES) -> dict[str, Any]:
    """The one paper that these make known."""
    papers = merged(pl.concat([NO_RECORDS, *records]), of_lines)
    assert papers.height == 1
    return papers.row(0, named=True)


def test_papers_have_exactly_the_declared_columns_and_one_row_each():
    papers = merged(answers(record("2511.00002"), record("2511.00001")), lines(line("Elm", "2020-01-01", "0704.0001")))
    assert papers.schema == pl.Schema(ARXIV_PAPERS.arrow())
    assert papers["paper_id"].to_list() == ["0704.0001", "2511.00001", "2511.00002"]
    assert merged(NO_RECORDS, NO_LINES).schema == papers.schema


def test_a_record_told_once_is_known_as_it_was_told():
    told = answers(record(title="Oak"))
    row = paper(told)
    assert {name: row[name] for name in (one.name for one in TOLD)} == told.select(one.name for one in TOLD).row(
        0, named=True
    )
    assert (row["datestamp"], row["told_datestamp"]) == (day("2025-11-05"), day("2025-11-05"))
    assert (row["seen_at"], row["seen_in"], row["seen_position"]) == (AT, told["body_sha256"][0], 1)
    assert (row["told_at"], row["told_in"], row["told_position"]) == (AT, told["body_sha256"][0], 1)
    assert (row["is_deleted"], row["is_from_bulk"]) == (False, False)


def test_the_newest_datestamp_wins_even_where_it_was_captured_earlier():
    newer, older = (
        answers(record(ID, "2025-12-02", title="New")),
        answers(record(ID, "2025-12-01", title="Old"), at=LATER),
    )
    row = paper(newer, older)
    assert (row["title"], row["datestamp"], row["seen_at"]) == ("New", day("2025-12-02"), AT)


def test_of_one_datestamp_the_later_capture_wins():
    first, then = answers(record(title="First")), answers(record(title="Then"), at=LATER)
    assert paper(first, then)["title"] == "Then"


def test_of_one_answer_the_later_place_wins():
    row = paper(answers(record(title="First"), record("2511.00011"), record(title="Third")).filter(paper_id=ID))
    assert (row["title"], row["seen_position"], row["told_position"]) == ("Third", 3, 3)


def test_of_one_instant_the_higher_hash_wins():
    both = [answers(record(title=title)) for title in ("One", "Two")]
    higher = max(both, key=lambda rows: rows["body_sha256"][0])
    assert paper(*both)["title"] == higher["title"][0]


def test_an_answer_comes_after_a_line_of_the_same_datestamp_and_not_after_a_newer_line():
    told = answers(record(ID, "2025-12-01", title="Answer"), at=EARLIER)
    assert paper(told, of_lines=lines(line("Line", "2025-12-01")))["title"] == "Answer"
    row = paper(told, of_lines=lines(line("Line", "2025-12-02")))
    assert (row["title"], row["is_from_bulk"], row["datestamp"]) == ("Line", True, day("2025-12-02"))
    assert (row["seen_in"], row["seen_position"], row["told_in"], row["told_position"]) == (None, None, None, None)
    assert row["seen_at"] == row["told_at"] == datetime(2026, 11, 25, 3, 15, tzinfo=UTC)


def test_of_two_lines_of_one_date_one_wins_whichever_comes_first():
    both = [line("One", "2025-12-01"), line("Two", "2025-12-01")]
    assert merged(NO_RECORDS, lines(*both)).equals(merged(NO_RECORDS, lines(*reversed(both))))


def test_a_record_without_a_date_is_older_than_any_other():
    undated, dated = answers(record(ID, "never", title="Undated"), at=LATER), answers(record(title="Dated"))
    assert paper(undated, dated)["title"] == "Dated"
    assert paper(undated)["title"] == "Undated"


def test_a_deletion_keeps_the_values_that_were_told_last():
    told, deletion = answers(record(title="Oak")), answers(record(ID, "2025-12-01", deleted=True), at=LATER)
    row = paper(told, deletion)
    assert (row["is_deleted"], row["title"], row["is_withdrawn"]) == (True, "Oak", False)
    assert (row["datestamp"], row["seen_at"]) == (day("2025-12-01"), LATER)
    assert (row["told_datestamp"], row["told_at"]) == (day("2025-11-05"), AT)


def test_a_paper_that_comes_back_after_a_deletion_is_not_deleted():
    deletion, told = answers(record(ID, "2025-12-01", deleted=True)), answers(record(ID, "2025-12-02", title="Back"))
    row = paper(deletion, told)
    assert (row["is_deleted"], row["title"], row["datestamp"]) == (False, "Back", day("2025-12-02"))


def test_of_a_paper_of_which_only_deletions_are_known_nothing_is_told():
    row = paper(answers(record(ID, "2025-12-01", deleted=True)))
    assert {row[one.name] for one in TOLD} == {None}
    assert [row[name] for name in ("told_datestamp", "told_at", "told_in", "told_position")] == [None] * 4
    assert (row["is_deleted"], row["is_from_bulk"], row["datestamp"]) == (True, False, day("2025-12-01"))


def test_values_are_never_mixed_of_two_records():
    full, bare = answers(record(comments="3 pages", doi="10.1000/1")), answers(record(ID, "2025-12-01"))
    row = paper(full, bare)
    assert (row["comments"], row["dois"]) == (None, None)


IDS = st.sampled_from(["2511.00001", "2511.00002", "hep-th/9901001"])
DATES = st.sampled_from(["2025-12-01", "2025-12-02", "never"])
TITLES = st.sampled_from(["Oak", "Elm"])
RECORDS = st.builds(
    lambda paper_id, date, title, deleted: record(paper_id, date, title=title, deleted=deleted),
    IDS,
    DATES,
    TITLES,
    st.booleans(),
)
REPLIES = st.lists(
    st.builds(
        lambda records, days: answers(*records, at=AT + timedelta(days=days)),
        st.lists(RECORDS, min_size=1, max_size=4),
        st.integers(-1, 1),
    ),
    max_size=4,
).map(lambda told: pl.concat([NO_RECORDS, *told]))
LINES = st.lists(st.builds(line, TITLES, DATES, IDS), max_size=4).map(lambda told: lines(*told))
PROPERTY = settings(THOROUGH, max_examples=60)


@PROPERTY
@given(REPLIES, LINES, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(records, told, random):
    def shuffled(rows: pl.DataFrame) -> pl.DataFrame:
        places = [*range(rows.height)] * 2
        random.shuffle(places)
        return rows[places]

    assert merged(shuffled(records), shuffled(told)).equals(merged(records, told))


@PROPERTY
@given(REPLIES, LINES, st.randoms(use_true_random=False))
def test_what_two_parts_make_known_is_joined_to_what_the_whole_does(records, told, random):
    def parted(rows: pl.DataFrame) -> list[pl.DataFrame]:
        kinds = pl.Series([random.randrange(3) for _ in range(rows.height)], dtype=pl.Int64)
        # The third kind is in both parts: what is known twice is known once.
        return [rows.filter(kinds != 0), rows.filter(kinds != 1)]

    (some, others), (some_lines, other_lines) = parted(records), parted(told)
    whole = merged(records, told)
    one, two = merged(some, some_lines), merged(others, other_lines)
    assert joined(one, two).equals(whole)
    assert joined(two, one).equals(whole)
    assert joined(whole, one).equals(whole)


@PROPERTY
@given(REPLIES, LINES)
def test_what_is_known_is_what_a_plain_reader_would_say(records, told):
    by_paper: dict[str, list[tuple[Any, ...]]] = {}
    for row in records.rows(named=True):
        order = (str(row["datestamp"] or ""), 1, row["captured_at"], row["body_sha256"], row["position"])
        by_paper.setdefault(row["paper_id"], []).append((order, row))
    for row in told.rows(named=True):
        by_paper.setdefault(row["paper_id"], []).append(((str(row["datestamp"] or ""), 0, row["imported_at"]), row))
    papers = {row["paper_id"]: row for row in merged(records, told).rows(named=True)}
    assert papers.keys() == by_paper.keys()
    for paper_id, held in by_paper.items():
        newest = max(order for order, _ in held)
        assert papers[paper_id]["is_deleted"] in {row["is_deleted"] for order, row in held if order == newest}
        living = [(order, row) for order, row in held if not row["is_deleted"]]
        last = max((order for order, _ in living), default=None)
        titles = {row["title"] for order, row in living if order == last} or {None}
        assert papers[paper_id]["title"] in titles


@pytest.mark.parametrize("column", ["seen_at", "told_at"])
def test_every_paper_leads_to_the_record_that_it_rests_on(column):
    told = pl.concat(
        [answers(record(title="Oak"), record("2511.00011")), answers(record(ID, "2025-12-01", deleted=True), at=LATER)]
    )
    half = column.split("_")[0]
    place = {f"{half}_at": "captured_at", f"{half}_in": "body_sha256", f"{half}_position": "position"}
    found = merged(told, NO_LINES).select("paper_id", *place).rename(place)
    assert found.join(told, on=["paper_id", *place.values()], how="semi").height == 2
