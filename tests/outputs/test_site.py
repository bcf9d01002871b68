"""The static site of a lake: every link works, and only changed pages are written."""

import gzip
import json
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_months
from paperlake.operations.import_replies import find_replies, publish_waiting, store_replies
from paperlake.outputs import site as website
from paperlake.outputs.site import build_site
from paperlake.render.editions import parse_editions
from paperlake.store.inbox import keep
from schemas.hub_replies import HUB_REPLIES
from tests.replies import capture, entry

DAYS = [date(2025, 10, 30), date(2025, 10, 31), date(2025, 11, 3), date(2025, 11, 4)]
MONTHS = ["2025-10", "2025-11"]
NO_EDITIONS = parse_editions("")


def after_close(day):
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=3)


def capture_list(lake, day, entries, at=None):
    for row in capture(entries, day, at or after_close(day)):
        keep(lake, HUB_REPLIES, row)


def paper(day, n, **fields):
    return entry(f"{day:%y%m}.{day.day:02}{n:03}", **fields)


def publish_lists(lake):
    for day in DAYS:
        capture_list(lake, day, [paper(day, n, paper__upvotes=9 - n) for n in (1, 2, 3)])
    list(publish_months(lake, MONTHS))


@pytest.fixture
def lake(build_once, lake_in_force):
    return build_once(publish_lists, lake_in_force)


def build(lake):
    return build_site(lake, NO_EDITIONS)


def text(lake, path):
    return (lake.site / path).read_text()


