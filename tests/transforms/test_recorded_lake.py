"""The tables built from recorded answers of the real Hub, compared with plain readings of the same files."""

import copy
import csv
import functools
import json
import operator
import random
import re
from collections import Counter
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from paperlake.quality.column_profile import profile_columns
from paperlake.quality.validator import Validator
from schemas.catalogue import TABLES
from schemas.hub_replies import HUB_REPLIES
from schemas.list_profile import LIST_PROFILE
from schemas.rejects import REASONS
from tests.replies import NO_DECISIONS, NO_REFUSALS, Tables, build_tables, capture
from tests.transforms.test_drift import RECORDED
from transforms.drift import notices
from transforms.hub import replies as hub
from transforms.hub.list_profile import profile_lists

pytestmark = pytest.mark.long

SCHEMA_VERSION_DATES = ["2024-03-13", "2024-07-26", "2025-03-12", "2025-09-30", "2026-05-19"]
"""One date for each schema version: with `mediaUrl`, `user.id`, no submitters, `submitterOrganization`, and newest."""


@pytest.fixture(scope="module")
def hub_folder(recordings) -> Path:
    return recordings / "hub"


@pytest.fixture(scope="module")
def raw(hub_folder) -> dict[str, list[Any]]:
    """The recorded lists by date, as Python reads JSON."""
    return {path.stem: json.loads(path.read_bytes()) for path in sorted((hub_folder / "daily_papers").glob("*.json"))}


def imported(path: Path, day: str, at: str) -> dict[str, Any]:
    body, began = path.read_bytes(), datetime.fromisoformat(at)
    return {
        "requested_on": date.fromisoformat(day),
        "capture_started_at": began,
        "page": 0,
        "captured_at": began,
        "url": None,
        "status_code": None,
        "headers": None,
        "body": body,
        "body_sha256": sha256(body).hexdigest(),
    }


def framed(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=pl.Schema(HUB_REPLIES.arrow()))


def built_by_month(answers: pl.DataFrame) -> Tables:
    """The tables of all months, each month built separately as in the lake."""
    months = answers.with_columns(month=pl.col("requested_on").dt.strftime("%Y-%m")).partition_by(
        "month", include_key=False, maintain_order=True
    )
    made = [hub.build_tables(hub.parse_replies(month), NO_REFUSALS, NO_DECISIONS) for month in months]
    return {name: pl.concat(item[name] for item in made) for name in made[0]}


@pytest.fixture(scope="module")
def dailies(hub_folder) -> pl.DataFrame:
    folder = hub_folder / "daily_papers"
    with (folder / "captures.csv").open(encoding="utf-8", newline="") as file:
        times = {row["file"]: row["captured_at"] for row in csv.DictReader(file)}
    return framed([imported(folder / name, name.removesuffix(".json"), at) for name, at in sorted(times.items())])


@pytest.fixture(scope="module")
def recaptures(hub_folder) -> pl.DataFrame:
    paths = sorted((hub_folder / "recaptures").glob("*/*.json"))
    return framed([imported(p, p.parent.name, re.sub(r"(\d\d)(\d\d)(\d\d)Z", r"\1:\2:\3Z", p.stem)) for p in paths])


@pytest.fixture(scope="module")
def lake(dailies) -> Tables:
    return built_by_month(dailies.sort("requested_on"))


def test_every_recorded_paper_and_author_is_published(lake, raw):
    assert lake["listings"].height == lake["signals"].height == 7_968
    assert lake["authors"].height == 80_083
    people = [person for entries in raw.values() for item in entries for person in item["paper"]["authors"]]
    assert lake["authors"]["is_hidden"].sum() == sum(person["hidden"] for person in people) == 25


def test_no_recorded_entry_is_refused(lake):
    assert lake["rejects"].is_empty()
    assert not lake["captures"]["is_refused"].any()


def test_no_recorded_capture_would_be_refused(lake):
    assert Validator().refused_captures(lake["captures"]).is_empty()


