"""Lines of the public snapshot: filed by the month of their paper, and read into the rows that records become."""

import json
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.arxiv_invented import lines as invented
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_papers import TOLD
from schemas.arxiv_rejects import ARXIV_REJECTS
from tests.arxiv_answers import GONE, THOROUGH, day
from transforms.arxiv import snapshot_lines as arxiv_lines
from transforms.arxiv.snapshot_lines import LinesRead, filed, newest_update, read_lines

IMPORTED_AT = datetime(2026, 11, 25, 3, 15, tzinfo=UTC)
FULL = {
    "id": "0704.0002",
    "submitter": "Ada Birch",
    "authors": "Ada Birch, Jr. (Wood) and B. Elm",
    "title": "On Erd\\H{o}s\n  trees",
    "comments": "3 pages",
    "journal-ref": "J. Trees 1",
    "doi": "10.1000/1 10.1000/2",
    "report-no": "TR-1",
    "categories": "math.CO cs.CG",
    "license": "http://creativecommons.org/licenses/by/4.0/",
    "abstract": "  Two\nlines.\n",
    "versions": [
        {"version": "v1", "created": "Sat, 31 Mar 2007 02:26:18 GMT"},
        {"version": "v2", "created": "Mon, 1 Dec 2008 17:26:00 GMT"},
    ],
    "update_date": "2008-12-13",
    "authors_parsed": [["Birch,", "Ada", "Jr.", "Wood", "Hill"], ["Elm", "B.", ""]],
}
GOLDEN = {
    "paper_id": "0704.0002",
    "filed_on": day("2007-04-01"),
    "title": "On Erdős trees",
    "abstract": "Two lines.",
    "authors": [
        {"keyname": "Birch", "forenames": "Ada", "suffix": "Jr.", "affiliations": ["Wood", "Hill"]},
        {"keyname": "Elm", "forenames": "B.", "suffix": None, "affiliations": []},
    ],
    "author_count": 2,
    "primary_category": "math.CO",
    "categories": ["math.CO", "cs.CG"],
    "created_on": day("2007-03-31"),
    "updated_on": day("2008-12-01"),
    "license_url": "http://creativecommons.org/licenses/by/4.0/",
    "comments": "3 pages",
    "journal_ref": "J. Trees 1",
    "report_number": "TR-1",
    "dois": ["10.1000/1", "10.1000/2"],
    "msc_class": None,
    "acm_class": None,
    "is_withdrawn": False,
    "withdrawn_by": None,
    "datestamp": day("2008-12-13"),
    "is_deleted": False,
    "imported_at": IMPORTED_AT,
}


def line(**changes: Any) -> bytes:
    """A readable line; a change names a member, with `journal_ref` for `journal-ref`; GONE takes it away."""
    named = {name.replace("_", "-") if name in ("journal_ref", "report_no") else name: v for name, v in changes.items()}
    held = {name: value for name, value in {**FULL, **named}.items() if value is not GONE}
    return json.dumps(held, separators=(",", ":")).encode()


def kept(*lines: bytes) -> pl.DataFrame:
    """Lines as rows of `arxiv_lines`."""
    return filed(list(lines), IMPORTED_AT.date()).with_columns(imported_at=pl.lit(IMPORTED_AT).dt.cast_time_unit("us"))


def reading(*lines: bytes) -> LinesRead:
    return read_lines(kept(*lines))


def row(**changes: Any) -> dict[str, Any]:
    return reading(line(**changes)).rows.row(0, named=True)


def faults(*lines: bytes) -> list[tuple[Any, ...]]:
    return sorted(reading(*lines).rejects.select("field", "reason", "is_row_kept").rows())


def test_a_line_becomes_its_golden_row():
    found = reading(line())
    assert found.rows.row(0, named=True) == GOLDEN
    assert found.rejects.is_empty()


