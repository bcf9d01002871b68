"""Faults of volume and quality injected into recorded months are reported, and unchanged months are not."""

import copy
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import polars as pl
import pytest

from paperlake.quality.validator import Validator
from schemas.hub_replies import HUB_REPLIES
from schemas.list_profile import LIST_PROFILE
from tests.replies import NO_DECISIONS
from transforms.drift import notices
from transforms.hub import replies as hub
from transforms.hub.list_profile import profile_lists

MONTHS = ("2025-09", "2025-10", "2025-11")
DAY = date(2025, 10, 22)
Entries = list[dict[str, Any]]


@pytest.fixture(scope="module")
def recorded(recordings) -> dict[date, Entries]:
    folder = recordings / "hub" / "daily_papers"
    files = [path for month in MONTHS for path in sorted(folder.glob(f"{month}-*.json"))]
    return {date.fromisoformat(path.stem): json.loads(path.read_bytes()) for path in files}


def row(day: date, entries: Any, *, page: int = 0, hours: int = 40) -> dict[str, Any]:
    """An answer that arrived `hours` after its date began in UTC; forty hours are after closing."""
    body = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    began = datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(hours=hours)
    digest = sha256(body).hexdigest()
    request = {"url": f"https://hub.test/api/daily_papers?date={day}&limit=100&p={page}", "status_code": 200}
    capture = {"requested_on": day, "capture_started_at": began, "page": page, "captured_at": began}
    return capture | request | {"headers": "{}", "body": body, "body_sha256": digest}


def answers(recorded: dict[date, Entries]) -> list[dict[str, Any]]:
    return [row(day, entries) for day, entries in recorded.items()]


