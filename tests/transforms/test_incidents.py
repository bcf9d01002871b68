"""Faults of volume and quality, put into recorded months: each is reported, and hardly anything where there is none."""

import copy
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import polars as pl
import pytest

from paperlake.quality import judge
from schemas.hub_replies import HUB_REPLIES
from schemas.list_profile import LIST_PROFILE
from tests.replies import NONE_ACCEPTED
from transforms.drift import notices
from transforms.hub import replies as hub
from transforms.hub.list_profile import profile

MONTHS = ("2025-09", "2025-10", "2025-11")
DAY = date(2025, 10, 22)
Held = list[dict[str, Any]]


@pytest.fixture(scope="module")
def recorded(recordings) -> dict[date, Held]:
    folder = recordings / "hub" / "daily_papers"
    files = [path for month in MONTHS for path in sorted(folder.glob(f"{month}-*.json"))]
    return {date.fromisoformat(path.stem): json.loads(path.read_bytes()) for path in files}


def row(day: date, held: Any, *, page: int = 0, hours: int = 40) -> dict[str, Any]:
    """An answer that came so long after its date began in UTC; forty hours are after closing."""
    body = held if isinstance(held, bytes) else json.dumps(held).encode()
    began = datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(hours=hours)
    digest = sha256(body).hexdigest()
    told = {"url": f"https://hub.test/api/daily_papers?date={day}&limit=100&p={page}", "status_code": 200}
    asked = {"requested_on": day, "capture_started_at": began, "page": page, "captured_at": began}
    return asked | told | {"headers": "{}", "body": body, "body_sha256": digest}


def answers(recorded: dict[date, Held]) -> list[dict[str, Any]]:
    return [row(day, held) for day, held in recorded.items()]


