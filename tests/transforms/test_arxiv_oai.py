"""Many arXiv answers parsed together: a pure function of the set of answers."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_rejects import ARXIV_REJECTS
from tests.arxiv_answers import (
    ABSENT,
    AT,
    PROPERTY_SETTINGS,
    author,
    day,
    header,
    read_records,
    record,
    replies,
    xml_page,
)
from tests.cases import cases
from transforms.arxiv import oai_replies as arxiv_oai
from transforms.arxiv.oai_replies import ParsedOaiReplies, parse_replies


def test_positions_are_counted_in_each_answer_and_rows_sorted_by_paper():
    result = parse_replies(
        replies(xml_page(record("2511.00003"), record("2501.00001")), xml_page(record("2511.00001")))
    )
    assert result.records.select("paper_id", "captured_at", "position").rows() == [
        ("2501.00001", AT, 2),
        ("2511.00001", AT + timedelta(seconds=3), 1),
        ("2511.00003", AT, 1),
    ]


def test_headers_come_from_lists_of_records_and_of_identifiers():
    listed = xml_page(
        header("2511.00007"), header("bad"), header("2511.00008", status="deleted"), verb="ListIdentifiers"
    )
    result = parse_replies(replies(xml_page(record("2511.00001"), record("2511.00002", deleted=True)), listed))
    assert result.headers.select("paper_id", "is_deleted").rows() == [
        ("2511.00001", False),
        ("2511.00002", True),
        ("2511.00007", False),
        ("2511.00008", True),
    ]
    assert result.headers["captured_at"].to_list() == [AT, AT, AT + timedelta(seconds=3), AT + timedelta(seconds=3)]


def test_a_refused_record_with_an_id_has_a_header():
    assert read_records(f"<record>{header()}</record>").headers["paper_id"].to_list() == ["2511.00010"]


def test_pages_are_in_the_order_of_capture():
    result = parse_replies(
        replies(xml_page(record(), token="a|1"), xml_page(record(), token=""), b"", xml_page(verb="Identify"))
    )
    assert result.pages.select("kind", "record_count", "resumption_token", "fault").rows() == [
        ("records", 1, "a|1", None),
        ("records", 1, "", None),
        ("fault", 0, None, "empty"),
        ("about", 0, None, None),
    ]


def same(some: ParsedOaiReplies, others: ParsedOaiReplies) -> None:
    for name in ("records", "rejects", "pages", "headers"):
        assert getattr(some, name).equals(getattr(others, name)), name


RECORDS = st.sampled_from(
    [
        record("2511.00001"),
        record("2511.00001", "2025-12-24", title="Again", authors=ABSENT),
        record("2511.00002", deleted=True),
        record("2511.00003", created=b"never</created><created>then", doi="none"),
        record("2511.00004", authors=author("") + author("Elm", "B.", ABSENT, "Hill"), title=b"a</title><title>b"),
        record("2513.00001"),
        record("2511.00005", id="2511.00006"),
        f"<record>{header('2511.00007')}</record>",
        "<record/>",
    ]
)
BODIES = st.one_of(
    st.builds(lambda records: xml_page(*records), st.lists(RECORDS, max_size=4)),
    st.builds(lambda records: xml_page(*records)[:-20], st.lists(RECORDS, max_size=2)),
    st.just(xml_page(header("2511.00009"), verb="ListIdentifiers")),
)
ANSWERS = st.lists(BODIES, min_size=1, max_size=5).map(lambda bodies: replies(*bodies))


@pytest.mark.long
@settings(PROPERTY_SETTINGS, max_examples=cases(25))
@given(ANSWERS, st.randoms(use_true_random=False), st.integers(1, 3))
def test_order_repetition_and_size_of_batches_do_not_matter(answers, random, pages_at_a_time):
    rows = [*range(answers.height)] * 2
    random.shuffle(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arxiv_oai, "MAX_BATCH_PAGES", pages_at_a_time)
        shuffled = parse_replies(answers[rows])
    same(parse_replies(answers), shuffled)


@settings(PROPERTY_SETTINGS, max_examples=cases(25))
@given(ANSWERS)
def test_every_record_is_either_a_row_or_a_reject(answers):
    result = parse_replies(answers)
    counted = result.pages.filter(pl.col("kind") == "records")["record_count"].sum()
    place = ["captured_at", "body_sha256", "position"]
    refused = result.rejects.filter(~pl.col("is_row_kept"), pl.col("position") > 0)
    assert result.records.height + refused.height == counted
    assert result.records.join(refused, on=place, how="semi").is_empty()
    assert not result.rejects.select(ARXIV_REJECTS.key).is_duplicated().any()
    assert not result.records.select(ARXIV_RECORDS.key).is_duplicated().any()


def test_a_batch_is_limited_in_bytes(monkeypatch):
    answers = replies(*(xml_page(record(f"2511.{number:05}")) for number in range(5)))
    whole = parse_replies(answers)
    for bodies, heights in {1: [1] * 5, 2.5: [2, 2, 1], 5: [5]}.items():
        monkeypatch.setattr(arxiv_oai, "MAX_BATCH_BYTES", bodies * len(answers["body"][0]))
        assert [batch.height for batch in arxiv_oai._batches(answers)] == heights
        same(whole, parse_replies(answers))


def test_an_answer_captured_before_midnight_has_that_date():
    result = parse_replies(replies(xml_page(record()), at=datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)))
    assert result.records["captured_on"].to_list() == [day("2026-11-30")]
