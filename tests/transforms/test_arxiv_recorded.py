"""What arXiv really answered, read whole: counted again here, and held against what was read of it."""

import gzip
from datetime import UTC, date, datetime

import polars as pl
import pytest
from lxml import etree

from tests.arxiv_answers import replies
from transforms.arxiv.oai_page import ARXIV
from transforms.arxiv.oai_page import page as look
from transforms.arxiv.oai_replies import read
from transforms.arxiv.snapshot_lines import filed, read_lines

IMPORTED_AT = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(recordings):
    if not (recordings / "arxiv").is_dir():
        pytest.skip("the recordings of arXiv (../shared/recordings/arxiv) are not here")
    return recordings / "arxiv"


@pytest.fixture(scope="module")
def computing(folder):
    """Half of a complete harvest of computer science in 2016, and its 50 pages."""
    pages = [gzip.decompress(path.read_bytes()) for path in sorted(folder.glob("oai_cs_2016/*.xml.gz"))]
    return read(replies(*pages)), pages


@pytest.fixture(scope="module")
def raw(computing):
    """The raw texts of the 50 pages, by element."""
    held: dict[str, list[str]] = {}
    for body in computing[1]:
        for element in etree.fromstring(body).iter(f"{ARXIV}*"):
            held.setdefault(etree.QName(element).localname, []).append(element.text or "")
    return held


@pytest.fixture(scope="module")
def authors(computing):
    return computing[0].records.select("paper_id", "authors").explode("authors").unnest("authors")


def test_fifty_pages_of_a_thousand_records_are_fifty_thousand_papers(computing):
    found = computing[0]
    assert found.records.height == found.records["paper_id"].n_unique() == 50_000
    assert found.pages["record_count"].to_list() == [1000] * 50
    assert found.headers.height == 50_000
    assert found.pages["cursor"].to_list() == [*range(0, 50_000, 1000)]
    assert set(found.pages["complete_list_size"]) == {102_538}
    assert found.pages["resumption_token"][0] == "1122234|1001"


def test_two_values_of_them_could_not_be_read(computing):
    rejects = computing[0].rejects
    assert sorted(rejects.select("paper_id", "field", "reason", "message").rows()) == [
        ("1209.6144", "doi", "doi_invalid", "found may 2012; a DOI has the form 10.1234/name"),
        ("1211.5740", "doi", "doi_invalid", "found 55; a DOI has the form 10.1234/name"),
    ]
    assert rejects["entry"].str.contains("<doi>").all()