def test_rows_have_the_columns_of_papers_and_rejects_are_rejects():
    wanted = ["paper_id", "filed_on", *(one.name for one in TOLD), "datestamp", "is_deleted", "imported_at"]
    for found in (reading(line()), reading(), reading(b"no")):
        assert found.rows.columns == wanted
        assert found.rows.schema == reading(line()).rows.schema
        assert found.rejects.schema == pl.Schema(ARXIV_REJECTS.arrow())


@pytest.mark.parametrize("nothing", [GONE, None, ""])
def test_what_is_absent_null_or_empty_is_null_and_no_fault(nothing):
    members = (
        "title",
        "comments",
        "journal_ref",
        "doi",
        "report_no",
        "categories",
        "license",
        "abstract",
        "update_date",
    )
    found = reading(*(line(**{name: nothing}) for name in members))
    columns = ("title", "comments", "journal_ref", "dois", "report_number", "categories", "license_url", "abstract")
    for number, column in enumerate((*columns, "datestamp")):
        assert found.rows[column][number] is None, column
    assert found.rejects.is_empty()


@pytest.mark.parametrize("nothing", [GONE, None, []])
def test_lists_may_be_absent_null_or_empty(nothing):
    found = reading(line(versions=nothing, authors_parsed=nothing))
    held = found.rows.row(0, named=True)
    assert [held[name] for name in ("created_on", "updated_on", "authors", "author_count")] == [None] * 4
    assert found.rejects.is_empty()


def test_a_single_version_is_no_update():
    assert row(versions=FULL["versions"][:1])["updated_on"] is None


@pytest.mark.parametrize(
    "written", ["Mon, 2 Apr 2007 23:59:59 GMT", "Mon, 02 Apr 2007 00:00:00 GMT", "2 Apr 2007 01:00 GMT"]
)
def test_dates_of_versions_are_padded_or_not(written):
    assert row(versions=[{"created": written}])["created_on"] == day("2007-04-02")


def test_dates_that_cannot_be_are_null_and_recorded_by_where_they_stand():
    bad = [{"created": "Mon, 32 Apr 2007"}, {"created": "then"}]
    held = line(versions=bad, update_date="2007-02-30")
    assert [reading(held).rows[name].item() for name in ("created_on", "updated_on", "datestamp")] == [None] * 3
    assert faults(held) == [(path, "date_impossible", True) for path in ("update_date", "versions[-1]", "versions[0]")]


def test_names_come_in_three_parts_or_fewer_and_places_after_them():
    people = [["Elm"], ["Fir", "C."], ["Oak", "D.", "III"], ["Yew", "E.", "", "Hill", "Wood"], ["Ash", "F.", "", ""]]
    held = row(authors_parsed=people)["authors"]
    assert [(one["keyname"], one["forenames"], one["suffix"], one["affiliations"]) for one in held] == [
        ("Elm", None, None, []),
        ("Fir", "C.", None, []),
        ("Oak", "D.", "III", []),
        ("Yew", "E.", None, ["Hill", "Wood"]),
        ("Ash", "F.", None, []),
    ]


def test_an_author_without_a_name_is_left_out_and_recorded():
    held = line(authors_parsed=[["Elm", "B.", ""], ["", "", ""], []])
    assert reading(held).rows["author_count"].to_list() == [1]
    assert faults(held) == [
        ("authors_parsed[2]", "name_missing", True),
        ("authors_parsed[3]", "name_missing", True),
    ]


WRONG = {
    "title": (5, True, ["a"], {"a": 1}, 7.5),
    "abstract": (5, False, [], {}),
    "comments": (12,),
    "journal-ref": (1999,),
    "doi": (10.1234, ["10.1000/1"]),
    "report-no": (7,),
    "categories": (["hep-th"],),
    "license": (0,),
    "update_date": (20081213,),
    "versions": ("v1", {"created": "x"}, [3], [None], [{"created": 5}]),
    "authors_parsed": (
        "A. Birch",
        {"a": []},
        ["Birch"],
        [["Birch", 5]],
        [["Birch", "A."], None],
        [[["Birch"]]],
        [["Birch", "A.", "", 5]],
    ),
}
COLUMNS = {
    "journal-ref": "journal_ref",
    "doi": "dois",
    "report-no": "report_number",
    "license": "license_url",
    "update_date": "datestamp",
    "versions": "created_on",
    "authors_parsed": "authors",
}