def reported(rows: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Everything that is said of these answers: what kind of report, of which date, and about what."""
    reading = hub.read(pl.DataFrame(rows, schema=pl.Schema(HUB_REPLIES.arrow())))
    refused = judge.stopped(reading.captures).captures
    made = hub.build(reading, refused, NONE_ACCEPTED)
    days = made["source_days"]
    lists = profile(made["listings"], made["signals"], made["captures"], made["rejects"], days)
    warned, _ = judge.warned(LIST_PROFILE, lists)
    open_days = days.filter(pl.col("verdict").is_in(["partial", "failed"]))
    return {
        *(("warning", str(one.listed_on), one.column) for one in warned),
        *(("refused", str(day), "capture") for day in refused["listed_on"]),
        *(("verdict", str(day), verdict) for day, verdict in open_days.select("listed_on", "verdict").iter_rows()),
        *(
            ("drift", str(day), path)
            for day, path in notices(made["field_days"]).select("listed_on", "field_path").iter_rows()
        ),
        *(("reject", str(day), reason) for day, reason in made["rejects"].select("listed_on", "reason").iter_rows()),
    }


@pytest.fixture(scope="module")
def usual(recorded):
    return reported(answers(recorded))


def each(change: Callable[[dict[str, Any]], object]) -> Callable[[Held], Held]:
    def changed(held: Held) -> Held:
        made = copy.deepcopy(held)
        for one in made:
            change(one)
        return made

    return changed


def renamed(one: dict[str, Any]) -> None:
    one["paper"]["upvoteCount"] = one["paper"].pop("upvotes")


def later(field: str) -> Callable[[dict[str, Any]], None]:
    def shift(one: dict[str, Any]) -> None:
        at = datetime.fromisoformat(one["paper"][field]) + timedelta(days=1)
        one["paper"][field] = at.isoformat().replace("+00:00", "Z")

    return shift


SPOILT: dict[str, tuple[Callable[[Held], Any], tuple[str, str]]] = {
    "all votes are zero": (each(lambda one: one["paper"].update(upvotes=0)), ("warning", "zero_votes_share")),
    "titles are empty": (each(lambda one: one["paper"].update(title="")), ("warning", "no_title_share")),
    "a field is renamed": (each(renamed), ("drift", "$.paper.upvoteCount")),
    "votes come as text": (each(lambda one: one["paper"].update(upvotes="12")), ("reject", "wrong_type")),
    "abstracts are cut": (
        each(lambda one: one["paper"].update(summary=one["paper"]["summary"][:200])),
        ("warning", "abstract_shrinkage"),
    ),
    "authors are gone": (each(lambda one: one["paper"].update(authors=[])), ("warning", "no_authors_share")),
    "all have one title": (each(lambda one: one["paper"].update(title="Same")), ("warning", "same_title_share")),
    "AI fields are gone": (
        each(lambda one: [one["paper"].pop(name, None) for name in ("ai_summary", "ai_keywords")]),
        ("warning", "ai_drop"),
    ),
    "publication is a day late": (each(later("publishedAt")), ("warning", "future_share")),
    "the dates are shifted by a day": (each(later("submittedOnDailyAt")), ("refused", "capture")),
    "the order is lost": (lambda held: held[::-1], ("warning", "disorder_share")),
    "votes are absurd": (
        each(lambda one: one["paper"].update(upvotes=one["paper"]["upvotes"] * 1000)),
        ("warning", "votes_factor"),
    ),
    "most of the list is missing": (lambda held: held[::5], ("warning", "shortfall")),
    "a page of the site comes instead": (lambda _: b"<html>Too many requests</html>", ("verdict", "failed")),
    "ids are gone": (each(lambda one: one["paper"].pop("id")), ("refused", "capture")),
}


@pytest.mark.parametrize("incident", SPOILT)
def test_a_spoilt_list_is_reported(recorded, usual, incident):
    spoil, (kind, about) = SPOILT[incident]
    assert len(recorded[DAY]) >= 20
    said = reported(answers({**recorded, DAY: spoil(recorded[DAY])})) - usual
    assert (kind, str(DAY), about) in said


def test_the_list_of_another_date_is_refused(recorded, usual):
    said = reported(answers({**recorded, DAY: recorded[DAY - timedelta(days=1)]})) - usual
    assert ("refused", str(DAY), "capture") in said


def test_the_list_of_another_date_is_reported_also_where_entries_tell_no_date(recorded, usual):
    silent = each(lambda one: one["paper"].pop("submittedOnDailyAt"))
    said = reported(answers({**recorded, DAY: silent(recorded[DAY - timedelta(days=1)])})) - usual
    assert ("warning", str(DAY), "elsewhere_share") in said


def test_a_page_that_comes_twice_is_reported(recorded, usual):
    said = reported([*answers(recorded), row(DAY, recorded[DAY], page=1)]) - usual
    assert ("warning", str(DAY), "repeated_share") in said


AGAIN: dict[str, tuple[Callable[[Held], Held], str]] = {
    "half a day is missing": (lambda held: held[::2], "gone_share"),
    "the list is empty": (lambda _: [], "gone_share"),
    "votes fell": (each(lambda one: one["paper"].update(upvotes=one["paper"]["upvotes"] // 2)), "fallen_share"),
}


@pytest.mark.parametrize("incident", AGAIN)
def test_a_list_that_is_worse_than_it_was_is_reported(recorded, usual, incident):
    spoil, column = AGAIN[incident]
    said = reported([*answers(recorded), row(DAY, spoil(recorded[DAY]), hours=64)]) - usual
    assert ("warning", str(DAY), column) in said


def test_a_list_that_is_cut_is_only_partial(recorded, usual):
    many = [copy.deepcopy(one) for one in (recorded[DAY] * 4)[:50]]
    for n, one in enumerate(many):
        one["paper"]["id"] = f"2510.{n:05}"
    cut = row(DAY, many) | dict.fromkeys(("url", "status_code", "headers"))
    others = [one for one in answers(recorded) if one["requested_on"] != DAY]
    assert ("verdict", str(DAY), "partial") in reported([*others, cut]) - usual


def test_what_is_sound_is_left_in_peace(usual):
    assert len([one for one in usual if one[0] != "drift"]) <= 1
