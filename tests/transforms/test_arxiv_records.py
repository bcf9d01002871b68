"""Rows of arXiv records: one small invented record for each rule."""

import polars as pl
import pytest

from schemas.arxiv_papers import PAPER_COLUMNS
from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_rejects import ARXIV_REJECTS
from tests.arxiv_answers import (
    ABSENT,
    AT,
    AUTHORS,
    author,
    day,
    header,
    metadata,
    read_column,
    read_records,
    record,
    record_row,
    reject_rows,
    replies,
)
from transforms.arxiv.oai_replies import parse_replies

FULL = record(
    "hep-th/9901001",
    "2008-12-13",
    created="1999-01-01",
    updated="1999-02-03",
    title="Erd\\H{o}s and\n  the $\\'e$ trees",
    categories="hep-th math.CO hep-th",
    comments="17 pages &amp; 3 figures",
    journal_ref="J. Trees 1 (1999)\n  1-17",
    report_no="TR-1",
    doi="10.1000/1, 10.1000/2",
    msc_class="05C05",
    acm_class="G.2.2",
    license="http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
    abstract="  Two lines\nof text.\n  And a new one.\n",
    authors=author("Birch,", "Ada", "Jr.", "Wood", "Hill") + author("de la Elm", "B."),
)
GOLDEN = {
    "captured_on": day("2026-11-25"),
    "captured_at": AT,
    "position": 1,
    "filed_on": day("1999-01-01"),
    "paper_id": "hep-th/9901001",
    "title": "Erdős and the $\\'e$ trees",
    "abstract": "Two lines of text. And a new one.",
    "authors": [
        {"keyname": "Birch", "forenames": "Ada", "suffix": "Jr.", "affiliations": ["Wood", "Hill"]},
        {"keyname": "de la Elm", "forenames": "B.", "suffix": None, "affiliations": []},
    ],
    "author_count": 2,
    "primary_category": "hep-th",
    "categories": ["hep-th", "math.CO"],
    "created_on": day("1999-01-01"),
    "updated_on": day("1999-02-03"),
    "license_url": "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
    "comments": "17 pages & 3 figures",
    "journal_ref": "J. Trees 1 (1999) 1-17",
    "report_number": "TR-1",
    "dois": ["10.1000/1", "10.1000/2"],
    "msc_class": "05C05",
    "acm_class": "G.2.2",
    "is_withdrawn": False,
    "withdrawn_by": None,
    "datestamp": day("2008-12-13"),
    "is_deleted": False,
}


def test_a_record_gives_its_golden_row():
    result = read_records(FULL)
    row = result.records.row(0, named=True)
    assert row.pop("body_sha256") == result.pages["body_sha256"][0]
    assert row == GOLDEN
    assert result.rejects.is_empty()


def test_rows_have_exactly_the_declared_columns():
    for result in (read_records(FULL), read_records(), parse_replies(replies())):
        assert result.records.schema == pl.Schema(ARXIV_RECORDS.arrow())
        assert result.rejects.schema == pl.Schema(ARXIV_REJECTS.arrow())
        assert result.pages.schema == read_records().pages.schema
        assert result.headers.schema == read_records().headers.schema


OPTIONAL = {
    "title": "title",
    "abstract": "abstract",
    "authors": "authors",
    "author_count": "authors",
    "primary_category": "categories",
    "categories": "categories",
    "created_on": "created",
    "updated_on": "updated",
    "license_url": "license",
    "comments": "comments",
    "journal_ref": "journal_ref",
    "report_number": "report_no",
    "dois": "doi",
    "msc_class": "msc_class",
    "acm_class": "acm_class",
}


@pytest.mark.parametrize("nothing", [ABSENT, "", " \n "], ids=["absent", "empty", "blank"])
def test_missing_elements_are_null_without_a_fault(nothing):
    for name, element in OPTIONAL.items():
        result = read_records(record(**{element: nothing}))
        assert result.records[name].to_list() == [None], name
        assert result.rejects.is_empty(), name


def test_a_paper_without_comments_and_abstract_is_not_withdrawn():
    row = record_row(comments=ABSENT, abstract=ABSENT)
    assert (row["is_withdrawn"], row["withdrawn_by"]) == (False, None)


