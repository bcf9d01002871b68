"""Lines of the public snapshot: filed by the month of their paper, and parsed into the same rows as records."""

import json
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.arxiv.generated_snapshot import lines as generated_lines
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_papers import PAPER_COLUMNS
from schemas.arxiv_rejects import ARXIV_REJECTS
from tests.arxiv_answers import ABSENT, PROPERTY_SETTINGS, day
from tests.cases import cases
from transforms.arxiv import snapshot_lines as arxiv_lines
from transforms.arxiv.snapshot_lines import SnapshotRows, file_lines, newest_update, read_lines

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
    """A readable line; a change names a member, with `journal_ref` for `journal-ref`; ABSENT removes it."""
    named = {name.replace("_", "-") if name in ("journal_ref", "report_no") else name: v for name, v in changes.items()}
    content = {name: value for name, value in {**FULL, **named}.items() if value is not ABSENT}
    return json.dumps(content, separators=(",", ":")).encode()


def rows_of_lines(*lines: bytes) -> pl.DataFrame:
    """Lines as rows of `arxiv_lines`."""
    return file_lines(list(lines), IMPORTED_AT.date()).with_columns(
        imported_at=pl.lit(IMPORTED_AT).dt.cast_time_unit("us")
    )


def parse(*lines: bytes) -> SnapshotRows:
    return read_lines(rows_of_lines(*lines))


def row(**changes: Any) -> dict[str, Any]:
    return parse(line(**changes)).rows.row(0, named=True)


def faults(*lines: bytes) -> list[tuple[Any, ...]]:
    return sorted(parse(*lines).rejects.select("field", "reason", "is_row_kept").rows())


def test_a_line_gives_its_golden_row():
    result = parse(line())
    assert result.rows.row(0, named=True) == GOLDEN
    assert result.rejects.is_empty()


def test_rows_have_the_columns_of_papers_and_rejects_are_rejects():
    expected_columns = [
        "paper_id",
        "filed_on",
        *(item.name for item in PAPER_COLUMNS),
        "datestamp",
        "is_deleted",
        "imported_at",
    ]
    for result in (parse(line()), parse(), parse(b"no")):
        assert result.rows.columns == expected_columns
        assert result.rows.schema == parse(line()).rows.schema
        assert result.rejects.schema == pl.Schema(ARXIV_REJECTS.arrow())


@pytest.mark.parametrize("nothing", [ABSENT, None, ""])
def test_absent_null_and_empty_members_are_null_without_a_fault(nothing):
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
    result = parse(*(line(**{name: nothing}) for name in members))
    columns = ("title", "comments", "journal_ref", "dois", "report_number", "categories", "license_url", "abstract")
    for number, column in enumerate((*columns, "datestamp")):
        assert result.rows[column][number] is None, column
    assert result.rejects.is_empty()


@pytest.mark.parametrize("nothing", [ABSENT, None, []])
def test_lists_may_be_absent_null_or_empty(nothing):
    result = parse(line(versions=nothing, authors_parsed=nothing))
    content = result.rows.row(0, named=True)
    assert [content[name] for name in ("created_on", "updated_on", "authors", "author_count")] == [None] * 4
    assert result.rejects.is_empty()


def test_a_single_version_has_no_update_date():
    assert row(versions=FULL["versions"][:1])["updated_on"] is None


@pytest.mark.parametrize(
    "written", ["Mon, 2 Apr 2007 23:59:59 GMT", "Mon, 02 Apr 2007 00:00:00 GMT", "2 Apr 2007 01:00 GMT"]
)
def test_dates_of_versions_are_padded_or_not(written):
    assert row(versions=[{"created": written}])["created_on"] == day("2007-04-02")


def test_impossible_dates_are_null_and_rejected_with_their_path():
    bad = [{"created": "Mon, 32 Apr 2007"}, {"created": "then"}]
    content = line(versions=bad, update_date="2007-02-30")
    assert [parse(content).rows[name].item() for name in ("created_on", "updated_on", "datestamp")] == [None] * 3
    assert faults(content) == [
        (path, "date_impossible", True) for path in ("update_date", "versions[-1]", "versions[0]")
    ]


def test_names_have_up_to_three_parts_followed_by_affiliations():
    people = [["Elm"], ["Fir", "C."], ["Oak", "D.", "III"], ["Yew", "E.", "", "Hill", "Wood"], ["Ash", "F.", "", ""]]
    content = row(authors_parsed=people)["authors"]
    assert [(item["keyname"], item["forenames"], item["suffix"], item["affiliations"]) for item in content] == [
        ("Elm", None, None, []),
        ("Fir", "C.", None, []),
        ("Oak", "D.", "III", []),
        ("Yew", "E.", None, ["Hill", "Wood"]),
        ("Ash", "F.", None, []),
    ]


def test_an_author_without_a_name_is_left_out_and_rejected():
    content = line(authors_parsed=[["Elm", "B.", ""], ["", "", ""], []])
    assert parse(content).rows["author_count"].to_list() == [1]
    assert faults(content) == [
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
def test_values_of_another_type_are_not_coerced(member, value):
    result = parse(line(), line(id="0704.0003", **{member: value}))
    assert result.rows[COLUMNS.get(member, member)][1] is None
    assert result.rejects.select("paper_id", "field", "reason", "is_row_kept").rows() == [
        ("0704.0003", member, "wrong_type", True)
    ]


@pytest.mark.parametrize("text", ["2001", "-1.5e3", "true", "[sic]", "{\\bf Trees}", "0", "nan"])
def test_text_that_resembles_another_type_is_text(text):
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
    "no identifier": (line(id=ABSENT), "id_missing"),
    "an empty identifier": (line(id=""), "id_missing"),
    "a null identifier": (line(id=None), "id_missing"),
    "an identifier that is a number": (line(id=1704.0002), "id_invalid"),
    "an identifier with a version": (line(id="0704.0002v1"), "id_invalid"),
    "an identifier of no month": (line(id="0713.0002"), "id_invalid"),
}