TOLD = {
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


def test_every_value_told_is_a_value_read(computing, raw):
    rows = computing[0].records
    assert {name: rows[name].count() for name in TOLD} == {name: len(raw[element]) for name, element in TOLD.items()}
    assert rows["license_url"].null_count() == 2_445
    assert (rows["acm_class"].count(), rows["msc_class"].count()) == (5_871, 3_970)


def test_titles_and_abstracts_that_came_wrapped_stand_on_one_line(computing, raw):
    assert sum("\n" in text for text in raw["title"]) == 18_842
    assert sum(text.startswith("  ") for text in raw["abstract"]) == 50_000
    for name in ("title", "abstract", "comments", "journal_ref", "report_number"):
        texts = computing[0].records[name].drop_nulls()
        assert not texts.str.contains(r"\p{Cc}|[^\S ]|  |\A | \z").any(), name


def test_control_characters_are_gone(raw, computing):
    assert sum("\x7f" in text for texts in raw.values() for text in texts) == 14
    assert not computing[0].records.select(pl.col(pl.String).str.contains("\x7f").any()).row(0).count(True)


def test_doubled_escapes_are_undone_but_for_what_is_none(computing, raw):
    escape = r"&(?:#[0-9]+|[A-Za-z]+);"
    told = pl.Series([text for texts in raw.values() for text in texts])
    assert told.str.contains(escape).sum() == 37
    left = computing[0].records.select(pl.concat_str(pl.col(pl.String), separator=" ", ignore_nulls=True))
    assert left.to_series().str.extract(escape, 0).drop_nulls().to_list() == ["&T;"]


def test_every_author_is_read_with_all_parts(authors, raw):
    assert authors.height == len(raw["author"]) == 132_761
    assert authors["forenames"].null_count() == 267
    assert authors["suffix"].count() == len(raw["suffix"]) == 240
    assert authors["affiliations"].list.len().sum() == len(raw["affiliation"]) == 13_143
    assert sorted(authors["suffix"].drop_nulls().unique()) == ["II", "III", "IV", "Jr", "Jr.", "V"]


def test_a_comma_before_a_suffix_is_nowhere_left(authors, raw):
    assert sum(name.endswith(",") for name in raw["keyname"]) == 19
    assert not authors["keyname"].str.contains(",").any()


def test_of_61_names_with_tex_in_them_ten_keep_some(authors, raw):
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


def test_dois_are_whole_and_several_are_several(computing):
    dois = computing[0].records["dois"]
    assert (dois.count(), dois.list.len().sum()) == (9_897, 9_904)
    assert dois.list.len().value_counts().sort("dois").rows()[1:] == [(1, 9_891), (2, 5), (3, 1)]
    assert ["10.1002/(SICI)1099-1425(200005/06)3:3<139::AID-JOS41>3.0.CO;2-2"] in dois.to_list()


def test_withdrawn_papers_are_found_by_what_they_say(computing):
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


# The server that is in use since 2025, and others.


@pytest.fixture(scope="module")
def pages_2026(folder):
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("oai_server_2026/*.xml"))}


def test_every_recorded_error_is_told_by_its_code(pages_2026):
    errors = {name: body for name, body in pages_2026.items() if name.startswith("error_")}
    assert len(errors) == 13
    for name, body in errors.items():
        found = look(body, 200)
        assert (found.kind, found.error_code, found.fault) == ("error", name.split("_")[1], None), name
        assert found.message, name


def test_every_recorded_answer_of_the_new_server_is_what_it_was_asked_for(pages_2026):
    kinds = {"ListRecords": "records", "ListIdentifiers": "identifiers", "GetRecord": "record", "error": "error"}
    for name, body in pages_2026.items():
        found = look(body, 200)
        is_other = any(name.endswith(other) or f"_{other}_" in name for other in ("arXivRaw", "arXivOld", "oai_dc"))
        expected = "fault" if is_other else kinds.get(name.split("_")[0], "about")
        assert (found.kind, found.fault) == (expected, "other_format" if is_other else None), name
        assert is_other or found.response_date.date() == date(2026, 11, 23), name


def test_the_new_server_s_records_are_read_whole(pages_2026):
    lists = [body for name, body in pages_2026.items() if name.startswith("ListRecords_arXiv_0")]
    found = read(replies(*lists))
    assert found.records.height == found.records["paper_id"].n_unique() == 503
    assert found.rejects.is_empty()
    tokens = found.pages["resumption_token"].to_list()
    assert [bool(token) for token in tokens] == [True, True, True, False]
    assert tokens[3] == ""
    assert found.pages["expires_at"].to_list() == [datetime(2026, 11, 24, tzinfo=UTC)] * 3 + [None]


def test_the_new_server_s_headers_agree_with_its_records(pages_2026):
    listed = [body for name, body in pages_2026.items() if name.startswith("ListIdentifiers")]
    told = [body for name, body in pages_2026.items() if name.startswith("ListRecords_arXiv_0")]
    both = [
        read(replies(*bodies)).headers.drop("captured_at", "body_sha256").sort("paper_id") for bodies in (listed, told)
    ]
    assert both[0].height == 503
    assert both[0].equals(both[1])


def test_the_new_server_s_acm_classes_are_unknown_for_it_tells_the_msc_class_or_none(pages_2026):
    lists = [body for name, body in pages_2026.items() if name.startswith("ListRecords_arXiv_")]
    assert b"".join(lists).count(b"<acm-class>") == 5
    assert read(replies(*lists)).records["acm_class"].count() == 0


