"""One arXiv answer: its kind, or the name of its fault. Entities are never expanded, and nothing is fetched."""

from datetime import UTC, date, datetime

import pytest

from schemas.arxiv_rejects import PAGE_FAULTS
from tests.arxiv_answers import OPENING, header, record, replies, xml_answer, xml_page
from transforms.arxiv import oai_page as arxiv_page
from transforms.arxiv.oai_page import parse_page
from transforms.arxiv.oai_replies import parse_replies

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
HEAD = DECLARATION + OPENING.encode()


@pytest.mark.parametrize(
    ("body", "kind", "count"),
    [
        (xml_page(record("2511.00001"), record("2511.00002")), "records", 2),
        (xml_page(record(), verb="GetRecord"), "record", 1),
        (xml_page(header("2511.00001"), header("hep-th/9901001"), verb="ListIdentifiers"), "identifiers", 2),
        (xml_page(verb="Identify"), "about", 0),
        (xml_page(verb="ListSets"), "about", 0),
        (xml_page(verb="ListMetadataFormats"), "about", 0),
        (xml_answer('<error code="noRecordsMatch">No such.</error>'), "error", 0),
    ],
)
def test_an_answer_has_the_kind_of_its_content(body, kind, count):
    page = parse_page(body, 200)
    assert (page.kind, page.record_count, page.fault) == (kind, count, None)
    assert page.response_date == datetime(2026, 11, 25, 3, 15, tzinfo=UTC)


def test_an_imported_answer_without_status_counts_as_200():
    assert parse_page(xml_page(record()), None).kind == "records"


def test_a_list_of_one_page_has_no_token_a_last_page_an_empty_one():
    assert parse_page(xml_page(record()), 200).resumption_token is None
    assert parse_page(xml_page(record(), token=""), 200).resumption_token == ""
    assert parse_page(xml_page(record(), token=" a|1001 "), 200).resumption_token == "a|1001"


def test_tokens_of_the_old_server_have_a_cursor_and_of_the_new_one_an_expiry():
    old = parse_page(xml_page(record(), token="a", attributes=' cursor="1000" completeListSize="102538"'), 200)
    assert (old.cursor, old.complete_list_size, old.expires_at) == (1000, 102538, None)
    new = parse_page(xml_page(record(), token="a", attributes=' expirationDate="2026-11-26T00:00:00Z"'), 200)
    assert (new.cursor, new.complete_list_size, new.expires_at) == (None, None, datetime(2026, 11, 26, tzinfo=UTC))


@pytest.mark.parametrize(
    "attributes", [' cursor="many" completeListSize="-1"', ' expirationDate="tomorrow"', ' expirationDate="2026-11-26"']
)
def test_invalid_attributes_of_a_token_are_ignored(attributes):
    page = parse_page(xml_page(record(), token="a", attributes=attributes), 200)
    assert (page.resumption_token, page.cursor, page.complete_list_size, page.expires_at) == ("a", None, None, None)


def test_an_error_has_its_code_and_message():
    page = parse_page(xml_answer('<error code="badResumptionToken">It is\n  expired.</error>'), 200)
    assert (page.kind, page.error_code, page.message) == ("error", "badResumptionToken", "It is expired.")
    assert not page.is_retryable


def test_several_errors_give_the_first_code_and_all_messages():
    page = parse_page(xml_answer('<error code="badVerb">One.</error><error code="badArgument">Two.</error>'), 200)
    assert (page.error_code, page.message) == ("badVerb", "One.; Two.")


def test_headers_include_deletions_and_omit_invalid_identifiers():
    body = xml_page(
        header("2511.00001", "2025-11-05"),
        header("hep-th/9901001", "2025-13-05"),
        header("2511.00002", "2025-11-06", "deleted"),
        header("nothing"),
        verb="ListIdentifiers",
    )
    assert parse_page(body, 200).headers.rows() == [
        ("2511.00001", date(2025, 11, 5), False),
        ("hep-th/9901001", None, False),
        ("2511.00002", date(2025, 11, 6), True),
    ]


def test_an_answer_without_records_has_no_headers():
    assert parse_page(b"", 200).headers.is_empty()
    assert parse_page(xml_page(verb="Identify"), 200).headers.is_empty()


