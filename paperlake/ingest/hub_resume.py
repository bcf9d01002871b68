"""Captures that an interrupted run left incomplete: their pages are stored, and the rest can still be requested."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus

import polars as pl

from paperlake.sources.answer import Answer
from paperlake.sources.hub import count_entries, has_next_page, is_first_page_again
from paperlake.store import inbox
from paperlake.store.lake import Lake
from schemas.hub_replies import HUB_REPLIES

MAX_PAUSE = timedelta(hours=1)
"""A list may change between its pages, so an older capture is not resumed but started again."""


@dataclass(frozen=True, slots=True)
class InterruptedCapture:
    """A capture that needs more requests: another page, or the first page again at the end of several."""

    listed_on: date
    started_at: datetime
    last_page: int
    last_body: bytes
    is_at_end: bool
    """Whether only the first page must be requested again."""


def interrupted_captures(lake: Lake, month: str, now: datetime) -> Iterator[InterruptedCapture]:
    """The captures in the inbox of `month` that miss their last pages and began less than MAX_PAUSE before `now`."""
    replies = inbox.waiting(lake, HUB_REPLIES, month).rows
    capture = ["requested_on", "capture_started_at"]
    last_pages = (
        replies.filter(pl.col("url").is_not_null(), pl.col("capture_started_at") > now - MAX_PAUSE)
        .sort(*capture, "page")
        .unique(subset=capture, keep="last", maintain_order=True)
    )
    for page in last_pages.rows(named=True):
        headers = tuple(json.loads(page["headers"]).items())
        answer = Answer(page["url"], page["status_code"], headers, page["body"], page["captured_at"])
        is_later_page = page["page"] > 0 and answer.status_code == HTTPStatus.OK and bool(count_entries(answer.body))
        is_checked = is_first_page_again(answer.url, page["page"])
        has_next = has_next_page(answer)
        if not is_checked and (is_later_page or has_next):
            yield InterruptedCapture(
                page["requested_on"], page["capture_started_at"], page["page"], page["body"], is_at_end=not has_next
            )