def test_verdicts_on_the_recorded_dates(lake):
    assert dict(lake["source_days"]["verdict"].value_counts().rows()) == {
        "partial": 482,
        "complete": 15,
        "settled": 1,
        "confirmed_empty": 1,
    }


def test_every_capture_adds_to_the_signals(dailies, recaptures):
    months = recaptures["requested_on"].dt.strftime("%Y-%m").unique()
    both = pl.concat([dailies, recaptures]).unique(HUB_REPLIES.key)
    together = built_by_month(
        both.filter(pl.col("requested_on").dt.strftime("%Y-%m").is_in(months)).sort("requested_on")
    )
    elsewhere = dailies.filter(~pl.col("requested_on").dt.strftime("%Y-%m").is_in(months))
    others = built_by_month(elsewhere.sort("requested_on"))
    assert together["signals"].height + others["signals"].height == 8_195
    busiest = together["captures"].filter(pl.col("listed_on") == date(2025, 1, 8))
    assert busiest.height >= 9


@pytest.mark.parametrize("month", ["2024-06", "2025-03", "2026-05"])
def test_a_recorded_month_meets_its_declaration(lake, month):
    for name, rows in lake.items():
        of_month = rows.filter(pl.col(TABLES[name].dated_by).dt.strftime("%Y-%m") == month)
        assert all(
            item.success
            for item in Validator().findings(TABLES[name], profile_columns(TABLES[name], {month: of_month}))
        ), name


def test_ids_are_unchanged(lake, raw):
    recorded = sorted((day, item["paper"]["id"]) for day, entries in raw.items() for item in entries)
    listed = lake["listings"].select(pl.col("listed_on").dt.strftime("%Y-%m-%d"), "paper_id").rows()
    assert sorted(listed) == recorded
    assert sum(paper_id.endswith("0") for _, paper_id in listed) > len(listed) * 0.08


@pytest.mark.parametrize(
    ("column", "read"),
    [
        ("upvote_count", lambda item: item["paper"].get("upvotes")),
        ("comment_count", lambda item: item.get("numComments")),
        ("github_star_count", lambda item: item["paper"].get("githubStars")),
        ("is_author_participating", lambda item: item.get("isAuthorParticipating")),
        ("discussion_id", lambda item: item["paper"].get("discussionId")),
        ("submitted_by", lambda item: item.get("submittedBy", {}).get("name")),
        (
            "organization",
            lambda item: (item.get("organization") or item.get("submitterOrganization") or {}).get("name"),
        ),
        ("thumbnail_url", lambda item: item.get("thumbnail")),
        ("ai_summary", lambda item: one_line(item["paper"].get("ai_summary"))),
        ("github_repo_url", lambda item: one_line(item["paper"].get("githubRepo"))),
        ("project_page_url", lambda item: one_line(item["paper"].get("projectPage"))),
    ],
)
def test_a_column_has_the_recorded_values(lake, raw, column, read):
    assert Counter(lake["listings"][column]) == Counter(read(item) for entries in raw.values() for item in entries)


def one_line(text: str | None) -> str | None:
    return " ".join(text.split()) or None if text else None


def expected_listing(place: int, item: Any) -> dict[str, Any]:
    """A row of `listings`, derived directly from the JSON."""
    paper = item["paper"]
    media = item.get("mediaUrls") or paper.get("mediaUrls") or ([item["mediaUrl"]] if item.get("mediaUrl") else None)
    keywords = paper.get("ai_keywords")
    return {
        "paper_id": paper["id"],
        "position": place,
        "title": one_line(paper["title"]),
        "abstract": one_line(paper["summary"]),
        "published_at": datetime.fromisoformat(paper["publishedAt"]),
        "author_count": len(paper["authors"]),
        "upvote_count": paper["upvotes"],
        "comment_count": item.get("numComments"),
        "media_urls": media,
        "ai_keywords": None if keywords is None else list(dict.fromkeys(word for word in keywords if word)),
    }


