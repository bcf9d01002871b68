"""Recorded answers of arXiv: counts of the raw XML compared with the parsed rows."""

import gzip
from datetime import UTC, date, datetime

import polars as pl
import pytest
from lxml import etree

from tests.arxiv_answers import replies
from transforms.arxiv.oai_page import ARXIV, parse_page
from transforms.arxiv.oai_replies import parse_replies
from transforms.arxiv.snapshot_lines import file_lines, read_lines

pytestmark = pytest.mark.long

IMPORTED_AT = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(recordings):
    if not (recordings / "arxiv").is_dir():
        pytest.skip("the recordings of arXiv (../shared/recordings/arxiv) are missing")
    return recordings / "arxiv"


@pytest.fixture(scope="module")
def computing(folder):
    """Half of a complete harvest of computer science in 2016: the parsed rows, and the 50 pages."""
    pages = [gzip.decompress(path.read_bytes()) for path in sorted(folder.glob("oai_cs_2016/*.xml.gz"))]
    return parse_replies(replies(*pages)), pages


@pytest.fixture(scope="module")
def raw(computing):
    """The raw texts of the 50 pages, by element."""
    content: dict[str, list[str]] = {}
    for body in computing[1]:
        for element in etree.fromstring(body).iter(f"{ARXIV}*"):
            content.setdefault(etree.QName(element).localname, []).append(element.text or "")
    return content


@pytest.fixture(scope="module")
def authors(computing):
    return computing[0].records.select("paper_id", "authors").explode("authors").unnest("authors")


def test_fifty_pages_of_a_thousand_records_are_fifty_thousand_papers(computing):
    result = computing[0]
    assert result.records.height == result.records["paper_id"].n_unique() == 50_000
    assert result.pages["record_count"].to_list() == [1000] * 50
    assert result.headers.height == 50_000
    assert result.pages["cursor"].to_list() == [*range(0, 50_000, 1000)]
    assert set(result.pages["complete_list_size"]) == {102_538}
    assert result.pages["resumption_token"][0] == "1122234|1001"


def test_two_recorded_values_are_rejected(computing):
    rejects = computing[0].rejects
    assert sorted(rejects.select("paper_id", "field", "reason", "message").rows()) == [
        ("1209.6144", "doi", "doi_invalid", "found may 2012; a DOI has the form 10.1234/name"),
        ("1211.5740", "doi", "doi_invalid", "found 55; a DOI has the form 10.1234/name"),
    ]
    assert rejects["entry"].str.contains("<doi>").all()


ELEMENT_OF_COLUMN = {
    "title": "title",
    "abstract": "abstract",
    "comments": "comments",
    "journal_ref": "journal-ref",
    "report_number": "report-no",
    "license_url": "license",
    "msc_class": "msc-class",
    "acm_class": "acm-class",
    "created_on": "created",
    "updated_on": "updated",
    "categories": "categories",
}


def test_every_recorded_value_is_parsed(computing, raw):
    rows = computing[0].records
    assert {name: rows[name].count() for name in ELEMENT_OF_COLUMN} == {
        name: len(raw[element]) for name, element in ELEMENT_OF_COLUMN.items()
    }
    assert rows["license_url"].null_count() == 2_445
    assert (rows["acm_class"].count(), rows["msc_class"].count()) == (5_871, 3_970)


def test_wrapped_texts_are_put_on_one_line(computing, raw):
    assert sum("\n" in text for text in raw["title"]) == 18_842
    assert sum(text.startswith("  ") for text in raw["abstract"]) == 50_000
    for name in ("title", "abstract", "comments", "journal_ref", "report_number"):
        texts = computing[0].records[name].drop_nulls()
        assert not texts.str.contains(r"\p{Cc}|[^\S ]|  |\A | \z").any(), name


def test_control_characters_are_removed(raw, computing):
    assert sum("\x7f" in text for texts in raw.values() for text in texts) == 14
    assert not computing[0].records.select(pl.col(pl.String).str.contains("\x7f").any()).row(0).count(True)


def test_double_escapes_are_unescaped(computing, raw):
    escape = r"&(?:#[0-9]+|[A-Za-z]+);"
    texts = pl.Series([text for texts in raw.values() for text in texts])
    assert texts.str.contains(escape).sum() == 37
    left = computing[0].records.select(pl.concat_str(pl.col(pl.String), separator=" ", ignore_nulls=True))
    assert left.to_series().str.extract(escape, 0).drop_nulls().to_list() == ["&T;"]


def test_every_author_is_parsed_with_all_parts(authors, raw):
    assert authors.height == len(raw["author"]) == 132_761
    assert authors["forenames"].null_count() == 267
    assert authors["suffix"].count() == len(raw["suffix"]) == 240
    assert authors["affiliations"].list.len().sum() == len(raw["affiliation"]) == 13_143
    assert sorted(authors["suffix"].drop_nulls().unique()) == ["II", "III", "IV", "Jr", "Jr.", "V"]


