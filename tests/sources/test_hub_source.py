"""The list of a date: which pages are requested, and which page is the last."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest

from paperlake.sources.answer import Answer, SourceUnreachable
from paperlake.sources.hub import PAGE_CAP, PAGE_SIZE, count_entries, fetch_date, has_changed, link_has_next

DAY = date(2025, 1, 15)
NEXT = '<https://huggingface.co/api/daily_papers?date=2025-01-15&p=1>; rel="next"'


def entries(first: int, count: int) -> bytes:
    return json.dumps([{"paper": {"id": f"2501.{number:05}"}} for number in range(first, first + count)]).encode()


FULL, MORE, FEW = entries(0, PAGE_SIZE), entries(200, PAGE_SIZE), entries(100, 3)
HALF = entries(0, 50)


def page_answer(body: bytes, status: int = 200, link: str = "", page: int = 0) -> Answer:
    headers = (("link", link),) if link else ()
    return Answer(f"https://hub.test/api?p={page}", status, headers, body, datetime(2025, 1, 16, tzinfo=UTC))


class MockHub:
    """A client that returns the given pages, and records its requests."""

    def __init__(self, *pages: Answer) -> None:
        self.pages = pages
        self.requests: list[tuple[str, dict[str, str | int]]] = []

    def get(self, path: str, params: Mapping[str, str | int]) -> Answer:
        self.requests.append((path, dict(params)))
        if len(self.requests) > len(self.pages):
            text = "hub.test could not be asked"
            raise SourceUnreachable(text)
        return self.pages[len(self.requests) - 1]


def test_a_page_is_requested_by_date_limit_and_number_on_the_configured_host():
    hub = MockHub(page_answer(FEW, link='<https://elsewhere.test/x?cursor=7>; rel="next"'), page_answer(b"[]"))
    assert list(fetch_date(hub, DAY)) == list(hub.pages)
    assert hub.requests == [("/api/daily_papers", {"date": "2025-01-15", "limit": 100, "p": p}) for p in (0, 1)]


def test_a_page_is_yielded_before_the_next_is_requested():
    hub = MockHub(page_answer(FULL), page_answer(FEW))
    pages = fetch_date(hub, DAY)
    assert (next(pages), len(hub.requests)) == (hub.pages[0], 1)


def test_pages_before_a_failed_request_are_yielded():
    hub = MockHub(page_answer(FULL))
    pages = fetch_date(hub, DAY)
    assert next(pages) is hub.pages[0]
    with pytest.raises(SourceUnreachable):
        next(pages)


@pytest.mark.parametrize(
    ("pages", "request_count"),
    [
        ([page_answer(FEW)], 1),
        ([page_answer(b"[]")], 1),
        ([page_answer(b"[]", link=NEXT)], 1),
        ([page_answer(FULL), page_answer(b"[]")], 2),
        ([page_answer(HALF), page_answer(b"[]")], 2),
        ([page_answer(FULL), page_answer(FULL)], 2),
        ([page_answer(FEW, link=NEXT), page_answer(FEW, link=NEXT)], 2),
        ([page_answer(FULL, 400)], 1),
        ([page_answer(FEW, 404, NEXT)], 1),
        ([page_answer(FULL), page_answer(FULL[:-1], 500)], 2),
        ([page_answer(FULL[:-1], link=NEXT)], 1),
        ([page_answer(b'{"error": "x"}', link=NEXT)], 1),
        ([page_answer(b"<html>", link=NEXT)], 1),
    ],
)
def test_a_list_continues_while_pages_are_full_or_announced(pages: list[Answer], request_count: int):
    hub = MockHub(*pages, page_answer(FEW), page_answer(FEW))
    assert list(fetch_date(hub, DAY)) == pages
    assert len(hub.requests) == request_count


@pytest.mark.parametrize(
    "pages",
    [
        [page_answer(FULL), page_answer(FEW)],
        [page_answer(FULL), page_answer(MORE), page_answer(b"[]")],
        [page_answer(FEW, link=NEXT), page_answer(MORE), page_answer(FEW)],
        [page_answer(FULL, link='<x>; rel="prev"'), page_answer(FEW)],
        # A server that sends at most 50 entries, or seven, whatever it is asked for.
        [page_answer(HALF), page_answer(entries(50, 28))],
        [page_answer(entries(0, 7), link=NEXT), page_answer(entries(7, 7)), page_answer(entries(14, 2))],
    ],
)
def test_a_list_of_several_pages_ends_with_its_first_page_again(pages: list[Answer]):
    hub = MockHub(*pages, pages[0])
    assert list(fetch_date(hub, DAY)) == [*pages, pages[0]]
    assert [params["p"] for _, params in hub.requests] == [*range(len(pages)), 0]


def test_a_list_changed_if_an_entry_repeats_or_its_first_page_differs_at_the_end():
    first, last, again = page_answer(FULL), page_answer(FEW, page=1), page_answer(FULL)
    assert not has_changed([first, last, again])
    assert not has_changed([first])
    assert has_changed([first, page_answer(entries(99, 3), page=1), again])  # one was added before the last
    assert has_changed([first, page_answer(entries(101, 3), page=1), page_answer(entries(1, 100))])  # one was removed


def test_an_endless_list_ends_at_the_page_cap():
    hub = MockHub(*(page_answer(entries(number, PAGE_SIZE)) for number in range(PAGE_CAP + 5)))
    assert len(list(fetch_date(hub, DAY))) == PAGE_CAP


@pytest.mark.parametrize(
    ("link", "is_announced"),
    [
        (NEXT, True), ("<x>; rel=next", True), ("<x>; REL=Next", True), ("<x> ; rel = 'next'", False),
        ("<x>;rel=next;title=a", True), ('<x>; title="a, b; c"; rel="next"', True), ('<x>; rel="prev next"', True),
        ('<x>; rel="prev", <y>; rel="next"', True), ("<x,y;z>; rel=prev, <a,b>; rel=next", True),
        ('<x>; title="\\", <y>; rel=next, <z>"; rel=last', False), ("<x;rel=next>; rel=prev", False),
        ('<x>; rel="prev"', False), ('<x>; rel="nextone"', False), ("<x>; rel=prev; rel=next", False),
        ('<x>; title="rel=next"', False), ("rel=next", False), ("x; rel=next", False), ("", False),
        (',;=<\\"', False), ("<", False), ('<x>; rel="next', False),
    ],
)  # fmt: skip
def test_link_has_next_accepts_every_spelling(link: str, is_announced: bool):  # noqa: FBT001
    assert link_has_next(link) is is_announced


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"[]", 0), (b" [1, 2] ", 2), (FULL, 100), (b"\xef\xbb\xbf[1]", 1), (b"{}", None), (b"null", None), (b"", None),
        (b"[1", None), (b"[1]]", None), (b"\xff\xfe\xfa", None), (b"\x00", None), (b'["\xff"]', 1),
        (b"[" * 100_000, None), (b'{"a":' * 100_000, None), (b"[" + b"9" * 5000 + b"]", 1), (b"[1e999, NaN]", 2),
        (b'["\\ud800"]', 1),
    ],
)  # fmt: skip
def test_count_entries_accepts_any_bytes(body: bytes, count: int | None):
    assert count_entries(body) == count
