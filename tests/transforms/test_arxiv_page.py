"""One answer of arXiv's: what it is, and by name what is wrong with it. Nothing in it is expanded, or fetched."""

from datetime import UTC, date, datetime

import pytest

from schemas.arxiv_rejects import PAGE_FAULTS
from tests.arxiv_answers import OPENING, answer, header, page, record, replies
from transforms.arxiv import oai_page as arxiv_page
from transforms.arxiv.oai_page import page as look
from transforms.arxiv.oai_replies import read

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
HEAD = DECLARATION + OPENING.encode()


@pytest.mark.parametrize(
    ("body", "kind", "count"),
    [
        (page(record("2511.00001"), record("2511.00002")), "records", 2),
        (page(record(), verb="GetRecord"), "record", 1),
        (page(header("2511.00001"), header("hep-th/9901001"), verb="ListIdentifiers"), "identifiers", 2),
        (page(verb="Identify"), "about", 0),
        (page(verb="ListSets"), "about", 0),
        (page(verb="ListMetadataFormats"), "about", 0),
        (answer('<error code="noRecordsMatch">No such.</error>'), "error", 0),
    ],
)
def test_an_answer_is_told_by_what_it_holds(body, kind, count):
    found = look(body, 200)
    assert (found.kind, found.record_count, found.fault) == (kind, count, None)
    assert found.response_date == datetime(2026, 11, 25, 3, 15, tzinfo=UTC)


def test_an_imported_answer_has_no_status_and_is_taken_for_a_200():
    assert look(page(record()), None).kind == "records"


def test_a_list_of_one_page_has_no_token_a_last_page_an_empty_one():
    assert look(page(record()), 200).resumption_token is None
    assert look(page(record(), token=""), 200).resumption_token == ""
    assert look(page(record(), token=" a|1001 "), 200).resumption_token == "a|1001"


def test_a_token_of_the_old_server_counts_and_of_the_new_one_expires():
    old = look(page(record(), token="a", attributes=' cursor="1000" completeListSize="102538"'), 200)
    assert (old.cursor, old.complete_list_size, old.expires_at) == (1000, 102538, None)
    new = look(page(record(), token="a", attributes=' expirationDate="2026-11-26T00:00:00Z"'), 200)
    assert (new.cursor, new.complete_list_size, new.expires_at) == (None, None, datetime(2026, 11, 26, tzinfo=UTC))


@pytest.mark.parametrize(
    "attributes", [' cursor="many" completeListSize="-1"', ' expirationDate="tomorrow"', ' expirationDate="2026-11-26"']
)
def test_what_a_token_says_beside_itself_may_be_nonsense(attributes):
    found = look(page(record(), token="a", attributes=attributes), 200)
    assert (found.resumption_token, found.cursor, found.complete_list_size, found.expires_at) == ("a", None, None, None)


def test_an_error_is_an_answer_with_its_code_and_words():
    found = look(answer('<error code="badResumptionToken">It is\n  expired.</error>'), 200)
    assert (found.kind, found.error_code, found.message) == ("error", "badResumptionToken", "It is expired.")
    assert not found.can_asking_again_help


def test_of_several_errors_the_first_decides_and_all_are_told():
    found = look(answer('<error code="badVerb">One.</error><error code="badArgument">Two.</error>'), 200)
    assert (found.error_code, found.message) == ("badVerb", "One.; Two.")


def test_headers_tell_their_papers_also_of_deletions_and_leave_out_what_is_no_paper():
    body = page(
        header("2511.00001", "2025-11-05"),
        header("hep-th/9901001", "2025-13-05"),
        header("2511.00002", "2025-11-06", "deleted"),
        header("nothing"),
        verb="ListIdentifiers",
    )
    assert look(body, 200).headers.rows() == [
        ("2511.00001", date(2025, 11, 5), False),
        ("hep-th/9901001", None, False),
        ("2511.00002", date(2025, 11, 6), True),
    ]