def test_a_withdrawal_in_the_comments_takes_precedence():
    statement = "This paper has been withdrawn."
    assert record_row(comments=statement, abstract=statement)["withdrawn_by"] == "comments"
    row = record_row(comments="3 pages", abstract=statement)
    assert (row["is_withdrawn"], row["withdrawn_by"]) == (True, "abstract")


# Deletions, and invalid records.


def test_a_deletion_has_only_its_identifier_and_datestamp():
    row = read_records(record("2511.00010", "2025-12-01", deleted=True)).records.row(0, named=True)
    assert (row["paper_id"], row["datestamp"], row["is_deleted"]) == ("2511.00010", day("2025-12-01"), True)
    assert {row[column.name] for column in PAPER_COLUMNS} == {None}


def test_metadata_of_a_deletion_is_ignored():
    deletion = f"<record>{header(status='deleted')}<metadata>{metadata(created='never')}</metadata></record>"
    result = read_records(record("2511.00001"), deletion)
    assert result.records.sort("position")["is_deleted"].to_list() == [False, True]
    assert {result.records.sort("position").row(1, named=True)[column.name] for column in PAPER_COLUMNS} == {None}
    assert result.rejects.is_empty()


def test_other_statuses_than_deleted_are_ignored():
    content = f"<record>{header(status='new')}<metadata>{metadata()}</metadata></record>"
    assert read_records(content).records["is_deleted"].to_list() == [False]


REFUSED = {
    "an identifier of another repository": (
        record().replace("oai:arXiv.org:2511", "oai:other.org:2511"),
        "id_invalid",
    ),
    "an identifier in a month that does not exist": (record("2513.00010"), "id_invalid"),
    "an identifier with a version": (record("2511.00010v2"), "id_invalid"),
    "no identifier": (record().replace("<identifier>oai:arXiv.org:2511.00010</identifier>", ""), "id_missing"),
    "a blank identifier": (record().replace("oai:arXiv.org:2511.00010</i", "</i"), "id_missing"),
    "no header": (f"<record><metadata>{metadata()}</metadata></record>", "id_missing"),
    "metadata of another paper": (record("2511.00010", id="2511.00011"), "id_contradicted"),
    "no metadata": (f"<record>{header()}</record>", "metadata_missing"),
    "empty metadata": (f"<record>{header()}<metadata/></record>", "metadata_missing"),
}


