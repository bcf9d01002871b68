"""Lines of arXiv's bulk snapshot: what each becomes, and what of them is refused."""

import json
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.arxiv_lines import filed, newest_update, read_lines

AT = datetime(2026, 11, 2, 4, 40, tzinfo=UTC)
LINE = {
    "id": "0704.0010",
    "submitter": "A. Author",
    "authors": "Fran\\c{c}ois Author Jr. (1), B. Other",
    "title": "A title\n  on two lines",
    "comments": "12 pages",
    "journal-ref": "Phys.Rev. D76 (2007)",
    "doi": "10.1103/PhysRevD.76.013009",
    "report-no": "ANL-1",
    "categories": "hep-ph hep-th",
    "license": None,
    "abstract": "  We show $x \\to y$.\n",
    "versions": [
        {"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"},
        {"version": "v2", "created": "Tue, 24 Jul 2007 20:10:27 GMT"},
    ],
    "update_date": "2008-11-26",
    "authors_parsed": [["Author", "Fran\\c{c}ois", "Jr.", "Argonne", "CERN"], ["Other", "B.", ""]],
}


def line(**changes):
    told = {name: value for name, value in {**LINE, **changes}.items() if value is not ...}
    return json.dumps(told).encode()


def kept(*lines):
    """The lines as rows of `arxiv_lines`."""
    rows = filed(pl.Series("line", lines, dtype=pl.Binary), AT.date())
    return rows.with_columns(imported_at=pl.lit(AT, pl.Datetime("us", "UTC")))


def read(*lines):
    return read_lines(kept(*lines))


def only(*lines):
    (row,) = read(*lines).rows.rows(named=True)
    return row


def faults(*lines):
    return read(*lines).rejects.select("paper_id", "field", "reason", "is_row_kept").rows()


def test_a_line_becomes_a_row():
    assert only(line()) == {
        "paper_id": "0704.0010",
        "filed_on": date(2007, 4, 1),
        "imported_at": AT,
        "datestamp": date(2008, 11, 26),
        "is_deleted": False,
        "title": "A title on two lines",
        "abstract": "We show $x \\to y$.",
        "authors": [
            {"keyname": "Author", "forenames": "François", "suffix": "Jr.", "affiliations": ["Argonne", "CERN"]},
            {"keyname": "Other", "forenames": "B.", "suffix": None, "affiliations": []},
        ],
        "author_count": 2,
        "primary_category": "hep-ph",
        "categories": ["hep-ph", "hep-th"],
        "created_on": date(2007, 4, 2),
        "updated_on": date(2007, 7, 24),
        "license_url": None,
        "comments": "12 pages",
        "journal_ref": "Phys.Rev. D76 (2007)",
        "report_number": "ANL-1",
        "dois": ["10.1103/PhysRevD.76.013009"],
        "msc_class": None,
        "acm_class": None,
        "is_withdrawn": False,
        "withdrawn_by": None,
    }
    assert faults(line()) == []


def test_one_version_is_no_update():
    row = only(line(versions=LINE["versions"][:1]))
    assert (row["created_on"], row["updated_on"]) == (date(2007, 4, 2), None)


@pytest.mark.parametrize("padded", ["Mon, 02 Apr 2007 19:18:42 GMT", "2 Apr 2007 19:18:42 GMT"])
def test_dates_of_versions_may_be_padded_or_lack_their_weekday(padded):
    assert only(line(versions=[{"created": padded}]))["created_on"] == date(2007, 4, 2)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"title": 7}, ("0704.0010", "title", "wrong_type", True)),
        ({"abstract": ["x"]}, ("0704.0010", "abstract", "wrong_type", True)),
        ({"authors_parsed": "Author, A."}, ("0704.0010", "authors_parsed", "wrong_type", True)),
        ({"authors_parsed": [["", "", ""]]}, ("0704.0010", "authors_parsed[1]", "name_missing", True)),
        ({"versions": {"v1": 1}}, ("0704.0010", "versions", "wrong_type", True)),
        ({"versions": [{"created": "yesterday"}]}, ("0704.0010", "versions[0]", "date_impossible", True)),
        ({"update_date": "2008-13-26"}, ("0704.0010", "update_date", "date_impossible", True)),
        ({"doi": "see text"}, ("0704.0010", "doi", "doi_invalid", True)),
        ({"id": ...}, (None, "$", "id_missing", False)),
        ({"id": ""}, (None, "$", "id_missing", False)),
        ({"id": 704.001}, (None, "$", "id_invalid", False)),
        ({"id": "0713.0010"}, (None, "$", "id_invalid", False)),
        ({"id": "../etc"}, (None, "$", "id_invalid", False)),
    ],
)
def test_what_cannot_be_read_is_named(changes, fault):
    assert faults(line(**changes)) == [fault]
    assert read(line(**changes)).rows.height == fault[-1]


@pytest.mark.parametrize("odd", [b"{", b"[]", b"7", b"null", b"\xff\xfe", b'{"id": "0704.0010"'])
def test_what_is_no_object_is_refused_and_filed_under_the_import(odd):
    assert [fault[1:] for fault in faults(odd)] == [("$", "not_an_object", False)]
    if not odd.startswith(b'{"id"'):
        assert kept(odd)["filed_on"].to_list() == [date(2026, 11, 1)]


def test_null_is_as_good_as_absent():
    fields = [name for name in LINE if name not in {"id", "update_date"}]
    nulls, absent = line(**dict.fromkeys(fields)), line(**dict.fromkeys(fields, ...))
    assert {**only(nulls)} == {**only(absent)}
    assert faults(nulls) == faults(absent) == []


@pytest.mark.parametrize(
    ("paper_id", "month"),
    [("hep-th/9901001", date(1999, 1, 1)), ("math.GT/0309136", date(2003, 9, 1)), ("2511.01230", date(2025, 11, 1))],
)
def test_a_line_is_filed_by_the_month_of_its_paper_wherever_it_tells_it(paper_id, month):
    first, last = (
        line(id=paper_id),
        json.dumps({**{k: v for k, v in LINE.items() if k != "id"}, "id": paper_id}).encode(),
    )
    rows = kept(first, last)
    assert rows.select("paper_id", "filed_on").rows() == [(paper_id, month)] * 2
    assert rows["line"].to_list() == [first, last]


def test_the_newest_update_is_that_of_any_line():
    lines = [line(), line(update_date="2026-10-30"), b"{", line(update_date="soon")]
    assert newest_update(pl.Series("line", lines, dtype=pl.Binary)) == date(2026, 10, 30)
    assert newest_update(pl.Series("line", [b"{"], dtype=pl.Binary)) is None


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([line(), line(title=7), line(id="x")])), max_size=8))
def test_any_bytes_are_kept_and_each_line_is_a_row_or_refused(lines):
    lines = [one for one in lines if one]
    assert kept(*lines)["line"].to_list() == lines
    told = read(*lines)
    lost = set(told.rejects.filter(~pl.col("is_row_kept"))["body_sha256"])
    assert told.rows.height == sum(one in (line(), line(title=7)) for one in lines)
    assert len(lost) == len({*lines} - {line(), line(title=7)})


def test_the_recorded_lines_all_become_rows(recordings):
    lines = (recordings / "arxiv" / "arxiv-metadata-oai-snapshot.head.jsonl").read_bytes().splitlines()
    told = read(*lines)
    assert told.rows.height == 200
    assert told.rejects.filter(~pl.col("is_row_kept")).is_empty()
    assert (
        told.rows.select(pl.col("title", "abstract", "authors", "created_on", "datestamp").null_count()).row(0)
        == (0,) * 5
    )