def test_an_answer_without_records_has_no_headers():
    assert look(b"", 200).headers.is_empty()
    assert look(page(verb="Identify"), 200).headers.is_empty()


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
    "crossed tags": (answer("<ListRecords><a></b></ListRecords>"), "not_xml"),
    "a bare ampersand": (answer("<ListRecords>R&D</ListRecords>"), "not_xml"),
    "two answers": (page(record()) * 2, "not_xml"),
    "half a tag": (page(record())[:-3], "truncated"),
    "half a page": (page(record("2511.00001"), record("2511.00002"))[:700], "truncated"),
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
    "no answer in it": (answer(""), "not_oai"),
    "an answer and an error": (answer('<ListRecords/><error code="badVerb"/>'), "not_oai"),
    "another format": (
        page('<record><metadata><dc xmlns="http://www.openarchives.org/OAI/2.0/oai_dc/"/></metadata></record>'),
        "other_format",
    ),
    "another format in one of two": (
        page(record(), '<record><metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"/></metadata></record>'),
        "other_format",
    ),
}


@pytest.mark.parametrize(("body", "fault"), BROKEN.values(), ids=BROKEN.keys())
def test_what_cannot_be_read_is_refused_by_name(body, fault):
    found = look(body, 200)
    assert (found.kind, found.fault, found.record_count) == ("fault", fault, 0)
    assert found.message.startswith(PAGE_FAULTS[fault])
    assert "\n" not in found.message


@pytest.mark.parametrize(("body", "fault"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_answer_among_good_ones_is_one_reject_and_costs_them_nothing(body, fault):
    found = read(replies(page(record("2511.00001")), body, page(record("2511.00002"))))
    assert found.records["paper_id"].to_list() == ["2511.00001", "2511.00002"]
    assert found.pages["fault"].to_list() == [None, fault, None]
    assert found.rejects.select("position", "paper_id", "field", "reason", "entry", "is_row_kept").rows() == [
        (0, None, "$", fault, None, False)
    ]


def test_no_fault_is_left_untried():
    assert {fault for _, fault in BROKEN.values()} | {"http_status"} == set(PAGE_FAULTS)


def test_a_body_is_never_larger_than_what_is_agreed(monkeypatch):
    body = page(record())
    monkeypatch.setattr(arxiv_page, "MOST_BYTES", len(body))
    assert look(body, 200).fault is None
    assert look(body + b" ", 200).fault == "too_large"


@pytest.mark.parametrize(
    ("status_code", "may_pass"),
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
def test_a_status_is_a_fault_whatever_the_body_says_and_some_pass(status_code, may_pass):
    found = look(page(record()), status_code)
    assert (found.kind, found.fault, found.can_asking_again_help) == ("fault", "http_status", may_pass)
    assert str(status_code) in found.message


@pytest.mark.parametrize("name", ["nothing", "a page of HTML", "half a page", "words"])
def test_an_answer_that_broke_on_its_way_may_come_whole_the_next_time(name):
    assert look(BROKEN[name][0], 200).can_asking_again_help


@pytest.mark.parametrize(
    "name", ["Latin-1", "a null", "a bomb of entities", "another root", "another format", "too deep"]
)
def test_an_answer_that_was_made_so_will_be_made_so_again(name):
    assert not look(BROKEN[name][0], 200).can_asking_again_help


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b"\n", b" \r\n\t"])
def test_what_stands_before_the_answer_does_no_harm(before):
    assert look(before + page(record()), 200).kind == "records"


def test_a_prefix_before_every_name_changes_nothing():
    body = page(record()).replace(b"<OAI-PMH xmlns=", b"<OAI-PMH xmlns:o=").decode()
    for name in ("OAI-PMH", "ListRecords", "record", "header", "identifier", "datestamp", "setSpec", "metadata"):
        body = body.replace(f"<{name}", f"<o:{name}").replace(f"</{name}", f"</o:{name}")
    assert look(body.encode(), 200).headers["paper_id"].to_list() == ["2511.00010"]
    assert look(body[:-30].encode(), 200).fault == "truncated"