def test_commas_before_a_suffix_are_removed(authors, raw):
    assert sum(name.endswith(",") for name in raw["keyname"]) == 19
    assert not authors["keyname"].str.contains(",").any()


def test_ten_of_61_names_with_tex_keep_some(authors, raw):
    assert sum("\\" in text for part in ("keyname", "forenames") for text in raw[part]) == 61
    left = authors.select(pl.concat_list("keyname", "forenames").explode()).to_series()
    assert sorted(left.filter(left.str.contains(r"\\", literal=False))) == [
        "Aleksandar Ili\\'",
        "Bolboac{\\ba}",
        "Dragan Stevanovi\\'",
        "Nguy\\~ên",
        "Rzą\\zewski",
        "Tek\\D{j}n",
        "\\and Benjamin",
        "\\and Frédéric",
        "\\and Jean",
        "\\and Michiel",
    ]


def test_the_largest_paper_has_ninety_authors(computing):
    assert computing[0].records["author_count"].max() == 90


def test_dois_are_split_correctly(computing):
    dois = computing[0].records["dois"]
    assert (dois.count(), dois.list.len().sum()) == (9_897, 9_904)
    assert dois.list.len().value_counts().sort("dois").rows()[1:] == [(1, 9_891), (2, 5), (3, 1)]
    assert ["10.1002/(SICI)1099-1425(200005/06)3:3<139::AID-JOS41>3.0.CO;2-2"] in dois.to_list()


def test_withdrawn_papers_are_detected(computing):
    counted = computing[0].records["withdrawn_by"].value_counts().sort("withdrawn_by").rows()
    assert counted == [(None, 49_444), ("abstract", 17), ("comments", 539)]


def test_papers_are_filed_in_every_month_of_the_harvest(computing):
    rows = computing[0].records
    assert (rows["filed_on"].min(), rows["filed_on"].max(), rows["filed_on"].n_unique()) == (
        date(2007, 4, 1),
        date(2013, 9, 1),
        78,
    )
    assert (rows["created_on"].min(), rows["datestamp"].max()) == (date(2007, 3, 30), date(2016, 3, 8))


# The server in use since March 2025, and others.


@pytest.fixture(scope="module")
def pages_2026(folder):
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("oai_server_2026/*.xml"))}


def test_every_recorded_error_has_its_code(pages_2026):
    errors = {name: body for name, body in pages_2026.items() if name.startswith("error_")}
    assert len(errors) == 13
    for name, body in errors.items():
        result = parse_page(body, 200)
        assert (result.kind, result.error_code, result.fault) == ("error", name.split("_")[1], None), name
        assert result.message, name


def test_every_recorded_answer_of_the_new_server_has_the_requested_kind(pages_2026):
    kinds = {"ListRecords": "records", "ListIdentifiers": "identifiers", "GetRecord": "record", "error": "error"}
    for name, body in pages_2026.items():
        result = parse_page(body, 200)
        is_other = any(name.endswith(other) or f"_{other}_" in name for other in ("arXivRaw", "arXivOld", "oai_dc"))
        expected = "fault" if is_other else kinds.get(name.split("_")[0], "about")
        assert (result.kind, result.fault) == (expected, "other_format" if is_other else None), name
        assert is_other or result.response_date.date() == date(2026, 11, 23), name


def test_all_records_of_the_new_server_are_parsed(pages_2026):
    lists = [body for name, body in pages_2026.items() if name.startswith("ListRecords_arXiv_0")]
    result = parse_replies(replies(*lists))
    assert result.records.height == result.records["paper_id"].n_unique() == 503
    assert result.rejects.is_empty()
    tokens = result.pages["resumption_token"].to_list()
    assert [bool(token) for token in tokens] == [True, True, True, False]
    assert tokens[3] == ""
    assert result.pages["expires_at"].to_list() == [datetime(2026, 11, 24, tzinfo=UTC)] * 3 + [None]


def test_the_new_server_s_headers_agree_with_its_records(pages_2026):
    listed = [body for name, body in pages_2026.items() if name.startswith("ListIdentifiers")]
    texts = [body for name, body in pages_2026.items() if name.startswith("ListRecords_arXiv_0")]
    both = [
        parse_replies(replies(*bodies)).headers.drop("captured_at", "body_sha256").sort("paper_id")
        for bodies in (listed, texts)
    ]
    assert both[0].height == 503
    assert both[0].equals(both[1])


def test_wrong_acm_classes_of_the_new_server_are_null(pages_2026):
    lists = [body for name, body in pages_2026.items() if name.startswith("ListRecords_arXiv_")]
    assert b"".join(lists).count(b"<acm-class>") == 5
    assert parse_replies(replies(*lists)).records["acm_class"].count() == 0


