"""Many answers of arXiv's, read together: a pure function of them, however they come."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_rejects import ARXIV_REJECTS
from tests.arxiv_answers import AT, GONE, THOROUGH, author, day, header, page, reading, record, replies
from transforms.arxiv import oai_replies as arxiv_oai
from transforms.arxiv.oai_replies import Reading, read


def test_positions_are_counted_in_each_answer_and_rows_sorted_by_paper():
    found = read(replies(page(record("2511.00003"), record("2501.00001")), page(record("2511.00001"))))
    assert found.records.select("paper_id", "captured_at", "position").rows() == [
        ("2501.00001", AT, 2),
        ("2511.00001", AT + timedelta(seconds=3), 1),
        ("2511.00003", AT, 1),
    ]


def test_headers_are_told_of_lists_of_records_and_of_identifiers_alike():
    listed = page(header("2511.00007"), header("bad"), header("2511.00008", status="deleted"), verb="ListIdentifiers")
    found = read(replies(page(record("2511.00001"), record("2511.00002", deleted=True)), listed))
    assert found.headers.select("paper_id", "is_deleted").rows() == [
        ("2511.00001", False),
        ("2511.00002", True),
        ("2511.00007", False),
        ("2511.00008", True),
    ]
    assert found.headers["captured_at"].to_list() == [AT, AT, AT + timedelta(seconds=3), AT + timedelta(seconds=3)]


def test_a_refused_record_with_an_id_is_a_header_all_the_same():
    assert reading(f"<record>{header()}</record>").headers["paper_id"].to_list() == ["2511.00010"]


def test_the_facts_of_each_answer_are_told_in_the_order_of_capture():
    found = read(replies(page(record(), token="a|1"), page(record(), token=""), b"", page(verb="Identify")))
    assert found.pages.select("kind", "record_count", "resumption_token", "fault").rows() == [
        ("records", 1, "a|1", None),
        ("records", 1, "", None),
        ("fault", 0, None, "empty"),
        ("about", 0, None, None),
    ]


def same(some: Reading, others: Reading) -> None:
    for name in ("records", "rejects", "pages", "headers"):
        assert getattr(some, name).equals(getattr(others, name)), name


RECORDS = st.sampled_from(
    [
        record("2511.00001"),
        record("2511.00001", "2025-12-24", title="Again", authors=GONE),
        record("2511.00002", deleted=True),
        record("2511.00003", created=b"never</created><created>then", doi="none"),
        record("2511.00004", authors=author("") + author("Elm", "B.", GONE, "Hill"), title=b"a</title><title>b"),
        record("2513.00001"),
        record("2511.00005", id="2511.00006"),
        f"<record>{header('2511.00007')}</record>",
        "<record/>",
    ]
)
BODIES = st.one_of(
    st.builds(lambda held: page(*held), st.lists(RECORDS, max_size=4)),
    st.builds(lambda held: page(*held)[:-20], st.lists(RECORDS, max_size=2)),
    st.just(page(header("2511.00009"), verb="ListIdentifiers")),
)
ANSWERS = st.lists(BODIES, min_size=1, max_size=5).map(lambda bodies: replies(*bodies))


@settings(THOROUGH, max_examples=60)
@given(ANSWERS, st.randoms(use_true_random=False), st.integers(1, 3))
def test_order_repetition_and_size_of_batches_do_not_matter(answers, random, pages_at_a_time):
    rows = [*range(answers.height)] * 2
    random.shuffle(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arxiv_oai, "MOST_PAGES", pages_at_a_time)
        shuffled = read(answers[rows])
    same(read(answers), shuffled)


@settings(THOROUGH, max_examples=60)
@given(ANSWERS)
def test_every_record_is_a_row_or_a_reject_and_never_both(answers):
    found = read(answers)
    counted = found.pages.filter(pl.col("kind") == "records")["record_count"].sum()
    place = ["captured_at", "body_sha256", "position"]
    refused = found.rejects.filter(~pl.col("is_row_kept"), pl.col("position") > 0)
    assert found.records.height + refused.height == counted
    assert found.records.join(refused, on=place, how="semi").is_empty()
    assert not found.rejects.select(ARXIV_REJECTS.key).is_duplicated().any()
    assert not found.records.select(ARXIV_RECORDS.key).is_duplicated().any()


def test_a_batch_is_no_larger_than_agreed_in_bytes_either(monkeypatch):
    answers = replies(*(page(record(f"2511.{number:05}")) for number in range(5)))
    whole = read(answers)
    for bodies, heights in {1: [1] * 5, 2.5: [2, 2, 1], 5: [5]}.items():
        monkeypatch.setattr(arxiv_oai, "MOST_BYTES", bodies * len(answers["body"][0]))
        assert [batch.height for batch in arxiv_oai._batches(answers)] == heights
        same(whole, read(answers))


def test_what_is_captured_at_midnight_is_of_its_own_date():
    found = read(replies(page(record()), at=datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)))
    assert found.records["captured_on"].to_list() == [day("2026-11-30")]
