"""Records of arXiv's become rows: each rule as a small invented record."""

import polars as pl
import pytest

from schemas.arxiv_papers import TOLD
from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_rejects import ARXIV_REJECTS
from tests.arxiv_answers import (
    AT,
    AUTHORS,
    GONE,
    author,
    column,
    day,
    faults,
    header,
    metadata,
    reading,
    record,
    replies,
    told,
)
from transforms.arxiv.oai_replies import read

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


def test_a_record_becomes_its_golden_row():
    found = reading(FULL)
    row = found.records.row(0, named=True)
    assert row.pop("body_sha256") == found.pages["body_sha256"][0]
    assert row == GOLDEN
    assert found.rejects.is_empty()


def test_rows_have_exactly_the_declared_columns():
    for found in (reading(FULL), reading(), read(replies())):
        assert found.records.schema == pl.Schema(ARXIV_RECORDS.arrow())
        assert found.rejects.schema == pl.Schema(ARXIV_REJECTS.arrow())
        assert found.pages.schema == reading().pages.schema
        assert found.headers.schema == reading().headers.schema


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


@pytest.mark.parametrize("nothing", [GONE, "", " \n "], ids=["absent", "empty", "blank"])
def test_what_is_not_told_is_null_and_no_fault(nothing):
    for name, element in OPTIONAL.items():
        found = reading(record(**{element: nothing}))
        assert found.records[name].to_list() == [None], name
        assert found.rejects.is_empty(), name


def test_a_paper_that_says_nothing_of_it_is_not_withdrawn():
    row = told(comments=GONE, abstract=GONE)
    assert (row["is_withdrawn"], row["withdrawn_by"]) == (False, None)


def test_the_comments_say_that_a_paper_is_withdrawn_before_the_abstract_does():
    said = "This paper has been withdrawn."
    assert told(comments=said, abstract=said)["withdrawn_by"] == "comments"
    row = told(comments="3 pages", abstract=said)
    assert (row["is_withdrawn"], row["withdrawn_by"]) == (True, "abstract")


# Deletions, and records that are none.


def test_a_deletion_tells_its_paper_and_when_and_nothing_else():
    row = reading(record("2511.00010", "2025-12-01", deleted=True)).records.row(0, named=True)
    assert (row["paper_id"], row["datestamp"], row["is_deleted"]) == ("2511.00010", day("2025-12-01"), True)
    assert {row[one.name] for one in TOLD} == {None}


def test_what_stands_in_a_deletion_beside_its_header_is_passed_over():
    deletion = f"<record>{header(status='deleted')}<metadata>{metadata(created='never')}</metadata></record>"
    found = reading(record("2511.00001"), deletion)
    assert found.records.sort("position")["is_deleted"].to_list() == [False, True]
    assert {found.records.sort("position").row(1, named=True)[one.name] for one in TOLD} == {None}
    assert found.rejects.is_empty()


def test_another_status_than_deleted_means_nothing():
    held = f"<record>{header(status='new')}<metadata>{metadata()}</metadata></record>"
    assert reading(held).records["is_deleted"].to_list() == [False]


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
def test_a_record_that_can_be_no_row_is_refused_and_kept_as_it_stood(refused, reason):
    found = reading(record("2511.00001"), refused, record("2511.00002"))
    assert found.records["paper_id"].to_list() == ["2511.00001", "2511.00002"]
    assert found.records["position"].to_list() == [1, 3]
    assert found.rejects.select("position", "field", "reason", "is_row_kept").rows() == [(2, "$", reason, False)]
    (entry,) = found.rejects["entry"]
    assert entry.startswith("<record ")
    assert entry.endswith("</record>")


def test_a_refused_record_says_what_was_found():
    message = reading(REFUSED["metadata of another paper"][0]).rejects["message"].item()
    assert message == "found 2511.00011; a record is of one paper"
    message = reading(record("what")).rejects["message"].item()
    assert message.startswith("found oai:arXiv.org:what; ")


def test_metadata_without_an_id_is_of_the_header_s_paper():
    found = reading(record(id=GONE))
    assert found.records["paper_id"].to_list() == ["2511.00010"]
    assert found.rejects.is_empty()


# Ids, dates, lists.


def test_ids_of_both_styles_are_told_as_they_stand_and_filed_by_their_month():
    ids = [
        "0704.0001",
        "2511.12340",
        "hep-th/9108001",
        "math/0309136",
        "math.GT/0309136",
        "cs/0703001",
        "astro-ph/9912001",
    ]
    rows = reading(*(record(paper_id) for paper_id in ids)).records.sort("position")
    assert rows["paper_id"].to_list() == ids
    filed = ["2007-04-01", "2025-11-01", "1991-08-01", "2003-09-01", "2003-09-01", "2007-03-01", "1999-12-01"]
    assert rows["filed_on"].to_list() == [day(text) for text in filed]


IMPOSSIBLE = ["2025-02-30", "2025-13-01", "yesterday", "20251105", "2025-11-05T00:00:00Z", "1066-10-14", "2525-01-01"]


@pytest.mark.parametrize("element", ["created", "updated"])
def test_a_date_that_cannot_be_is_null_and_recorded_and_the_row_stays(element):
    assert column(f"{element}_on", element, IMPOSSIBLE) == [None] * len(IMPOSSIBLE)
    assert faults(record(**{element: "2025-02-30"})) == [(1, element, "date_impossible", True)]


def test_a_datestamp_that_cannot_be_is_null_also_of_a_deletion():
    found = reading(record("2511.00001", "2025-02-30"), record("2511.00002", "never", deleted=True))
    assert found.records["datestamp"].to_list() == [None, None]
    assert found.rejects["field"].to_list() == ["datestamp", "datestamp"]
    assert found.rejects["paper_id"].to_list() == ["2511.00001", "2511.00002"]