def test_half_converted_accents_of_the_new_server_are_letters(pages_2026):
    rows = parse_replies(replies(pages_2026["ListRecords_arXiv_02"])).records
    content = rows.filter(paper_id="1102.0499").row(0, named=True)
    assert content["authors"][0]["keyname"] == "Döllinger"
    assert "high resolution coudé échelle spectrograph" in content["abstract"]
    assert "Thüringer Landessternwarte" in content["abstract"]


def test_the_new_server_sends_the_newest_version_as_created(pages_2026):
    row = parse_replies(replies(pages_2026["GetRecord_0806.4129_arXiv"])).records.row(0, named=True)
    assert (row["created_on"], row["updated_on"], row["datestamp"]) == (
        date(2014, 12, 12),
        date(2014, 12, 15),
        date(2014, 12, 15),
    )


def test_recorded_old_identifiers_are_parsed(folder):
    paths = [*folder.glob("oai_server_2026/*.xml"), *folder.glob("oai_http_2018/*.xml"), *folder.glob("oai_misc/*.xml")]
    result = parse_replies(replies(*(path.read_bytes() for path in sorted(paths))))
    old = result.records.filter(pl.col("paper_id").str.contains("/", literal=True))
    assert dict(old.select("paper_id", "filed_on").unique().sort("paper_id").rows()) == {
        "chao-dyn/9510015": date(1995, 10, 1),
        "cond-mat/0501593": date(2005, 1, 1),
        "cond-mat/0703772": date(2007, 3, 1),
        "cs/0001024": date(2000, 1, 1),
        "hep-th/0703166": date(2007, 3, 1),
        "hep-th/9504118": date(1995, 4, 1),
        "hep-th/9901002": date(1999, 1, 1),
        "math/0510544": date(2005, 10, 1),
        "physics/0612123": date(2006, 12, 1),
    }
    assert result.headers["paper_id"].str.contains("/", literal=True).sum() > old.height
    assert set(result.rejects["reason"]) == {"other_format"}


def test_answers_of_the_old_server_are_parsed(folder):
    def recorded(start: str) -> bytes:
        (path,) = folder.glob(f"oai_http_2018/{start}*")
        return path.read_bytes()

    busy = recorded("listrecords---should-list-identifiers-from-arxiv_0")
    assert (parse_page(busy, 503).fault, parse_page(busy, 503).is_retryable) == ("http_status", True)
    assert parse_page(busy, 200).fault == "html"
    assert parse_page(recorded("listidentifiers"), 200).headers.height == 86
    row = parse_replies(replies(recorded("getrecord"))).records.row(0, named=True)
    assert row["authors"][0]["affiliations"] == ["Radboud Universiteit"]
    assert parse_page(recorded("listsets"), 200).kind == parse_page(recorded("identify"), 200).kind == "about"


# The snapshot.


def test_all_recorded_snapshot_lines_are_parsed(folder):
    lines = (folder / "arxiv-metadata-oai-snapshot.head.jsonl").read_bytes().splitlines()
    by_month = file_lines(lines, IMPORTED_AT.date())
    assert by_month["filed_on"].unique().to_list() == [date(2007, 4, 1)]
    assert by_month["line"].to_list() == lines
    result = read_lines(by_month.with_columns(imported_at=pl.lit(IMPORTED_AT).dt.cast_time_unit("us")))
    assert result.rejects.is_empty()
    rows = result.rows
    assert rows["paper_id"].to_list() == [f"0704.{number:04}" for number in range(1, 201)]
    counted = {name: rows[name].count() for name in ("comments", "journal_ref", "dois", "report_number", "license_url")}
    assert counted == {"comments": 182, "journal_ref": 109, "dois": 117, "report_number": 16, "license_url": 19}
    people = rows["authors"].explode().struct.unnest()
    assert (people.height, people["affiliations"].list.len().sum(), people["suffix"].count()) == (537, 42, 1)
    assert rows["dois"].list.len().max() == 2
    assert rows["abstract"].str.starts_with(" ").sum() == 0


def test_the_snapshot_and_the_server_agree(folder, computing):
    lines = (folder / "arxiv-metadata-oai-snapshot.head.jsonl").read_bytes().splitlines()
    by_month = file_lines(lines).with_columns(imported_at=pl.lit(IMPORTED_AT).dt.cast_time_unit("us"))
    both = read_lines(by_month).rows.join(computing[0].records, on=["paper_id", "datestamp"], suffix="_there")
    assert both.height == 8
    for name in ("title", "abstract", "authors", "categories", "comments", "journal_ref", "dois", "license_url"):
        assert both[name].to_list() == both[f"{name}_there"].to_list(), name