@pytest.mark.parametrize("day", SCHEMA_VERSION_DATES)
def test_a_recorded_date_reads_as_it_was_sent(lake, raw, day):
    entries = raw[day]
    assert entries
    rows = lake["listings"].filter(pl.col("listed_on") == date.fromisoformat(day)).sort("position")
    expected = [expected_listing(place, item) for place, item in enumerate(entries, 1)]
    assert rows.select(*expected[0]).rows(named=True) == expected
    people = lake["authors"].filter(pl.col("listed_on") == date.fromisoformat(day)).sort("paper_id", "position")
    assert people.select("paper_id", "position", "name", "hub_user", "status", "is_hidden").rows() == sorted(
        (
            item["paper"]["id"],
            place,
            one_line(person["name"]),
            person.get("user", {}).get("user"),
            person.get("status"),
            person.get("hidden", False),
        )
        for item in entries
        for place, person in enumerate(item["paper"]["authors"], 1)
    )


def test_recorded_answers_in_another_order_make_the_same_month(dailies):
    month = dailies.filter(pl.col("requested_on").dt.strftime("%Y-%m") == "2025-10")
    mixed = month.sample(fraction=1.0, shuffle=True, seed=random.Random(7).randint(0, 99))
    for name, frame in built_by_month(month).items():
        assert frame.equals(built_by_month(mixed)[name]), name


def test_every_known_drift_gives_a_notice_at_its_first_recorded_date(lake):
    notice_rows = notices(lake["field_days"])
    reported = {
        (str(day), what, path) for day, what, path in notice_rows.select("listed_on", "what", "field_path").iter_rows()
    }
    assert set(RECORDED) <= reported
    assert len(reported) < 100, "few other notices"


def test_the_recorded_lists_warn_less_than_once_in_ninety_days(lake):
    rows = profile_lists(lake["listings"], lake["signals"], lake["captures"], lake["rejects"], lake["source_days"])
    warned = Validator().warnings(LIST_PROFILE, rows)
    days = (rows["listed_on"].max() - rows["listed_on"].min()).days
    assert len(warned) <= days / 90


ABSURD = [None, True, 5, -5, 2**40, 1.5, "", "x" * 5000, [], {}, [1], {"a": 1}, "9999-99-99T99:99:99Z", "\x00"]


def value_paths(entries: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in an entry."""
    inside = entries.items() if isinstance(entries, dict) else enumerate(entries) if isinstance(entries, list) else ()
    return [place for key, value in inside for place in [(*path, key), *value_paths(value, (*path, key))]]


def with_absurd_values(entries: list[Any], share: float, chance: random.Random) -> list[Any]:
    """A list in which about this share of the entries has one absurd or missing value."""
    made = copy.deepcopy(entries)
    for item in made:
        if chance.random() < share:
            *outer, last = chance.choice(value_paths(item))
            inner = functools.reduce(operator.getitem, outer, item)
            if isinstance(inner, dict) and chance.random() < 0.2:
                del inner[last]
            else:
                inner[last] = chance.choice(ABSURD)
    return made


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.6, 0.99])
def test_every_entry_with_absurd_values_is_either_a_row_or_refused(hub_folder, share):
    entries = json.loads((hub_folder / "daily_papers" / "2025-10-22.json").read_bytes())
    made = build_tables(capture(with_absurd_values(entries, share, random.Random(share)), date(2025, 10, 22)))
    refused = made["rejects"].filter(pl.col("table_name") == "listings", ~pl.col("is_row_kept"))
    assert made["signals"].height + refused.height == len(entries)
    assert set(made["rejects"]["reason"]) <= set(REASONS)
    for name, rows in made.items():
        assert all(
            item.success
            for item in Validator().findings(TABLES[name], profile_columns(TABLES[name], {"2025-10": rows}))
        ), name