def test_blanks_around_a_date_are_no_fault():
    assert column("created_on", "created", [" 2025-11-04\n"]) == [day("2025-11-04")]


def test_an_acm_class_that_is_the_server_s_fault_is_unknown():
    cases = [
        ("None", GONE),
        ("05C05, 05C10", "05C05,\n  05C10"),
        ("05C05", GONE),
        ("G.2.2", "05C05"),
        ("68R15", "05C05"),
    ]
    rows = [told(acm_class=acm, msc_class=msc)["acm_class"] for acm, msc in cases]
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


def test_several_dois_are_taken_apart_and_one_with_strange_marks_is_left_whole():
    assert dict(zip(DOIS, column("dois", "doi", list(DOIS)), strict=True)) == DOIS
    assert faults(*(record(f"2511.{n:05}", doi=text) for n, text in enumerate(DOIS))) == []


def test_what_is_no_doi_is_left_out_and_recorded():
    rows = column("dois", "doi", ["10.1515/gcc-2012-0001, may 2012", "to appear"])
    assert rows == [["10.1515/gcc-2012-0001"], None]
    found = reading(record(doi="10.1515/gcc-2012-0001, may 2012")).rejects.row(0, named=True)
    assert (found["reason"], found["is_row_kept"]) == ("doi_invalid", True)
    assert found["message"].startswith("found may 2012; ")


def test_dois_in_several_elements_are_all_told():
    assert told(doi=b"10.1000/1</doi><doi>10.1000/2")["dois"] == ["10.1000/1", "10.1000/2"]


def test_of_a_value_that_stands_twice_the_first_is_taken_and_that_is_recorded():
    found = reading(record("2511.00001"), record("2511.00002", title=b"One</title><title>Two"))
    assert found.records["title"].to_list() == ["On Trees", "One"]
    assert found.rejects.select("position", "field", "reason", "is_row_kept").rows() == [
        (2, "title", "value_repeated", True)
    ]


def test_a_value_may_be_wrong_in_two_ways():
    held = record(created=b"never</created><created>2025-11-04")
    assert faults(held) == [(1, "created", "date_impossible", True), (1, "created", "value_repeated", True)]
    assert reading(held).records["created_on"].to_list() == [None]


# Authors.


def authors(*people: str) -> list[tuple[str | None, str | None, str | None]]:
    held = told(authors="".join(people))["authors"]
    return [(one["keyname"], one["forenames"], one["suffix"]) for one in held]


def test_authors_keep_their_order_their_number_and_their_parts():
    people = [author(f"Key{number}", f"F. {number}") for number in range(664, 0, -1)]
    row = told(authors="".join(people))
    assert row["author_count"] == 664
    assert [one["keyname"] for one in row["authors"]] == [f"Key{number}" for number in range(664, 0, -1)]


def test_authors_of_one_name_are_several():
    assert authors(author("Oak", "Wei"), author("Oak", "Wei")) == [("Oak", "Wei", None)] * 2


def test_an_author_may_have_no_forenames_or_nothing_else():
    assert authors(author("ATLAS Collaboration"), author(GONE, "Plato")) == [
        ("ATLAS Collaboration", None, None),
        (None, "Plato", None),
    ]


def test_a_comma_that_was_left_on_a_name_goes_with_a_suffix_and_without():
    assert authors(author("Heath,", "R.", "Jr."), author("Elm ,", "B.")) == [
        ("Heath", "R.", "Jr."),
        ("Elm", "B.", None),
    ]


def test_an_author_without_a_name_is_left_out_and_recorded_by_place():
    people = author("Birch", "Ada") + author(" ", "") + author(GONE, GONE, "Jr.") + author("Elm")
    found = reading(record("2511.00001"), record("2511.00002", authors=people))
    assert found.records["author_count"].to_list() == [1, 2]
    assert found.rejects.select("position", "field", "reason", "is_row_kept").rows() == [
        (2, "author[2]", "name_missing", True),
        (2, "author[3]", "name_missing", True),
    ]


def test_a_record_whose_authors_all_lack_a_name_has_none():
    assert told(authors=author(""))["authors"] is None


def test_affiliations_are_those_of_their_author_in_order_without_blanks():
    people = author("Birch", GONE, GONE, "Wood", " ", "Hill\n  top") + author("Elm") + author("Fir", "C.", GONE, "Wood")
    assert [one["affiliations"] for one in told(authors=people)["authors"]] == [["Wood", "Hill top"], [], ["Wood"]]


def test_authors_of_one_record_are_never_those_of_the_next():
    found = reading(record("2511.00001", authors=GONE), record("2511.00002"), record("2511.00003", authors=GONE))
    assert found.records["author_count"].to_list() == [None, 1, None]


# Whatever else stands in the XML.


def test_markup_comments_and_cdata_within_a_value_cost_none_of_its_text():
    assert told(title=b"On <i>big <b>old</b></i> trees")["title"] == "On big old trees"
    assert told(title=b"On <!-- no --> trees<?no?>, 2")["title"] == "On trees, 2"
    assert told(title=b"<![CDATA[On <trees> & more]]>")["title"] == "On <trees> & more"
    assert authors(f"<author><keyname>Bi<b>rch</b></keyname></author>{AUTHORS}")[0] == ("Birch", None, None)


def test_elements_that_nobody_knows_do_no_harm():
    held = record(license="x").replace("<license>", "<new><deep>1</deep></new><license>")
    assert reading(held).records.drop("body_sha256").equals(reading(record(license="x")).records.drop("body_sha256"))


def test_an_element_called_deleted_deletes_nothing():
    assert not told(license=b"</license><deleted/><license>")["is_deleted"]
