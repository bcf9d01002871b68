"""The generated world: deterministic, with lists that grow like the Hub's, and papers found by id."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sandbox.clock import Clock, closes_at, open_day, opens_at
from sandbox.hub.generated import GeneratedHub, has_list
from sandbox.hub.recorded import RecordedHub

LONG_AFTER = datetime(2027, 6, 1, tzinfo=UTC)
WEDNESDAY = date(2026, 1, 7)


def weekdays(first, count):
    days = (first + timedelta(days=after) for after in range(count * 2))
    return [day for day in days if has_list(day)][:count]


def entries_of(day, world=None, at=LONG_AFTER):
    return (world or GeneratedHub(seed=1)).listed(day, at)


def papers_of(day, world=None, at=LONG_AFTER):
    return [entry["paper"] for entry in entries_of(day, world, at)]


def at_hour(day, hour):
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


# Time.


def test_a_clock_stands_still_until_it_is_moved():
    clock = Clock(datetime(2026, 1, 7, 3, tzinfo=UTC))
    assert clock.now() == clock.now()
    clock.move_to(datetime(2026, 1, 8, tzinfo=ZoneInfo("America/New_York")))
    assert clock.now() == datetime(2026, 1, 8, 5, tzinfo=UTC)


def test_a_clock_without_a_time_follows_real_time():
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_clock_refuses_a_timestamp_without_a_zone():
    with pytest.raises(ValueError, match="time zone"):
        Clock(datetime(2026, 1, 7))  # noqa: DTZ001 - the invalid value


@pytest.mark.parametrize(("day", "hour"), [(date(2026, 1, 7), 2), (date(2026, 7, 8), 1)])
def test_a_date_opens_at_half_past_nine_in_new_york_the_evening_before(day, hour):
    opened = opens_at(day)
    assert opened == datetime(day.year, day.month, day.day, hour, 30, tzinfo=UTC)
    assert closes_at(day) == opens_at(day + timedelta(days=1))
    assert open_day(opened) == day
    assert open_day(opened - timedelta(seconds=1)) == day - timedelta(days=1)


# Which days.


def test_the_same_seed_gives_the_same_world():
    at = at_hour(WEDNESDAY, 15)
    assert GeneratedHub(seed=7).body(WEDNESDAY, at) == GeneratedHub(seed=7).body(WEDNESDAY, at)
    assert GeneratedHub(seed=7).body(WEDNESDAY, at) != GeneratedHub(seed=8).body(WEDNESDAY, at)


def test_a_list_does_not_depend_on_earlier_requests():
    world = GeneratedHub(seed=21)
    for day in weekdays(date(2025, 12, 1), 20):
        world.listed(day, LONG_AFTER)
    later = world.body(WEDNESDAY, LONG_AFTER)
    world.paper("2601.00001", LONG_AFTER)
    assert later == GeneratedHub(seed=21).body(WEDNESDAY, LONG_AFTER)


def test_the_world_is_the_same_in_another_process():
    code = (
        "import datetime, hashlib, sandbox.hub.generated as g;"
        "at = datetime.datetime(2026, 1, 7, 15, tzinfo=datetime.UTC);"
        "print(hashlib.sha256(g.GeneratedHub(seed=7).body(at.date(), at)).hexdigest())"
    )
    hashes = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    expected = hashlib.sha256(GeneratedHub(seed=7).body(WEDNESDAY, at_hour(WEDNESDAY, 15))).hexdigest()
    assert hashes == [expected, expected]


@pytest.mark.parametrize(
    "day",
    [date(2026, 1, 10), date(2026, 1, 11), date(2025, 12, 25), date(2025, 11, 27), date(2023, 5, 3)],
)
def test_weekends_holidays_and_dates_before_the_archive_are_empty(day):
    assert entries_of(day) == []


def test_the_archive_begins_on_its_first_day():
    assert entries_of(date(2023, 5, 4))


def test_list_lengths_match_papers_a_day():
    sizes = [len(entries_of(day)) for day in weekdays(date(2025, 1, 2), 120)]
    assert 26 <= sum(sizes) / len(sizes) <= 34
    assert min(sizes) >= 8
    assert max(sizes) > 50


@pytest.mark.parametrize("papers_a_day", [-1, 1201])
def test_too_many_papers_a_day_are_refused(papers_a_day):
    with pytest.raises(ValueError, match="papers_a_day"):
        GeneratedHub(papers_a_day=papers_a_day)


# Growth.


def test_a_list_grows_from_opening_to_closing():
    world, days = GeneratedHub(seed=3), weekdays(date(2025, 10, 1), 20)
    whole = sum(len(world.listed(day, closes_at(day))) for day in days)
    assert all(world.listed(day, opens_at(day)) == [] for day in days)
    assert 0.55 < sum(len(world.listed(day, at_hour(day, 8))) for day in days) / whole < 0.65
    assert 0.85 < sum(len(world.listed(day, at_hour(day, 17))) for day in days) / whole < 0.95


def test_listed_papers_stay_while_the_date_is_open():
    world = GeneratedHub(seed=4)
    seen = [{paper["id"] for paper in papers_of(WEDNESDAY, world, at_hour(WEDNESDAY, hour))} for hour in (4, 9, 14, 23)]
    assert all(earlier < later for earlier, later in pairwise(seen))


def test_a_list_is_ordered_by_votes():
    upvotes = [paper["upvotes"] for paper in papers_of(WEDNESDAY)]
    assert upvotes == sorted(upvotes, reverse=True)


def test_votes_grow_for_two_weeks():
    world = GeneratedHub(seed=5)
    totals = [
        sum(paper["upvotes"] for paper in papers_of(WEDNESDAY, world, closes_at(WEDNESDAY) + timedelta(days=days)))
        for days in (0, 2, 6, 15, 60)
    ]
    assert totals[0] < totals[1] < totals[2] <= totals[3]
    assert totals[3] == totals[4]
    assert totals[0] > 0.3 * totals[3]


def test_sometimes_one_vote_is_taken_back():
    world, falls = GeneratedHub(seed=6), Counter()
    for day in weekdays(date(2025, 9, 1), 8):
        history = [
            {
                paper["id"]: paper["upvotes"]
                for paper in papers_of(day, world, closes_at(day) + timedelta(hours=6 * step))
            }
            for step in range(56)
        ]
        for before, after in pairwise(history):
            falls.update(before[paper_id] - after[paper_id] for paper_id in before.keys() & after.keys())
    assert max(falls) == 1
    assert falls[1] > 3


def test_votes_are_heavy_tailed_and_some_papers_have_none():
    upvotes = sorted(paper["upvotes"] for day in weekdays(date(2025, 2, 3), 80) for paper in papers_of(day))
    assert 4 <= upvotes[len(upvotes) // 2] <= 8
    assert 0.03 < upvotes.count(0) / len(upvotes) < 0.07
    assert upvotes[-1] > 150


def test_comments_and_stars_grow():
    world, day = GeneratedHub(seed=9), date(2025, 9, 3)
    early, late = world.listed(day, closes_at(day)), world.listed(day, LONG_AFTER)
    assert sum(entry["numComments"] for entry in early) < sum(entry["numComments"] for entry in late)
    stars = [sum(entry["paper"].get("githubStars", 0) for entry in entries) for entries in (early, late)]
    assert stars[0] < stars[1]


def test_ai_fields_appear_later():
    world, days = GeneratedHub(seed=10), weekdays(date(2025, 9, 1), 20)

    def fraction(after):
        papers = [paper for day in days for paper in papers_of(day, world, closes_at(day) + after)]
        return sum("ai_summary" in paper and "ai_keywords" in paper for paper in papers) / len(papers)

    assert 0.35 < fraction(timedelta(hours=-4)) < 0.55
    assert fraction(timedelta(days=2)) > 0.95


# Moved papers and ids.


def moves(world, days):
    lists = {}
    for day in days:
        for paper in papers_of(day, world, closes_at(day)):
            lists.setdefault(paper["id"], []).append(day)
    return {paper_id: on for paper_id, on in lists.items() if len(on) > 1}


def test_one_paper_in_150_moves_to_a_later_list():
    world, days = GeneratedHub(seed=11, papers_a_day=60), weekdays(date(2025, 9, 1), 40)
    moved = moves(world, days)
    assert 6 <= len(moved) <= 30
    paper_id, (first, second) = next(iter(moved.items()))
    before = {paper["id"]: paper for paper in papers_of(first, world, closes_at(first))}[paper_id]
    after = {paper["id"]: paper for paper in papers_of(second, world, closes_at(second))}[paper_id]
    assert before["discussionId"] == after["discussionId"]
    assert before["upvotes"] <= after["upvotes"]
    assert after["submittedOnDailyAt"].startswith(str(second))
    assert paper_id not in {paper["id"] for paper in papers_of(first, world, closes_at(second))}
    assert world.paper(paper_id, LONG_AFTER)["submittedOnDailyAt"].startswith(str(second))


def test_a_paper_is_on_one_list_at_a_time():
    world, days = GeneratedHub(seed=11, papers_a_day=60), weekdays(date(2025, 9, 1), 15)
    for hour in range(8, 24 * 14, 7):
        at = at_hour(days[0], hour)
        ids = Counter(paper["id"] for day in days for paper in papers_of(day, world, at))
        assert ids.most_common(1)[0][1] == 1


def test_ids_are_unique_and_one_in_ten_ends_in_a_zero():
    papers = [paper for day in weekdays(date(2025, 1, 2), 260) for paper in papers_of(day)]
    ids = Counter(paper["id"] for paper in papers)
    assert max(ids.values()) == 1
    assert all(re.fullmatch(r"\d{4}\.\d{5}", paper_id) for paper_id in ids)
    assert 0.08 < sum(paper_id.endswith("0") for paper_id in ids) / len(ids) < 0.12


def test_an_id_contains_the_month_of_publication():
    for day in (date(2025, 10, 1), date(2025, 10, 31), date(2026, 1, 2)):
        for paper in papers_of(day):
            assert paper["id"][:4] == paper["publishedAt"][2:4] + paper["publishedAt"][5:7]
            # At most five days, except for papers that moved here from an earlier list.
            assert timedelta(0) < day - date.fromisoformat(paper["publishedAt"][:10]) <= timedelta(days=14)


def test_any_listed_paper_can_be_requested_by_id():
    world = GeneratedHub(seed=12)
    for day in (date(2025, 10, 1), date(2025, 10, 31), date(2023, 6, 1)):
        at = closes_at(day)
        for paper in papers_of(day, world, at):
            assert world.paper(paper["id"], at) == paper


@pytest.mark.parametrize(
    "paper_id", ["2601.99999", "2613.00001", "9901.00001", "hep-th/9901001", "x", "", "2601.0000x"]
)
def test_an_unknown_paper_is_none(paper_id):
    assert GeneratedHub().paper(paper_id, LONG_AFTER) is None


def test_a_paper_is_unknown_before_it_is_listed():
    paper = papers_of(WEDNESDAY)[0]
    assert GeneratedHub(seed=1).paper(paper["id"], opens_at(WEDNESDAY)) is None


def test_the_body_is_the_list_as_compact_json():
    world = GeneratedHub(seed=13)
    body, entries = world.body(WEDNESDAY, LONG_AFTER), world.listed(WEDNESDAY, LONG_AFTER)
    assert json.loads(body) == entries
    assert body.decode() == json.dumps(entries, ensure_ascii=False, separators=(",", ":"))
    assert 2500 < len(body) / len(entries) < 4500


# Recorded worlds.


def test_a_recorded_date_is_served_byte_for_byte(tmp_path):
    body = b'[ {"paper":{"id":"2601.00010","upvotes":1}} ]\n'
    (tmp_path / "2026-01-07.json").write_bytes(body)
    world = RecordedHub(tmp_path)
    assert world.raw(WEDNESDAY, LONG_AFTER) == body
    assert world.listed(WEDNESDAY, LONG_AFTER) == [{"paper": {"id": "2601.00010", "upvotes": 1}}]
    assert world.paper("2601.00010", LONG_AFTER) == {"id": "2601.00010", "upvotes": 1}
    assert world.listed(date(2026, 1, 8), LONG_AFTER) is None
    assert world.paper("2601.00011", LONG_AFTER) is None


def test_the_newest_capture_before_the_time_is_served_else_the_oldest(tmp_path):
    folder = tmp_path / "2026-01-07"
    folder.mkdir()
    for hour in (8, 17):
        (folder / f"2026-01-07T{hour:02d}0000Z.json").write_text(f"[{hour}]")
    world = RecordedHub(tmp_path)
    served = [world.raw(WEDNESDAY, at_hour(WEDNESDAY, hour)) for hour in (7, 8, 16, 18)]
    assert served == [b"[8]", b"[8]", b"[8]", b"[17]"]


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        RecordedHub(tmp_path / "nowhere")