BOMB = b"".join(
    [b"<!DOCTYPE x [", b'<!ENTITY a "ha">']
    + [f'<!ENTITY {new} "{f"&{old};" * 10}">'.encode() for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    + [b"]>"]
)
FILE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
REMOTE = b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">'

BROKEN = {
    "nothing": (b"", "empty"),
    "only white space": (b" \n\t ", "empty"),
    "a page of HTML": (b"<html><body>Retry after 10 seconds</body></html>", "html"),
    "a page of HTML with a document type": (b"<!doctype html>\n<title>Sorry</title>", "html"),
    "XHTML": (b'<?xml version="1.0"?><!-- hi --><html xmlns="http://www.w3.org/1999/xhtml"/>', "html"),
    "words": (b"Bad gateway", "not_xml"),
    "JSON": (b'{"error": "busy"}', "not_xml"),
    "UTF-16": ("<x/>".encode("utf-16"), "not_xml"),
    "crossed tags": (xml_answer("<ListRecords><a></b></ListRecords>"), "not_xml"),
    "a bare ampersand": (xml_answer("<ListRecords>R&D</ListRecords>"), "not_xml"),
    "two answers": (xml_page(record()) * 2, "not_xml"),
    "half a tag": (xml_page(record())[:-3], "truncated"),
    "half a page": (xml_page(record("2511.00001"), record("2511.00002"))[:700], "truncated"),
    "half a letter": (HEAD + "<a>é".encode()[:-1], "truncated"),
    "Latin-1": (HEAD + b"<a>\xe9t\xe9</a></OAI-PMH>", "not_utf8"),
    "Latin-1 that says so": (b'<?xml version="1.0" encoding="ISO-8859-1"?><OAI-PMH>\xe9</OAI-PMH>', "not_utf8"),
    "half a pair": (HEAD + b"<a>\xed\xa0\x80</a></OAI-PMH>", "not_utf8"),
    "a backspace": (HEAD + b"<a>\x08</a></OAI-PMH>", "control_characters"),
    "a null": (HEAD + b"<a>\x00</a></OAI-PMH>", "control_characters"),
    "an escaped null": (HEAD + b"<a>&#0;</a></OAI-PMH>", "control_characters"),
    "an escaped bell": (HEAD + b"<a>&#x7;</a></OAI-PMH>", "control_characters"),
    "an entity of HTML": (HEAD + b"<a>&nbsp;</a></OAI-PMH>", "entities"),
    "a bomb of entities": (DECLARATION + BOMB + b"<x>&i;</x>", "entities"),
    "a file as an entity": (DECLARATION + FILE + b"<x>&a;</x>", "entities"),
    "a document type elsewhere": (DECLARATION + REMOTE + b"<x/>", "entities"),
    "a document type after comments": (b"<!-- -->\n<?p?>" + BOMB + b"<x/>", "entities"),
    "too deep": (HEAD + b"<a>" * 300 + b"</a>" * 300 + b"</OAI-PMH>", "too_large"),
    "a text without end": (HEAD + b"<a>" + b"x" * 11_000_000 + b"</a></OAI-PMH>", "too_large"),
    "another root": (b'<rss version="2.0"/>', "not_oai"),
    "a root without its namespace": (b"<OAI-PMH><ListRecords/></OAI-PMH>", "not_oai"),
    "no answer in it": (xml_answer(""), "not_oai"),
    "an answer and an error": (xml_answer('<ListRecords/><error code="badVerb"/>'), "not_oai"),
    "another format": (
        xml_page('<record><metadata><dc xmlns="http://www.openarchives.org/OAI/2.0/oai_dc/"/></metadata></record>'),
        "other_format",
    ),
    "another format in one of two": (
        xml_page(record(), '<record><metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"/></metadata></record>'),
        "other_format",
    ),
}


@pytest.mark.parametrize(("body", "fault"), BROKEN.values(), ids=BROKEN.keys())
def test_an_unreadable_answer_has_a_named_fault(body, fault):
    page = parse_page(body, 200)
    assert (page.kind, page.fault, page.record_count) == ("fault", fault, 0)
    assert page.message.startswith(PAGE_FAULTS[fault])
    assert "\n" not in page.message


@pytest.mark.parametrize(("body", "fault"), BROKEN.values(), ids=BROKEN.keys())
def test_an_unreadable_answer_is_one_reject_and_does_not_affect_others(body, fault):
    page = parse_replies(replies(xml_page(record("2511.00001")), body, xml_page(record("2511.00002"))))
    assert page.records["paper_id"].to_list() == ["2511.00001", "2511.00002"]
    assert page.pages["fault"].to_list() == [None, fault, None]
    assert page.rejects.select("position", "paper_id", "field", "reason", "entry", "is_row_kept").rows() == [
        (0, None, "$", fault, None, False)
    ]


def test_these_tests_cover_every_fault():
    assert {fault for _, fault in BROKEN.values()} | {"http_status"} == set(PAGE_FAULTS)


def test_a_body_is_limited_in_bytes(monkeypatch):
    body = xml_page(record())
    monkeypatch.setattr(arxiv_page, "MAX_PAGE_BYTES", len(body))
    assert parse_page(body, 200).fault is None
    assert parse_page(body + b" ", 200).fault == "too_large"


@pytest.mark.parametrize(
    ("status_code", "is_retryable"),
    [
        (503, True),
        (429, True),
        (500, True),
        (502, True),
        (504, True),
        (408, True),
        (403, False),
        (404, False),
        (301, False),
    ],
)
def test_a_status_other_than_200_is_a_fault_and_some_are_retryable(status_code, is_retryable):
    page = parse_page(xml_page(record()), status_code)
    assert (page.kind, page.fault, page.is_retryable) == ("fault", "http_status", is_retryable)
    assert str(status_code) in page.message


@pytest.mark.parametrize("name", ["nothing", "a page of HTML", "half a page", "words"])
def test_transient_faults_are_retryable(name):
    assert parse_page(BROKEN[name][0], 200).is_retryable


@pytest.mark.parametrize(
    "name", ["Latin-1", "a null", "a bomb of entities", "another root", "another format", "too deep"]
)
def test_permanent_faults_are_not_retryable(name):
    assert not parse_page(BROKEN[name][0], 200).is_retryable


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n", b" \r\n\t"])
def test_white_space_and_a_byte_order_mark_before_the_answer_are_ignored(before):
    assert parse_page(before + xml_page(record()), 200).kind == "records"


def test_namespace_prefixes_change_nothing():
    body = xml_page(record()).replace(b"<OAI-PMH xmlns=", b"<OAI-PMH xmlns:o=").decode()
    for name in ("OAI-PMH", "ListRecords", "record", "header", "identifier", "datestamp", "setSpec", "metadata"):
        body = body.replace(f"<{name}", f"<o:{name}").replace(f"</{name}", f"</o:{name}")
    assert parse_page(body.encode(), 200).headers["paper_id"].to_list() == ["2511.00010"]
    assert parse_page(body[:-30].encode(), 200).fault == "truncated"
