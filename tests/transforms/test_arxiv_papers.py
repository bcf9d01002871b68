"""Merging records and lines into papers: the newest wins, in any order and with any repetition."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arxiv_papers import ARXIV_PAPERS, PAPER_COLUMNS
from tests.arxiv_answers import AT, PROPERTY_SETTINGS, day, record, replies, xml_page
from tests.cases import cases
from tests.transforms.test_arxiv_lines import line as written
from tests.transforms.test_arxiv_lines import rows_of_lines
from transforms.arxiv.oai_replies import parse_replies
from transforms.arxiv.papers import merge_papers, merge_records
from transforms.arxiv.snapshot_lines import read_lines

ID = "2511.00010"
EARLIER, LATER = AT - timedelta(days=1), AT + timedelta(days=1)
NO_LINES = read_lines(rows_of_lines()).rows
NO_RECORDS = parse_replies(replies()).records


def answers(*records: str, at: datetime = AT) -> pl.DataFrame:
    """The rows of one answer with these records."""
    return parse_replies(replies(xml_page(*records), at=at)).records


def lines(*records: bytes) -> pl.DataFrame:
    return read_lines(rows_of_lines(*records)).rows


def line(title: str, updated: str, paper_id: str = ID) -> bytes:
    return written(id=paper_id, title=title, update_date=updated)


def paper(*records: pl.DataFrame, of_lines: pl.DataFrame = NO_LINES) -> dict[str, Any]:
    """The single paper in these records and lines."""
    papers = merge_records(pl.concat([NO_RECORDS, *records]), of_lines)
    assert papers.height == 1
    return papers.row(0, named=True)


def test_papers_have_exactly_the_declared_columns_and_one_row_each():
    papers = merge_records(
        answers(record("2511.00002"), record("2511.00001")), lines(line("Elm", "2020-01-01", "0704.0001"))
    )
    assert papers.schema == pl.Schema(ARXIV_PAPERS.arrow())
    assert papers["paper_id"].to_list() == ["0704.0001", "2511.00001", "2511.00002"]
    assert merge_records(NO_RECORDS, NO_LINES).schema == papers.schema


def test_a_single_record_gives_its_own_values():
    records = answers(record(title="Oak"))
    row = paper(records)
    assert {name: row[name] for name in (declared.name for declared in PAPER_COLUMNS)} == records.select(
        declared.name for declared in PAPER_COLUMNS
    ).row(0, named=True)
    assert (row["datestamp"], row["told_datestamp"]) == (day("2025-11-05"), day("2025-11-05"))
    assert (row["seen_at"], row["seen_in"], row["seen_position"]) == (AT, records["body_sha256"][0], 1)
    assert (row["told_at"], row["told_in"], row["told_position"]) == (AT, records["body_sha256"][0], 1)
    assert (row["is_deleted"], row["is_from_bulk"]) == (False, False)


def test_the_newest_datestamp_wins_even_if_captured_earlier():
    newer, older = (
        answers(record(ID, "2025-12-02", title="New")),
        answers(record(ID, "2025-12-01", title="Old"), at=LATER),
    )
    row = paper(newer, older)
    assert (row["title"], row["datestamp"], row["seen_at"]) == ("New", day("2025-12-02"), AT)


def test_with_equal_datestamps_the_later_capture_wins():
    first, then = answers(record(title="First")), answers(record(title="Then"), at=LATER)
    assert paper(first, then)["title"] == "Then"


def test_within_one_answer_the_later_position_wins():
    row = paper(answers(record(title="First"), record("2511.00011"), record(title="Third")).filter(paper_id=ID))
    assert (row["title"], row["seen_position"], row["told_position"]) == ("Third", 3, 3)


def test_with_equal_capture_times_the_higher_hash_wins():
    both = [answers(record(title=title)) for title in ("One", "Two")]
    higher = max(both, key=lambda rows: rows["body_sha256"][0])
    assert paper(*both)["title"] == higher["title"][0]


def test_an_answer_wins_over_a_line_of_the_same_datestamp_only():
    records = answers(record(ID, "2025-12-01", title="Answer"), at=EARLIER)
    assert paper(records, of_lines=lines(line("Line", "2025-12-01")))["title"] == "Answer"
    row = paper(records, of_lines=lines(line("Line", "2025-12-02")))
    assert (row["title"], row["is_from_bulk"], row["datestamp"]) == ("Line", True, day("2025-12-02"))
    assert (row["seen_in"], row["seen_position"], row["told_in"], row["told_position"]) == (None, None, None, None)
    assert row["seen_at"] == row["told_at"] == datetime(2026, 11, 25, 3, 15, tzinfo=UTC)


def test_two_lines_with_one_date_give_the_same_row_in_any_order():
    both = [line("One", "2025-12-01"), line("Two", "2025-12-01")]
    assert merge_records(NO_RECORDS, lines(*both)).equals(merge_records(NO_RECORDS, lines(*reversed(both))))


def test_a_record_without_a_datestamp_is_the_oldest():
    undated, dated = answers(record(ID, "never", title="Undated"), at=LATER), answers(record(title="Dated"))
    assert paper(undated, dated)["title"] == "Dated"
    assert paper(undated)["title"] == "Undated"


def test_a_deletion_keeps_the_last_values():
    records, deletion = answers(record(title="Oak")), answers(record(ID, "2025-12-01", deleted=True), at=LATER)
    row = paper(records, deletion)
    assert (row["is_deleted"], row["title"], row["is_withdrawn"]) == (True, "Oak", False)
    assert (row["datestamp"], row["seen_at"]) == (day("2025-12-01"), LATER)
    assert (row["told_datestamp"], row["told_at"]) == (day("2025-11-05"), AT)


def test_a_record_after_a_deletion_restores_the_paper():
    deletion, records = answers(record(ID, "2025-12-01", deleted=True)), answers(record(ID, "2025-12-02", title="Back"))
    row = paper(deletion, records)
    assert (row["is_deleted"], row["title"], row["datestamp"]) == (False, "Back", day("2025-12-02"))


def test_a_paper_with_only_deletions_has_no_values():
    row = paper(answers(record(ID, "2025-12-01", deleted=True)))
    assert {row[declared.name] for declared in PAPER_COLUMNS} == {None}
    assert [row[name] for name in ("told_datestamp", "told_at", "told_in", "told_position")] == [None] * 4
    assert (row["is_deleted"], row["is_from_bulk"], row["datestamp"]) == (True, False, day("2025-12-01"))


def test_values_of_two_records_are_not_mixed():
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
).map(lambda records: pl.concat([NO_RECORDS, *records]))
LINES = st.lists(st.builds(line, TITLES, DATES, IDS), max_size=4).map(lambda records: lines(*records))
PROPERTY = settings(PROPERTY_SETTINGS, max_examples=cases(25))


@pytest.mark.long
@PROPERTY
@given(REPLIES, LINES, st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(records, line_rows, random):
    def shuffled(rows: pl.DataFrame) -> pl.DataFrame:
        places = [*range(rows.height)] * 2
        random.shuffle(places)
        return rows[places]

    assert merge_records(shuffled(records), shuffled(line_rows)).equals(merge_records(records, line_rows))


@pytest.mark.long
@PROPERTY
@given(REPLIES, LINES, st.randoms(use_true_random=False))
def test_merging_merged_parts_equals_merging_all_records(records, line_rows, random):
    def parted(rows: pl.DataFrame) -> list[pl.DataFrame]:
        kinds = pl.Series([random.randrange(3) for _ in range(rows.height)], dtype=pl.Int64)
        # Rows of the third kind are in both parts: a repeated row must not matter.
        return [rows.filter(kinds != 0), rows.filter(kinds != 1)]

    (some, others), (some_lines, other_lines) = parted(records), parted(line_rows)
    whole = merge_records(records, line_rows)
    first, second = merge_records(some, some_lines), merge_records(others, other_lines)
    assert merge_papers(first, second).equals(whole)
    assert merge_papers(second, first).equals(whole)
    assert merge_papers(whole, first).equals(whole)


@pytest.mark.long
@PROPERTY
@given(REPLIES, LINES)
def test_merged_papers_match_a_plain_python_model(records, line_rows):
    by_paper: dict[str, list[tuple[Any, ...]]] = {}
    for row in records.rows(named=True):
        order = (str(row["datestamp"] or ""), 1, row["captured_at"], row["body_sha256"], row["position"])
        by_paper.setdefault(row["paper_id"], []).append((order, row))
    for row in line_rows.rows(named=True):
        by_paper.setdefault(row["paper_id"], []).append(((str(row["datestamp"] or ""), 0, row["imported_at"]), row))
    papers = {row["paper_id"]: row for row in merge_records(records, line_rows).rows(named=True)}
    assert papers.keys() == by_paper.keys()
    for paper_id, group in by_paper.items():
        newest = max(order for order, _ in group)
        assert papers[paper_id]["is_deleted"] in {row["is_deleted"] for order, row in group if order == newest}
        living = [(order, row) for order, row in group if not row["is_deleted"]]
        last = max((order for order, _ in living), default=None)
        titles = {row["title"] for order, row in living if order == last} or {None}
        assert papers[paper_id]["title"] in titles


@pytest.mark.parametrize("column", ["seen_at", "told_at"])
def test_every_paper_references_its_source_records(column):
    records = pl.concat(
        [answers(record(title="Oak"), record("2511.00011")), answers(record(ID, "2025-12-01", deleted=True), at=LATER)]
    )
    half = column.split("_")[0]
    place = {f"{half}_at": "captured_at", f"{half}_in": "body_sha256", f"{half}_position": "position"}
    sources = merge_records(records, NO_LINES).select("paper_id", *place).rename(place)
    assert sources.join(records, on=["paper_id", *place.values()], how="semi").height == 2