class Urls(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.urls = []
        self.feed(page)

    def handle_starttag(self, _tag, attrs):
        self.urls += [value for name, value in attrs if name in {"href", "src"}]


def test_every_link_leads_to_a_page(lake):
    build(lake)
    pages = sorted(lake.site.rglob("*.html"))
    assert len(pages) > 20
    for path in pages:
        for url in Urls(path.read_text()).urls:
            parts = urlsplit(url)
            if not parts.scheme and parts.path:
                assert (path.parent / unquote(parts.path)).is_file(), f"{path}: {url}"


def test_no_page_loads_from_another_host(lake):
    build(lake)
    for path in lake.site.rglob("*.html"):
        assert not re.search(r'(src|srcset)="(https?:)?//', path.read_text())
        assert not re.search(r'<link[^>]+href="https?:', path.read_text())


def test_a_day_links_to_its_neighbours_in_other_months(lake):
    build(lake)
    page = text(lake, "day/2025-11-03.html")
    assert 'rel="prev" href="../day/2025-10-31.html"' in page
    assert 'rel="next" href="../day/2025-11-04.html"' in page


def test_a_week_in_two_months_shows_both(lake):
    capture_list(lake, date(2025, 11, 1), [paper(date(2025, 11, 1), 1)])
    list(publish_months(lake, MONTHS))
    build(lake)
    page = text(lake, "week/2025-W44.html")
    assert "2510.30001" in page
    assert "2511.01001" in page


def test_an_unchanged_site_is_not_rendered(lake):
    assert build(lake).written > 20
    assert build(lake).rendered == 0


def test_a_build_writes_only_changed_pages(lake):
    build(lake)
    before = {path: path.stat().st_mtime_ns for path in lake.site.rglob("*") if path.is_file()}
    capture_list(
        lake,
        DAYS[-1],
        [paper(DAYS[-1], n, paper__upvotes=90 - n) for n in (1, 2, 3)],
        at=after_close(DAYS[-1] + timedelta(1)),
    )
    list(publish_months(lake, MONTHS))
    build(lake)
    changed = {str(path.relative_to(lake.site)) for path, at in before.items() if path.stat().st_mtime_ns != at}
    assert "day/2025-11-04.html" in changed
    assert not {path for path in changed if "2510" in path or "2025-10" in path}


def test_an_incremental_build_equals_a_full_build(lake, tmp_path):
    build(lake)
    moved = [paper(date(2025, 10, 31), 1), paper(DAYS[-1], 1)]
    capture_list(lake, DAYS[-1], moved, at=after_close(DAYS[-1] + timedelta(1)))
    list(publish_months(lake, MONTHS))
    build(lake)
    incremental = {path.relative_to(lake.site): path.read_bytes() for path in lake.site.rglob("*") if path.is_file()}
    lake.digests.rename(tmp_path / "before")
    build(lake)
    full = {path.relative_to(lake.site): path.read_bytes() for path in lake.site.rglob("*") if path.is_file()}
    assert incremental == full


def test_a_paper_page_shows_its_votes_over_time(lake):
    capture_list(lake, DAYS[0], [paper(DAYS[0], 1, paper__upvotes=50)], at=after_close(DAYS[0] + timedelta(2)))
    list(publish_months(lake, MONTHS))
    build(lake)
    page = text(lake, "paper/2510.30001.html")
    assert "2 observations" in page
    assert "from 8 to 50 votes" in page


def test_a_paper_that_is_on_no_list_any_more_keeps_its_page(lake):
    for days in (2, 3):  # a list that loses most of its papers counts when it was seen twice
        capture_list(lake, DAYS[0], [paper(DAYS[0], 2)], at=after_close(DAYS[0] + timedelta(days)))
    list(publish_months(lake, MONTHS))
    build(lake)
    assert (lake.site / "paper/2510.30001.html").is_file()
    assert "2510.30001" not in text(lake, "day/2025-10-30.html")


def test_the_front_page_is_the_newest_complete_date(lake):
    capture_list(lake, date(2025, 11, 5), [paper(date(2025, 11, 5), 1)], at=datetime(2025, 11, 5, 9, tzinfo=UTC))
    list(publish_months(lake, MONTHS))
    build(lake)
    assert "Tuesday, 4 November 2025" in text(lake, "index.html")


def test_a_removed_site_is_built_again(lake):
    build(lake)
    shutil.rmtree(lake.site)
    build(lake)
    assert (lake.site / "index.html").is_file()


def test_an_empty_page_is_written_again(lake):
    build(lake)
    (lake.site / "day/2025-11-04.html").write_bytes(b"")
    build(lake)
    assert "2511.04001" in text(lake, "day/2025-11-04.html")


def test_a_page_that_moved_to_another_unit_stays(lake):
    build(lake)
    note = {"inputs": "hash of an earlier version", "paths": ["trends.html", "obsolete.html"]}
    (lake.site / "obsolete.html").write_text("not rendered any more")
    (lake.digests / "_site" / "trends.json").write_text(json.dumps(note))
    build(lake)
    assert (lake.site / "trends.html").is_file()
    assert not (lake.site / "obsolete.html").exists()


def test_a_paper_does_not_link_to_a_list_that_is_empty_now(lake):
    for days in (2, 3):
        capture_list(lake, DAYS[0], [], at=after_close(DAYS[0] + timedelta(days)))
    list(publish_months(lake, MONTHS))
    build(lake)
    assert "2025-10-30, whose list is empty now" in text(lake, "paper/2510.30001.html")
    assert not (lake.site / "day/2025-10-30.html").exists()


def test_a_week_does_not_link_to_a_month_without_lists(lake):
    capture_list(lake, date(2024, 5, 2), [paper(date(2024, 5, 2), 1)])
    list(publish_months(lake, ["2024-05"]))
    build(lake)
    assert "month/2024-04" not in text(lake, "week/2024-W18.html")
    assert "month/2024-05" in text(lake, "week/2024-W18.html")


def test_one_empty_answer_takes_no_page_away(lake):
    build(lake)
    before = text(lake, "paper/2510.30001.html")
    capture_list(lake, DAYS[0], [], at=after_close(DAYS[0] + timedelta(2)))
    list(publish_months(lake, MONTHS))
    build(lake)
    assert "in doubt" in text(lake, "day/2025-10-30.html")
    assert text(lake, "paper/2510.30001.html") == before


def test_a_verdict_that_changes_during_a_build_is_shown_by_the_next(lake, monkeypatch):
    day = date(2025, 11, 5)
    capture_list(lake, day, [paper(day, 1)], at=datetime(2025, 11, 5, 9, tzinfo=UTC))
    list(publish_months(lake, MONTHS))
    load_index = website._load_index

    def load_then_publish(snapshot):
        index = load_index(snapshot)
        monkeypatch.setattr(website, "_load_index", load_index)
        capture_list(lake, day, [paper(day, 1)])
        list(publish_months(lake, MONTHS))
        return index

    monkeypatch.setattr(website, "_load_index", load_then_publish)
    build(lake)
    build(lake)
    assert "1 paper · complete" in text(lake, "day/2025-11-05.html")


def test_the_calendar_shows_complete_dates(lake):
    build(lake)
    assert "2025-11-04: complete, 3 papers" in text(lake, "calendar.html")


def test_a_search_script_is_plain_data(lake):
    build(lake)
    script = text(lake, "search/2025-11.js")
    rows = json.loads(script.removeprefix('paperlake("2025-11",').removesuffix(");\n"))
    assert [row[0] for row in rows[:1]] == ["paper/2511.03001.html"]


def test_a_keyword_links_to_a_search_that_finds_the_paper(lake):
    day = date(2025, 11, 5)
    capture_list(lake, day, [paper(day, 1, paper__ai_keywords=["test-time compute", "R&D? #1 <b>", "naïve/ü"])])
    list(publish_months(lake, ["2025-11"]))
    build(lake)
    page = text(lake, "paper/2511.05001.html")
    queries = [parse_qs(urlsplit(url).query) for url in Urls(page).urls if url.startswith("../search.html?")]
    assert queries == [
        {"q": [keyword], "month": ["2025-11"]} for keyword in ("test-time compute", "R&D? #1 <b>", "naïve/ü")
    ]
    rows = json.loads(text(lake, "search/2025-11.js").removeprefix('paperlake("2025-11",').removesuffix(");\n"))
    (keywords,) = [row[6] for row in rows if row[0] == "paper/2511.05001.html"]
    assert keywords == "test-time compute, R&D? #1 <b>, naïve/ü"


def test_a_damaged_unit_is_repaired_by_the_next_build(lake):
    build(lake)
    (lake.digests / "_site" / "month-2025-11.json").write_text("no note")
    (lake.site / "day/2025-11-04.html").unlink()
    assert build(lake).written == 1
    assert (lake.site / "day/2025-11-04.html").is_file()


def test_the_command_prints_the_path_of_the_site(lake):
    result = CliRunner().invoke(main, ["site", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.output)["index"] == str(lake.site / "index.html")


def test_an_empty_lake_gives_advice(lake_in_force):
    result = CliRunner().invoke(main, ["site"])
    assert result.exit_code == 1
    assert "papers daily" in result.output


def test_pages_of_recorded_dates_stay_small(recordings, lake_in_force, tmp_path):
    folder = tmp_path / "recorded"
    folder.mkdir()
    for path in [
        *(recordings / "hub/daily_papers").glob("2025-10-*.json"),
        recordings / "hub/daily_papers/captures.csv",
    ]:
        (folder / path.name).write_bytes(path.read_bytes())
    store_replies(lake_in_force, find_replies(folder).answers, lambda: None)
    list(publish_waiting(lake_in_force))
    build(lake_in_force)
    sizes = {path: len(gzip.compress(path.read_bytes())) for path in lake_in_force.site.rglob("*.html")}
    assert lake_in_force.site / "month/2025-10.html" in sizes
    assert max(sizes.values()) < 100_000