@pytest.mark.parametrize(("refused", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_an_invalid_record_is_refused_with_its_raw_xml(refused, reason):
    result = read_records(record("2511.00001"), refused, record("2511.00002"))
    assert result.records["paper_id"].to_list() == ["2511.00001", "2511.00002"]
    assert result.records["position"].to_list() == [1, 3]
    assert result.rejects.select("position", "field", "reason", "is_row_kept").rows() == [(2, "$", reason, False)]
    (entry,) = result.rejects["entry"]
    assert entry.startswith("<record ")
    assert entry.endswith("</record>")


def test_the_message_of_a_refused_record_shows_its_value():
    message = read_records(REFUSED["metadata of another paper"][0]).rejects["message"].item()
    assert message == "found 2511.00011; a record is of one paper"
    message = read_records(record("what")).rejects["message"].item()
    assert message.startswith("found oai:arXiv.org:what; ")


def test_metadata_without_an_id_belongs_to_the_paper_in_the_header():
    result = read_records(record(id=ABSENT))
    assert result.records["paper_id"].to_list() == ["2511.00010"]
    assert result.rejects.is_empty()


# Ids, dates, lists.


def test_ids_of_both_styles_are_filed_by_month_and_lose_their_subject_class():
    ids = [
        "0704.0001",
        "2511.12340",
        "hep-th/9108001",
        "math/0309136",
        "math.GT/0309136",
        "cs/0703001",
        "astro-ph/9912001",
    ]
    rows = read_records(*(record(paper_id) for paper_id in ids)).records.sort("position")
    assert rows["paper_id"].to_list() == [paper_id.replace("math.GT", "math") for paper_id in ids]
    filed = ["2007-04-01", "2025-11-01", "1991-08-01", "2003-09-01", "2003-09-01", "2007-03-01", "1999-12-01"]
    assert rows["filed_on"].to_list() == [day(text) for text in filed]


IMPOSSIBLE = ["2025-02-30", "2025-13-01", "yesterday", "20251105", "2025-11-05T00:00:00Z", "1066-10-14", "2525-01-01"]


@pytest.mark.parametrize("element", ["created", "updated"])
def test_an_impossible_date_is_null_and_rejected_and_its_row_is_kept(element):
    assert read_column(f"{element}_on", element, IMPOSSIBLE) == [None] * len(IMPOSSIBLE)
    assert reject_rows(record(**{element: "2025-02-30"})) == [(1, element, "date_impossible", True)]


def test_an_impossible_datestamp_of_a_deletion_is_null():
    result = read_records(record("2511.00001", "2025-02-30"), record("2511.00002", "never", deleted=True))
    assert result.records["datestamp"].to_list() == [None, None]
    assert result.rejects["field"].to_list() == ["datestamp", "datestamp"]
    assert result.rejects["paper_id"].to_list() == ["2511.00001", "2511.00002"]


def test_blanks_around_a_date_are_ignored():
    assert read_column("created_on", "created", [" 2025-11-04\n"]) == [day("2025-11-04")]


def test_a_wrong_acm_class_of_the_server_is_null():
    cases = [
        ("None", ABSENT),
        ("05C05, 05C10", "05C05,\n  05C10"),
        ("05C05", ABSENT),
        ("G.2.2", "05C05"),
        ("68R15", "05C05"),
    ]
    rows = [record_row(acm_class=acm, msc_class=msc)["acm_class"] for acm, msc in cases]
    assert rows == [None, None, "05C05", "G.2.2", "68R15"]


DOIS = {
    "10.1000/1": ["10.1000/1"],
    "10.1000/1,": ["10.1000/1"],
    "10.1000/1 10.1000/2\n  10.1000/3": ["10.1000/1", "10.1000/2", "10.1000/3"],
    "10.3233/FI-2011-428; 10.3233/FI-2011-429": ["10.3233/FI-2011-428", "10.3233/FI-2011-429"],
    "10.1000/1,10.1000/2;10.1000/3": ["10.1000/1", "10.1000/2", "10.1000/3"],
    "10.5120/5056 10.5120/5056": ["10.5120/5056"],
    "10.1002/(SICI)1099-1425(200005/06)3:3<139::AID-JOS41>3.0.CO;2-2": [
        "10.1002/(SICI)1099-1425(200005/06)3:3<139::AID-JOS41>3.0.CO;2-2"
    ],
    "10.1007/978-988-98671-5-7,978-988-98671-2-6": ["10.1007/978-988-98671-5-7,978-988-98671-2-6"],
    "10.1023/A:1016536623961": ["10.1023/A:1016536623961"],
    "doi:10.1000/1": ["10.1000/1"],
    "https://doi.org/10.1000/1": ["10.1000/1"],
    "http://dx.doi.org/10.1000/1 doi: 10.1000/2": ["10.1000/1", "10.1000/2"],
    "10.1002/a&lt;b": ["10.1002/a<b"],
}


def test_several_dois_are_split_and_punctuation_within_a_doi_is_kept():
    assert dict(zip(DOIS, read_column("dois", "doi", list(DOIS)), strict=True)) == DOIS
    assert reject_rows(*(record(f"2511.{n:05}", doi=text) for n, text in enumerate(DOIS))) == []


def test_an_invalid_doi_is_left_out_and_rejected():
    rows = read_column("dois", "doi", ["10.1515/gcc-2012-0001, may 2012", "to appear"])
    assert rows == [["10.1515/gcc-2012-0001"], None]
    result = read_records(record(doi="10.1515/gcc-2012-0001, may 2012")).rejects.row(0, named=True)
    assert (result["reason"], result["is_row_kept"]) == ("doi_invalid", True)
    assert result["message"].startswith("found may 2012; ")


def test_dois_of_several_elements_are_combined():
    assert record_row(doi=b"10.1000/1</doi><doi>10.1000/2")["dois"] == ["10.1000/1", "10.1000/2"]


def test_a_repeated_element_gives_the_first_value_and_a_reject():
    result = read_records(record("2511.00001"), record("2511.00002", title=b"One</title><title>Two"))
    assert result.records["title"].to_list() == ["On Trees", "One"]
    assert result.rejects.select("position", "field", "reason", "is_row_kept").rows() == [
        (2, "title", "value_repeated", True)
    ]


def test_an_element_may_have_two_faults():
    content = record(created=b"never</created><created>2025-11-04")
    assert reject_rows(content) == [(1, "created", "date_impossible", True), (1, "created", "value_repeated", True)]
    assert read_records(content).records["created_on"].to_list() == [None]


# Authors.


def authors(*people: str) -> list[tuple[str | None, str | None, str | None]]:
    content = record_row(authors="".join(people))["authors"]
    return [(column["keyname"], column["forenames"], column["suffix"]) for column in content]


def test_authors_keep_their_order_and_parts():
    people = [author(f"Key{number}", f"F. {number}") for number in range(664, 0, -1)]
    row = record_row(authors="".join(people))
    assert row["author_count"] == 664
    assert [column["keyname"] for column in row["authors"]] == [f"Key{number}" for number in range(664, 0, -1)]


def test_authors_with_the_same_name_are_kept():
    assert authors(author("Oak", "Wei"), author("Oak", "Wei")) == [("Oak", "Wei", None)] * 2


def test_an_author_may_have_only_a_keyname_or_only_forenames():
    assert authors(author("ATLAS Collaboration"), author(ABSENT, "Plato")) == [
        ("ATLAS Collaboration", None, None),
        (None, "Plato", None),
    ]


def test_a_trailing_comma_of_a_name_is_removed():
    assert authors(author("Heath,", "R.", "Jr."), author("Elm ,", "B.")) == [
        ("Heath", "R.", "Jr."),
        ("Elm", "B.", None),
    ]


def test_an_author_without_a_name_is_left_out_and_rejected_with_its_place():
    people = author("Birch", "Ada") + author(" ", "") + author(ABSENT, ABSENT, "Jr.") + author("Elm")
    result = read_records(record("2511.00001"), record("2511.00002", authors=people))
    assert result.records["author_count"].to_list() == [1, 2]
    assert result.rejects.select("position", "field", "reason", "is_row_kept").rows() == [
        (2, "author[2]", "name_missing", True),
        (2, "author[3]", "name_missing", True),
    ]


def test_a_record_with_only_unnamed_authors_has_no_authors():
    assert record_row(authors=author(""))["authors"] is None


def test_affiliations_belong_to_their_author_in_order():
    people = (
        author("Birch", ABSENT, ABSENT, "Wood", " ", "Hill\n  top")
        + author("Elm")
        + author("Fir", "C.", ABSENT, "Wood")
    )
    assert [column["affiliations"] for column in record_row(authors=people)["authors"]] == [
        ["Wood", "Hill top"],
        [],
        ["Wood"],
    ]


def test_authors_belong_to_their_record():
    result = read_records(
        record("2511.00001", authors=ABSENT), record("2511.00002"), record("2511.00003", authors=ABSENT)
    )
    assert result.records["author_count"].to_list() == [None, 1, None]


# Other XML constructs.


def test_text_within_markup_and_cdata_is_kept():
    assert record_row(title=b"On <i>big <b>old</b></i> trees")["title"] == "On big old trees"
    assert record_row(title=b"On <!-- no --> trees<?no?>, 2")["title"] == "On trees, 2"
    assert record_row(title=b"<![CDATA[On <trees> & more]]>")["title"] == "On <trees> & more"
    assert authors(f"<author><keyname>Bi<b>rch</b></keyname></author>{AUTHORS}")[0] == ("Birch", None, None)


def test_unknown_elements_are_ignored():
    content = record(license="x").replace("<license>", "<new><deep>1</deep></new><license>")
    assert (
        read_records(content)
        .records.drop("body_sha256")
        .equals(read_records(record(license="x")).records.drop("body_sha256"))
    )


def test_an_element_named_deleted_is_ignored():
    assert not record_row(license=b"</license><deleted/><license>")["is_deleted"]