@pytest.mark.parametrize(("member", "value"), [(member, value) for member, values in WRONG.items() for value in values])
def test_nothing_of_another_type_is_coerced(member, value):
    found = reading(line(), line(id="0704.0003", **{member: value}))
    assert found.rows[COLUMNS.get(member, member)][1] is None
    assert found.rejects.select("paper_id", "field", "reason", "is_row_kept").rows() == [
        ("0704.0003", member, "wrong_type", True)
    ]


@pytest.mark.parametrize("text", ["2001", "-1.5e3", "true", "[sic]", "{\\bf Trees}", "0", "nan"])
def test_text_that_looks_like_something_else_is_text(text):
    assert row(title=text, comments=text)["title"] == text
    assert row(authors_parsed=[[text, "A."]])["authors"][0]["keyname"] == text
    assert faults(line(title=text, comments=text, authors_parsed=[[text, "A.", "", text]])) == []


REFUSED = {
    "no JSON": (b'{"id": "0704.0002"', "not_an_object"),
    "words": (b"hello", "not_an_object"),
    "a list": (b'["0704.0002"]', "not_an_object"),
    "null": (b"null", "not_an_object"),
    "a number": (b"704.0002", "not_an_object"),
    "no UTF-8": (b'{"id":"0704.0002","title":"\xff"}', "not_an_object"),
    "no identifier": (line(id=GONE), "id_missing"),
    "an empty identifier": (line(id=""), "id_missing"),
    "a null identifier": (line(id=None), "id_missing"),
    "an identifier that is a number": (line(id=1704.0002), "id_invalid"),
    "an identifier with a version": (line(id="0704.0002v1"), "id_invalid"),
    "an identifier of no month": (line(id="0713.0002"), "id_invalid"),
}


