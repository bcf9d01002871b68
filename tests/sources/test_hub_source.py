"""The list of a date: which pages are asked for, and what ends it."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest

from paperlake.sources.answer import Answer, SourceUnreachable
from paperlake.sources.hub import PAGE_CAP, PAGE_SIZE, announces_next, entry_count, fetch_date

DAY = date(2025, 1, 15)
NEXT = '<https://huggingface.co/api/daily_papers?date=2025-01-15&p=1>; rel="next"'


def entries(first: int, count: int) -> bytes:
    return json.dumps([{"paper": {"id": f"2501.{number:05}"}} for number in range(first, first + count)]).encode()


FULL, MORE, FEW = entries(0, PAGE_SIZE), entries(200, PAGE_SIZE), entries(100, 3)


def page(body: bytes, status: int = 200, link: str = "") -> Answer:
    headers = (("link", link),) if link else ()
    return Answer("https://hub.test/api", status, headers, body, datetime(2025, 1, 16, tzinfo=UTC))


class Hub:
    """A client that gives the pages it was made with, and notes what it is asked."""

    def __init__(self, *pages: Answer) -> None:
        self.pages = pages
        self.asked: list[tuple[str, dict[str, str | int]]] = []

    def get(self, path: str, params: Mapping[str, str | int]) -> Answer:
        self.asked.append((path, dict(params)))
        if len(self.asked) > len(self.pages):
            text = "hub.test could not be asked"
            raise SourceUnreachable(text)
        return self.pages[len(self.asked) - 1]


def test_a_page_is_asked_by_date_limit_and_number_on_our_own_host():
    hub = Hub(page(FEW, link='<https://elsewhere.test/x?cursor=7>; rel="next"'), page(b"[]"))
    assert list(fetch_date(hub, DAY)) == list(hub.pages)
    assert hub.asked == [("/api/daily_papers", {"date": "2025-01-15", "limit": 100, "p": p}) for p in (0, 1)]


def test_a_page_is_handed_over_before_the_next_is_asked():
    hub = Hub(page(FULL), page(FEW))
    pages = fetch_date(hub, DAY)
    assert (next(pages), len(hub.asked)) == (hub.pages[0], 1)


def test_pages_before_an_unreachable_one_are_not_lost():
    hub = Hub(page(FULL))
    pages = fetch_date(hub, DAY)
    assert next(pages) is hub.pages[0]
    with pytest.raises(SourceUnreachable):
        next(pages)


@pytest.mark.parametrize(
    ("pages", "asked"),
    [
        ([page(FEW)], 1),
        ([page(b"[]")], 1),
        ([page(b"[]", link=NEXT)], 1),
        ([page(FULL), page(FEW)], 2),
        ([page(FULL), page(b"[]")], 2),
        ([page(FULL), page(MORE), page(b"[]")], 3),
        ([page(FEW, link=NEXT), page(MORE), page(FEW)], 3),
        ([page(FULL, link='<x>; rel="prev"'), page(FEW)], 2),
        ([page(FULL), page(FULL)], 2),
        ([page(FEW, link=NEXT), page(FEW, link=NEXT)], 2),
        ([page(FULL, 400)], 1),
        ([page(FEW, 404, NEXT)], 1),
        ([page(FULL), page(FULL[:-1], 500)], 2),
        ([page(FULL[:-1], link=NEXT)], 1),
        ([page(b'{"error": "x"}', link=NEXT)], 1),
        ([page(b"<html>", link=NEXT)], 1),
    ],
)
def test_a_list_goes_on_while_pages_are_full_or_announced(pages: list[Answer], asked: int):
    hub = Hub(*pages, page(FEW), page(FEW))
    assert list(fetch_date(hub, DAY)) == pages
    assert len(hub.asked) == asked


def test_a_list_without_end_is_ended():
    hub = Hub(*(page(entries(number, PAGE_SIZE)) for number in range(PAGE_CAP + 5)))
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
def test_a_link_is_read_however_it_is_written(link: str, is_announced: bool):  # noqa: FBT001
    assert announces_next(link) is is_announced


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"[]", 0), (b" [1, 2] ", 2), (FULL, 100), (b"\xef\xbb\xbf[1]", 1), (b"{}", None), (b"null", None), (b"", None),
        (b"[1", None), (b"[1]]", None), (b"\xff\xfe\xfa", None), (b"\x00", None), (b'["\xff"]', None),
        (b"[" * 100_000, None), (b'{"a":' * 100_000, None), (b"[" + b"9" * 5000 + b"]", 1), (b"[1e999, NaN]", 2),
        (b'["\\ud800"]', 1),
    ],
)  # fmt: skip
def test_entries_are_counted_on_any_bytes(body: bytes, count: int | None):
    assert entry_count(body) == count
