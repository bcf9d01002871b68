"""Finds a harvest that a run left incomplete, and its checkpoint."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import polars as pl

from paperlake.ingest.oai_harvest import HarvestCheckpoint, Window
from paperlake.store.inbox import waiting
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_consistent
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.calendar import month_of, months_of
from schemas.harvests import HARVESTS
from transforms.arxiv.oai_page import parse_page

_FINAL_VERDICTS = ("complete", "confirmed_empty")
_WALK_VERB = "ListRecords"


def interrupted_harvest(lake: Lake, window: Window, now: datetime) -> tuple[datetime, HarvestCheckpoint] | None:
    """The start and the checkpoint of the newest harvest of `window`; None if it has ended or cannot be resumed.

    A token expires at midnight (UTC), so only answers since then count.
    """
    replies = _answers_of_today(lake, now)
    for started_at in replies["harvest_started_at"].unique().sort(descending=True):
        is_walk = (pl.col("harvest_started_at") == started_at) & (pl.col("verb") == _WALK_VERB)
        answers = replies.filter(is_walk).sort("captured_at")
        if answers.height and _requested_window(answers["url"][0]) == window:
            return None if _has_ended(lake, started_at) else _checkpoint(started_at, answers)
    return None


def _checkpoint(started_at: datetime, answers: pl.DataFrame) -> tuple[datetime, HarvestCheckpoint] | None:
    """The readable pages of a walk, and the token of the last of them."""
    headers: list[pl.DataFrame] = []
    token: str | None = None
    responded_at: datetime | None = None
    for body, status_code in answers.select("body", "status_code").iter_rows():
        page = parse_page(body, status_code)
        if page.fault is not None or page.error_code is not None:
            continue
        responded_at = responded_at or page.response_date
        headers.append(page.headers)
        token = page.resumption_token or None
    if not headers:
        return None
    return started_at, HarvestCheckpoint(tuple(headers), token, len(headers), responded_at)


def _answers_of_today(lake: Lake, now: datetime) -> pl.DataFrame:
    """The answers stored since midnight (UTC), published or in the inbox."""
    today = now.date()
    # A harvest that began before midnight may have ended after it.
    months = months_of((today, today - timedelta(days=1)))
    is_of_today = pl.col("captured_on") == today
    published = read_consistent(lake, lambda seen: scan(seen, ARXIV_REPLIES, months).filter(is_of_today).collect())
    in_inbox = [waiting(lake, ARXIV_REPLIES, month).rows.filter(is_of_today) for month in sorted(months)]
    return pl.concat([published, *in_inbox]).unique(ARXIV_REPLIES.key, maintain_order=True)


def _has_ended(lake: Lake, started_at: datetime) -> bool:
    month = month_of(started_at)
    is_its_end = (pl.col("harvest_started_at") == started_at) & pl.col("verdict").is_in(_FINAL_VERDICTS)
    in_inbox = waiting(lake, HARVESTS, month).rows.filter(is_its_end)
    published = read_consistent(
        lake, lambda seen: scan(seen, HARVESTS, {month}).filter(is_its_end).select(pl.len()).collect().item()
    )
    return bool(in_inbox.height or published)


def _requested_window(url: str | None) -> Window | None:
    """The window in the first request of a walk; None for a later request."""
    parameters = {name: values[0] for name, values in parse_qs(urlsplit(url or "").query).items()}
    if "resumptionToken" in parameters:
        return None
    days = {name: date.fromisoformat(parameters[name]) if name in parameters else None for name in ("from", "until")}
    return Window(parameters.get("set"), days["from"], days["until"])