def test_the_new_server_s_half_converted_letters_are_letters(pages_2026):
    rows = read(replies(pages_2026["ListRecords_arXiv_02"])).records
    held = rows.filter(paper_id="1102.0499").row(0, named=True)
    assert held["authors"][0]["keyname"] == "Döllinger"
    assert "high resolution coudé échelle spectrograph" in held["abstract"]
    assert "Thüringer Landessternwarte" in held["abstract"]


def test_the_new_server_tells_the_newest_version_s_date_as_created(pages_2026):
    row = read(replies(pages_2026["GetRecord_0806.4129_arXiv"])).records.row(0, named=True)
    assert (row["created_on"], row["updated_on"], row["datestamp"]) == (
        date(2014, 12, 12),
        date(2014, 12, 15),
        date(2014, 12, 15),
    )


def test_old_identifiers_are_read_wherever_they_were_recorded(folder):
    paths = [*folder.glob("oai_server_2026/*.xml"), *folder.glob("oai_http_2018/*.xml"), *folder.glob("oai_misc/*.xml")]
    found = read(replies(*(path.read_bytes() for path in sorted(paths))))
    old = found.records.filter(pl.col("paper_id").str.contains("/", literal=True))
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
    assert found.headers["paper_id"].str.contains("/", literal=True).sum() > old.height
    assert set(found.rejects["reason"]) == {"other_format"}


def test_the_old_server_s_answers_are_read(folder):
    def recorded(start: str) -> bytes:
        (path,) = folder.glob(f"oai_http_2018/{start}*")
        return path.read_bytes()

    busy = recorded("listrecords---should-list-identifiers-from-arxiv_0")
    assert (look(busy, 503).fault, look(busy, 503).can_asking_again_help) == ("http_status", True)
    assert look(busy, 200).fault == "html"
    assert look(recorded("listidentifiers"), 200).headers.height == 86
    row = read(replies(recorded("getrecord"))).records.row(0, named=True)
    assert row["authors"][0]["affiliations"] == ["Radboud Universiteit"]
    assert look(recorded("listsets"), 200).kind == look(recorded("identify"), 200).kind == "about"


# The snapshot.


def test_the_recorded_lines_of_the_snapshot_are_read_whole(folder):
    lines = (folder / "arxiv-metadata-oai-snapshot.head.jsonl").read_bytes().splitlines()
    placed = filed(lines, IMPORTED_AT.date())
    assert placed["filed_on"].unique().to_list() == [date(2007, 4, 1)]
    assert placed["line"].to_list() == lines
    found = read_lines(placed.with_columns(imported_at=pl.lit(IMPORTED_AT).dt.cast_time_unit("us")))
    assert found.rejects.is_empty()
    rows = found.rows
    assert rows["paper_id"].to_list() == [f"0704.{number:04}" for number in range(1, 201)]
    counted = {name: rows[name].count() for name in ("comments", "journal_ref", "dois", "report_number", "license_url")}
    assert counted == {"comments": 182, "journal_ref": 109, "dois": 117, "report_number": 16, "license_url": 19}
    people = rows["authors"].explode().struct.unnest()
    assert (people.height, people["affiliations"].list.len().sum(), people["suffix"].count()) == (537, 42, 1)
    assert rows["dois"].list.len().max() == 2
    assert rows["abstract"].str.starts_with(" ").sum() == 0


def test_the_snapshot_and_the_server_tell_the_same_of_a_paper(folder, computing):
    lines = (folder / "arxiv-metadata-oai-snapshot.head.jsonl").read_bytes().splitlines()
    placed = filed(lines).with_columns(imported_at=pl.lit(IMPORTED_AT).dt.cast_time_unit("us"))
    both = read_lines(placed).rows.join(computing[0].records, on=["paper_id", "datestamp"], suffix="_there")
    assert both.height == 8
    for name in ("title", "abstract", "authors", "categories", "comments", "journal_ref", "dois", "license_url"):
        assert both[name].to_list() == both[f"{name}_there"].to_list(), name
