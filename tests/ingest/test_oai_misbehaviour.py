"""Harvests of servers that answer wrongly: nothing looks complete that is not, and one bad record stops nothing."""

import re
from dataclasses import dataclass

import httpx
import pytest

from paperlake.ingest.oai_harvest import HarvestFailed
from tests.ingest.test_oai_harvest import NOW, PAPERS, Server, collection, connect, harvest
from transforms.arxiv.oai_page import parse_page

__all__ = ["connect"]
ERROR = (
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2026-11-02T04:00:00Z</responseDate>'
    '<request>x</request><error code="{}">no</error></OAI-PMH>'
)
EMPTY = ERROR.replace('<error code="{}">no</error>', "<{0}/>")
TOKEN = re.compile(r"<resumptionToken.*?(?:/>|</resumptionToken>)", re.DOTALL)


@dataclass
class Misbehaving(Server):
    """A server that changes its answers with `rewrite`, which gets the number of pages before it on its list."""

    rewrite: object = None

    def __call__(self, request):
        answer = super().__call__(request)
        verb = request.url.params["verb"]
        earlier = [query for query in self.requests[:-1] if query["verb"] == verb]
        page = 0 if "resumptionToken" not in request.url.params else len(earlier)
        text = self.rewrite(verb, page, answer.content)
        return httpx.Response(200, content=text if isinstance(text, bytes) else text.encode())


def lists_only(rewrite):
    """Apply `rewrite(page, text)` to pages of lists, and leave single records alone."""
    return lambda verb, page, body: body if verb == "GetRecord" else rewrite(verb, page, body.decode())


# Lists that look empty.


@pytest.mark.parametrize("page", [0, 1], ids=["the first page", "a later page"])
def test_a_list_without_entries_is_never_the_end_of_a_list(connect, page):
    server = Misbehaving(
        collection(), rewrite=lists_only(lambda verb, at, text: EMPTY.format(verb) if at >= page else text)
    )
    with pytest.raises(HarvestFailed, match="ListRecords is an empty list, 3 times, without the error noRecordsMatch"):
        harvest(connect, server)
    assert len(server.requests) == page + 3


def test_a_list_that_is_empty_once_is_requested_again(connect):
    empty = iter([True])
    server = Misbehaving(
        collection(),
        rewrite=lists_only(lambda verb, page, text: EMPTY.format(verb) if page == 1 and next(empty, False) else text),
    )
    progress, verdict, _ = harvest(connect, server)
    assert (verdict, progress.newest_headers.height) == ("complete", 60)


@pytest.mark.parametrize("code", ["noRecordsMatch", "badResumptionToken"])
def test_a_token_after_the_last_full_page_leads_to_a_complete_harvest(connect, code):
    papers = collection(PAPERS[:14])

    def add_token(_verb, page, text):
        if "noRecordsMatch" in text or "badResumptionToken" in text:
            return ERROR.format(code)
        is_last = text.count("<identifier>") == 7 and "resumptionToken" not in text
        return text.replace("</List", "<resumptionToken>verb%3Dmore</resumptionToken></List") if is_last else text

    server = Misbehaving(papers, rewrite=lists_only(add_token))
    progress, verdict, _ = harvest(connect, server)
    assert (verdict, progress.newest_headers.height) == ("complete", 14)


# Lists without an end.


def endless(kind):
    """Rewrites the tokens of a list so that it never ends."""
    numbers = iter(range(10**6))

    def rewrite(verb, page, text):
        if verb != "ListRecords" or page == 0:
            first[verb] = first.get(verb, text)
        if verb != "ListRecords":
            return text
        token = {"A, B, A": "AB"[page % 2], "new tokens": f"t{next(numbers)}"}[kind]
        return TOKEN.sub(f"<resumptionToken>{token}</resumptionToken>", first[verb])

    first = {}
    return rewrite


@pytest.mark.parametrize(
    ("kind", "why"),
    [("A, B, A", r"a resumption token came back \(A\)"), ("new tokens", "3 pages brought nothing new")],
)
def test_a_list_without_an_end_is_given_up_by_name_after_a_few_requests(connect, kind, why):
    server = Misbehaving(collection(), rewrite=lists_only(endless(kind)))
    with pytest.raises(HarvestFailed, match=rf"list of all sets, from the beginning on has no end: {why}"):
        harvest(connect, server)
    assert len(server.requests) <= 5


# One damaged record.

DAMAGE = {
    "a byte that is not UTF-8": b"\xff",
    "a control character": b"\x0b",
    "a control character as a reference": b"&#11;",
    "half of a surrogate pair": b"\xed\xa0\x80",
    "a character that is none": b"\xef\xbf\xbf",
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_record_is_refused_and_the_others_come(connect, kind):
    damaged = PAPERS[20].id

    def damage(_verb, _page, body):
        parts = re.split(rb"(?=<record>)", body)
        return b"".join(
            part.replace(b"<title>", b"<title>" + DAMAGE[kind], 1) if damaged.encode() in part else part
            for part in parts
        )

    server = Misbehaving(collection(), rewrite=damage)
    progress, verdict, answers = harvest(connect, server)
    assert (verdict, progress.newest_headers.height) == ("complete", 60)
    assert len(answers) < 30, "no page is asked for again and again"


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_page_with_a_damaged_record_says_so_and_keeps_the_places_of_its_records(kind):
    repository = Server(collection()).repository
    body = repository.answer([("verb", "ListRecords"), ("metadataPrefix", "arXiv")], NOW, "https://arxiv.example/oai")
    third = body.split(b"<title>")
    page = parse_page(b"<title>".join([*third[:3], DAMAGE[kind] + third[3], *third[4:]]), 200)
    whole = parse_page(body, 200)
    assert (page.kind, page.record_count) == ("records", whole.record_count)
    assert page.headers.equals(whole.headers)
    assert page.resumption_token == whole.resumption_token
    assert page.message.endswith(": 1 record is reduced to its header")


def test_a_damaged_header_of_a_list_of_identifiers_costs_one_header():
    repository = Server(collection()).repository
    arguments = [("verb", "ListIdentifiers"), ("metadataPrefix", "arXiv")]
    body = repository.answer(arguments, NOW, "https://arxiv.example/oai")
    page = parse_page(body.replace(b"<datestamp>", b"<datestamp>\x01", 1), 200)
    assert page.headers.height == parse_page(body, 200).headers.height - 1
