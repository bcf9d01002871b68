"""A harvest that a run left unfinished: what it has kept, and where to go on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import polars as pl

from paperlake.ingest.oai_harvest import Kept, Window
from paperlake.store.inbox import waiting
from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_whole
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.harvests import HARVESTS
from transforms.arxiv.oai_page import page

_ENDED = ("complete", "confirmed_empty")
_WALK = "ListRecords"


def unfinished_harvest(lake: Lake, window: Window, now: datetime) -> tuple[datetime, Kept] | None:
    """When the newest harvest of `window` began that has not ended, and what it kept; None where none can be gone on.

    A token holds until the next midnight (UTC), so only what was kept since the last one counts.
    """
    replies = _kept_today(lake, now)
    for began in replies["harvest_started_at"].unique().sort(descending=True):
        answers = replies.filter(pl.col("harvest_started_at") == began, pl.col("verb") == _WALK).sort("captured_at")
        if answers.height and _window(answers["url"][0]) == window:
            return None if _has_ended(lake, began) else _rest(began, answers)
    return None


def _rest(began: datetime, answers: pl.DataFrame) -> tuple[datetime, Kept] | None:
    """What a walk kept, as far as its pages follow each other."""
    told: list[pl.DataFrame] = []
    token: str | None = None
    responded_at: datetime | None = None
    for body, status_code in answers.select("body", "status_code").iter_rows():
        one = page(body, status_code)
        if one.fault is not None or one.error_code is not None:
            continue
        responded_at = responded_at or one.response_date
        told.append(one.headers)
        token = one.resumption_token or None
    return (began, Kept(tuple(told), token, len(told), responded_at)) if told else None


def _kept_today(lake: Lake, now: datetime) -> pl.DataFrame:
    """The answers kept since midnight (UTC), published or waiting."""
    today = now.date()
    # A harvest may have begun before midnight, and its run ended after it.
    months = {day.strftime(MONTH_FORM) for day in (today, today - timedelta(days=1))}
    of_today = pl.col("captured_on") == today
    published = read_whole(lake, lambda seen: scan(seen, ARXIV_REPLIES, months).filter(of_today).collect())
    waits = [waiting(lake, ARXIV_REPLIES, month).rows.filter(of_today) for month in sorted(months)]
    return pl.concat([published, *waits]).unique(ARXIV_REPLIES.key, maintain_order=True)


def _has_ended(lake: Lake, began: datetime) -> bool:
    month = began.strftime(MONTH_FORM)
    mine = (pl.col("harvest_started_at") == began) & pl.col("verdict").is_in(_ENDED)
    waits = waiting(lake, HARVESTS, month).rows.filter(mine)
    known = read_whole(lake, lambda seen: scan(seen, HARVESTS, {month}).filter(mine).select(pl.len()).collect().item())
    return bool(waits.height or known)


def _window(url: str | None) -> Window | None:
    """What the first request of a walk asked for; None where it is no first request."""
    said = {name: values[0] for name, values in parse_qs(urlsplit(url or "").query).items()}
    if "resumptionToken" in said:
        return None
    days = {name: date.fromisoformat(said[name]) if name in said else None for name in ("from", "until")}
    return Window(said.get("set"), days["from"], days["until"])
