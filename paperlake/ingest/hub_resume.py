"""Captures that a dead run left unfinished: what is there of them is kept, the rest can still be asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from paperlake.sources.answer import Answer
from paperlake.sources.hub import has_more
from paperlake.store import inbox
from paperlake.store.lake import Lake
from schemas.hub_replies import HUB_REPLIES

LONGEST_PAUSE = timedelta(hours=1)
"""A list may move while its pages are asked for. An older capture is begun anew instead."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A capture whose last kept page announces another."""

    listed_on: date
    began_at: datetime
    last_page: int
    last_body: bytes


def unfinished(lake: Lake, month: str, now: datetime) -> Iterator[Unfinished]:
    """The captures waiting for `month` that ended before their list did, and began less than an hour ago."""
    waiting = inbox.waiting(lake, HUB_REPLIES, month).rows
    capture = ["requested_on", "capture_started_at"]
    last_pages = (
        waiting.filter(pl.col("url").is_not_null(), pl.col("capture_started_at") > now - LONGEST_PAUSE)
        .sort(*capture, "page")
        .unique(subset=capture, keep="last", maintain_order=True)
    )
    for page in last_pages.rows(named=True):
        headers = tuple(json.loads(page["headers"]).items())
        answer = Answer(page["url"], page["status_code"], headers, page["body"], page["captured_at"])
        if has_more(answer):
            yield Unfinished(page["requested_on"], page["capture_started_at"], page["page"], page["body"])