@pytest.mark.parametrize(("refused", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_an_invalid_line_is_refused_and_does_not_affect_others(refused, reason):
    result = parse(line(), refused, line(id="0704.0003"))
    assert result.rows["paper_id"].to_list() == ["0704.0002", "0704.0003"]
    (rejected,) = result.rejects.rows(named=True)
    assert (rejected["field"], rejected["reason"], rejected["is_row_kept"]) == ("$", reason, False)
    assert (rejected["captured_at"], rejected["captured_on"]) == (IMPORTED_AT, IMPORTED_AT.date())
    assert rejected["entry"] == (None if b"\xff" in refused else refused.decode())


def test_a_reject_has_the_hash_of_its_line():
    assert parse(b"hello").rejects["body_sha256"].to_list() == [sha256(b"hello").hexdigest()]


def test_json_escapes_are_decoded():
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
        parse(line(title="X").replace(b'"X"', b'"caf\\u00e9 \\ud83c\\udf31 \\ud800"')).rows["title"].item() == "café 🌱"
    )
    assert row(title="\\u0001 stays")["title"] == "\\u0001 stays"


def test_blanks_between_members_change_nothing():
    spaced = json.dumps(FULL, separators=(" , ", " : ")).encode()
    assert parse(spaced).rows.equals(parse(line()).rows)
    assert parse(spaced).rejects.is_empty()


def test_the_batch_size_does_not_change_the_rows(monkeypatch):
    lines = [*generated_lines(40), b"no", line(title=5)]
    whole = parse(*lines)
    monkeypatch.setattr(arxiv_lines, "MAX_BATCH_LINES", 7)
    parts = parse(*lines)
    assert whole.rows.equals(parts.rows)
    assert whole.rejects.equals(parts.rejects)


def test_generated_lines_of_the_benchmark_have_no_faults():
    result = parse(*generated_lines(300))
    assert (result.rows.height, result.rejects.height) == (300, 0)
    assert result.rows["filed_on"].n_unique() == 150


# The month of a line.


def test_a_line_is_filed_verbatim_by_the_month_of_its_paper():
    lines = [line(id="2511.00001"), line(id="hep-th/9901001"), line(id="0704.0001").replace(b'":', b'" : ')]
    result = file_lines(lines)
    assert result.columns == ["filed_on", "paper_id", "line"]
    assert result["paper_id"].to_list() == ["2511.00001", "hep-th/9901001", "0704.0001"]
    assert result["filed_on"].to_list() == [day("2025-11-01"), day("1999-01-01"), day("2007-04-01")]
    assert result["line"].to_list() == lines
    assert {item.name: item.type for item in ARXIV_LINES.columns}.keys() == {*result.columns, "imported_at"}


def test_an_identifier_is_found_at_any_place_and_with_escapes():
    later = json.dumps({"title": "x" * 100, "id": "2511.00001"}).encode()
    escaped = b'{"id":"hep-th\\/9901001"}'
    accented = '{"submitter":"é","id":"2511.00002"}'.encode()
    assert file_lines([later, escaped, accented])["paper_id"].to_list() == [
        "2511.00001",
        "hep-th/9901001",
        "2511.00002",
    ]


def test_a_line_is_filed_if_its_head_ends_within_a_character():
    for width in range(20, 60):
        content = f'{{"id":"2511.00001","submitter":"{"a" * width}é"}}'.encode()
        assert file_lines([content])["paper_id"].to_list() == ["2511.00001"]


@pytest.mark.parametrize(
    "unreadable", [b"hello", b'{"id":5}', b'{"id":"2513.00001"}', b"\xff", b'{"id":"a', b'{"x":1}']
)
def test_a_line_without_a_valid_id_is_filed_by_its_import(unreadable):
    assert file_lines([unreadable], date(2026, 11, 25)).rows() == [(date(2026, 11, 1), None, unreadable)]
    assert file_lines([unreadable]).rows() == [(None, None, unreadable)]


def test_empty_lines_are_skipped():
    assert file_lines([b"", line(), b""])["line"].to_list() == [line()]
    assert file_lines([]).is_empty()


@pytest.mark.long
@settings(PROPERTY_SETTINGS, max_examples=cases(80))
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
def test_any_line_is_either_a_row_or_a_reject(content):
    raw = json.dumps(content).encode()
    result, by_month = parse(raw), file_lines([raw])
    refused = result.rejects.filter(~pl.col("is_row_kept"))
    assert result.rows.height + refused.height == 1
    assert by_month["paper_id"].to_list() == (result.rows["paper_id"].to_list() or [None])
    for name, column in {"title": "title", "comments": "comments", "categories": "primary_category"}.items():
        if result.rows.height and not isinstance(content.get(name), str):
            assert result.rows[column].item() is None


def test_the_newest_update_is_the_maximum_of_valid_dates():
    lines = [b'{"update_date": "2026-10-30"}', b'{"update_date":"2008-01-02"}', b"{", b'{"update_date": "soon"}']
    assert newest_update(pl.Series("line", lines, dtype=pl.Binary)) == date(2026, 10, 30)
    assert newest_update(pl.Series("line", [b"{"], dtype=pl.Binary)) is None