def reported(rows: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """All reports for these answers: the kind of report, its date, and its subject."""
    reading = hub.parse_replies(pl.DataFrame(rows, schema=pl.Schema(HUB_REPLIES.arrow())))
    refused = Validator().refused_captures(reading.captures)
    made = hub.build_tables(reading, refused, NO_DECISIONS)
    days = made["source_days"]
    lists = profile_lists(made["listings"], made["signals"], made["captures"], made["rejects"], days)
    warned = Validator().warnings(LIST_PROFILE, lists)
    open_days = days.filter(pl.col("verdict").is_in(["in_doubt", "partial", "failed"]))
    return {
        *(("warning", str(item.listed_on), item.column) for item in warned),
        *(("refused", str(day), "capture") for day in refused["listed_on"]),
        *(("verdict", str(day), verdict) for day, verdict in open_days.select("listed_on", "verdict").iter_rows()),
        *(
            ("drift", str(day), path)
            for day, path in notices(made["field_days"]).select("listed_on", "field_path").iter_rows()
        ),
        *(("reject", str(day), reason) for day, reason in made["rejects"].select("listed_on", "reason").iter_rows()),
    }


@pytest.fixture(scope="module")
def baseline(recorded):
    return reported(answers(recorded))


def each(change: Callable[[dict[str, Any]], object]) -> Callable[[Entries], Entries]:
    def changed(entries: Entries) -> Entries:
        made = copy.deepcopy(entries)
        for item in made:
            change(item)
        return made

    return changed


def renamed(item: dict[str, Any]) -> None:
    item["paper"]["upvoteCount"] = item["paper"].pop("upvotes")


def day_later(field: str) -> Callable[[dict[str, Any]], None]:
    def shift(item: dict[str, Any]) -> None:
        at = datetime.fromisoformat(item["paper"][field]) + timedelta(days=1)
        item["paper"][field] = at.isoformat().replace("+00:00", "Z")

    return shift


INCIDENTS: dict[str, tuple[Callable[[Entries], Any], tuple[str, str]]] = {
    "all votes are zero": (each(lambda item: item["paper"].update(upvotes=0)), ("warning", "zero_votes_share")),
    "titles are empty": (each(lambda item: item["paper"].update(title="")), ("warning", "no_title_share")),
    "a field is renamed": (each(renamed), ("drift", "$.paper.upvoteCount")),
    "votes come as text": (each(lambda item: item["paper"].update(upvotes="12")), ("reject", "wrong_type")),
    "abstracts are cut": (
        each(lambda item: item["paper"].update(summary=item["paper"]["summary"][:200])),
        ("warning", "abstract_shrinkage"),
    ),
    "authors are gone": (each(lambda item: item["paper"].update(authors=[])), ("warning", "no_authors_share")),
    "all have one title": (each(lambda item: item["paper"].update(title="Same")), ("warning", "same_title_share")),
    "AI fields are gone": (
        each(lambda item: [item["paper"].pop(name, None) for name in ("ai_summary", "ai_keywords")]),
        ("warning", "ai_drop"),
    ),
    "publication is a day late": (each(day_later("publishedAt")), ("warning", "future_share")),
    "the dates are shifted by a day": (each(day_later("submittedOnDailyAt")), ("refused", "capture")),
    "the order is lost": (lambda entries: entries[::-1], ("warning", "disorder_share")),
    "votes are absurd": (
        each(lambda item: item["paper"].update(upvotes=item["paper"]["upvotes"] * 1000)),
        ("warning", "votes_factor"),
    ),
    "most of the list is missing": (lambda entries: entries[::5], ("warning", "shortfall")),
    "a page of the site comes instead": (lambda _: b"<html>Too many requests</html>", ("verdict", "failed")),
    "ids are gone": (each(lambda item: item["paper"].pop("id")), ("refused", "capture")),
}


@pytest.mark.parametrize("incident", INCIDENTS)
def test_an_incident_is_reported(recorded, baseline, incident):
    inject, (kind, about) = INCIDENTS[incident]
    assert len(recorded[DAY]) >= 20
    reports = reported(answers({**recorded, DAY: inject(recorded[DAY])})) - baseline
    assert (kind, str(DAY), about) in reports


def test_the_list_of_another_date_is_refused(recorded, baseline):
    reports = reported(answers({**recorded, DAY: recorded[DAY - timedelta(days=1)]})) - baseline
    assert ("refused", str(DAY), "capture") in reports


def test_the_list_of_another_date_is_reported_even_if_entries_have_no_date(recorded, baseline):
    silent = each(lambda item: item["paper"].pop("submittedOnDailyAt"))
    reports = reported(answers({**recorded, DAY: silent(recorded[DAY - timedelta(days=1)])})) - baseline
    assert ("warning", str(DAY), "elsewhere_share") in reports


def test_a_repeated_page_is_reported(recorded, baseline):
    reports = reported([*answers(recorded), row(DAY, recorded[DAY], page=1)]) - baseline
    assert ("warning", str(DAY), "repeated_share") in reports


AGAIN: dict[str, tuple[Callable[[Entries], Entries], str]] = {
    "half a day is missing": (lambda entries: entries[::2], "gone_share"),
    "votes fell": (each(lambda item: item["paper"].update(upvotes=item["paper"]["upvotes"] // 2)), "fallen_share"),
}


@pytest.mark.parametrize("incident", AGAIN)
def test_a_worse_second_capture_is_reported(recorded, baseline, incident):
    inject, column = AGAIN[incident]
    reports = reported([*answers(recorded), row(DAY, inject(recorded[DAY]), hours=64)]) - baseline
    assert ("warning", str(DAY), column) in reports


@pytest.mark.parametrize("kept", [0, 1])
def test_a_second_capture_that_loses_the_list_is_in_doubt(recorded, baseline, kept):
    reports = reported([*answers(recorded), row(DAY, recorded[DAY][:kept], hours=64)]) - baseline
    assert ("verdict", str(DAY), "in_doubt") in reports


def test_a_truncated_list_is_partial(recorded, baseline):
    many = [copy.deepcopy(item) for item in (recorded[DAY] * 4)[:50]]
    for n, item in enumerate(many):
        item["paper"]["id"] = f"2510.{n:05}"
    cut = row(DAY, many) | dict.fromkeys(("url", "status_code", "headers"))
    others = [item for item in answers(recorded) if item["requested_on"] != DAY]
    assert ("verdict", str(DAY), "partial") in reported([*others, cut]) - baseline


def test_unchanged_months_give_almost_no_reports(baseline):
    # The recorded list of 2025-09-30 has exactly 50 entries: it was cut there.
    others = baseline - {("verdict", "2025-09-30", "partial")}
    assert len([item for item in others if item[0] != "drift"]) <= 1