@pytest.mark.parametrize(("refused", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_line_that_can_be_no_row_is_refused_and_costs_the_others_nothing(refused, reason):
    found = reading(line(), refused, line(id="0704.0003"))
    assert found.rows["paper_id"].to_list() == ["0704.0002", "0704.0003"]
    (rejected,) = found.rejects.rows(named=True)
    assert (rejected["field"], rejected["reason"], rejected["is_row_kept"]) == ("$", reason, False)
    assert (rejected["captured_at"], rejected["captured_on"]) == (IMPORTED_AT, IMPORTED_AT.date())
    assert rejected["entry"] == (None if b"\xff" in refused else refused.decode())


def test_a_reject_is_known_by_the_hash_of_its_line():
    assert reading(b"hello").rejects["body_sha256"].to_list() == [sha256(b"hello").hexdigest()]


def test_escapes_that_only_json_has_are_read_as_they_are_meant():
    controls = {
        "a\u0000b": "ab",
        "a\u0007b": "ab",
        "a\u001fb": "ab",
        "a\bb": "ab",
        "a\fb": "a b",
        "a\tb": "a b",
        "\x7f": None,
    }
    assert {title: row(title=title)["title"] for title in controls} == controls
    assert (
        reading(line(title="X").replace(b'"X"', b'"caf\\u00e9 \\ud83c\\udf31 \\ud800"')).rows["title"].item()
        == "café 🌱"
    )
    assert row(title="\\u0001 stays")["title"] == "\\u0001 stays"


def test_blanks_between_members_change_nothing():
    spaced = json.dumps(FULL, separators=(" , ", " : ")).encode()
    assert reading(spaced).rows.equals(reading(line()).rows)
    assert reading(spaced).rejects.is_empty()


def test_lines_are_read_in_their_order_whatever_the_size_of_a_batch(monkeypatch):
    lines = [*invented(40), b"no", line(title=5)]
    whole = reading(*lines)
    monkeypatch.setattr(arxiv_lines, "MOST_LINES", 7)
    parts = reading(*lines)
    assert whole.rows.equals(parts.rows)
    assert whole.rejects.equals(parts.rejects)


def test_what_the_bench_invents_is_read_without_a_fault():
    found = reading(*invented(300))
    assert (found.rows.height, found.rejects.height) == (300, 0)
    assert found.rows["filed_on"].n_unique() == 150


# Filing.


def test_a_line_is_filed_by_its_paper_s_month_verbatim():
    lines = [line(id="2511.00001"), line(id="hep-th/9901001"), line(id="0704.0001").replace(b'":', b'" : ')]
    found = filed(lines)
    assert found.columns == ["filed_on", "paper_id", "line"]
    assert found["paper_id"].to_list() == ["2511.00001", "hep-th/9901001", "0704.0001"]
    assert found["filed_on"].to_list() == [day("2025-11-01"), day("1999-01-01"), day("2007-04-01")]
    assert found["line"].to_list() == lines
    assert {one.name: one.type for one in ARXIV_LINES.columns}.keys() == {*found.columns, "imported_at"}


def test_an_identifier_is_found_wherever_it_stands_and_however_it_is_written():
    later = json.dumps({"title": "x" * 100, "id": "2511.00001"}).encode()
    escaped = b'{"id":"hep-th\\/9901001"}'
    accented = '{"submitter":"é","id":"2511.00002"}'.encode()
    assert filed([later, escaped, accented])["paper_id"].to_list() == ["2511.00001", "hep-th/9901001", "2511.00002"]


def test_a_line_that_is_cut_within_a_letter_by_the_quick_look_is_still_filed():
    for width in range(20, 60):
        held = f'{{"id":"2511.00001","submitter":"{"a" * width}é"}}'.encode()
        assert filed([held])["paper_id"].to_list() == ["2511.00001"]


@pytest.mark.parametrize(
    "unreadable", [b"hello", b'{"id":5}', b'{"id":"2513.00001"}', b"\xff", b'{"id":"a', b'{"x":1}']
)
def test_a_line_without_a_readable_id_is_filed_by_its_import(unreadable):
    assert filed([unreadable], date(2026, 11, 25)).rows() == [(date(2026, 11, 1), None, unreadable)]
    assert filed([unreadable]).rows() == [(None, None, unreadable)]


def test_empty_lines_are_no_lines():
    assert filed([b"", line(), b""])["line"].to_list() == [line()]
    assert filed([]).is_empty()


@settings(THOROUGH, max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from([*FULL, "other"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-5, 99_999),
            st.text(max_size=6),
            st.sampled_from(["0704.0001", "hep-th/9901001", "10.1000/1", "2008-12-13"]),
            st.lists(
                st.one_of(st.text(max_size=3), st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=4)),
                max_size=3,
            ),
        ),
    )
)
def test_whatever_a_line_holds_it_is_a_row_or_a_reject_and_filed_as_it_is_read(held):
    raw = json.dumps(held).encode()
    found, placed = reading(raw), filed([raw])
    refused = found.rejects.filter(~pl.col("is_row_kept"))
    assert found.rows.height + refused.height == 1
    assert placed["paper_id"].to_list() == (found.rows["paper_id"].to_list() or [None])
    for name, column in {"title": "title", "comments": "comments", "categories": "primary_category"}.items():
        if found.rows.height and not isinstance(held.get(name), str):
            assert found.rows[column].item() is None


def test_the_newest_update_is_that_of_any_line_that_tells_one():
    lines = [b'{"update_date": "2026-10-30"}', b'{"update_date":"2008-01-02"}', b"{", b'{"update_date": "soon"}']
    assert newest_update(pl.Series("line", lines, dtype=pl.Binary)) == date(2026, 10, 30)
    assert newest_update(pl.Series("line", [b"{"], dtype=pl.Binary)) is None
