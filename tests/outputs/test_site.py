"""The static site of a real lake: every link leads somewhere, and only what changed is written."""

import gzip
import json
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_months
from paperlake.operations.import_replies import find_answers, keep_answers, publish_waiting
from paperlake.outputs import site as website
from paperlake.outputs.site import build_site
from paperlake.render.editions import editions
from paperlake.store.inbox import keep
from schemas.hub_replies import HUB_REPLIES
from tests.replies import capture, entry

DAYS = [date(2025, 10, 30), date(2025, 10, 31), date(2025, 11, 3), date(2025, 11, 4)]
MONTHS = ["2025-10", "2025-11"]
NONE = editions("")


def closed(day):
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=3)


def listed(lake, day, held, at=None):
    for row in capture(held, day, at or closed(day)):
        keep(lake, HUB_REPLIES, row)


def paper(day, n, **said):
    return entry(f"{day:%y%m}.{day.day:02}{n:03}", **said)


@pytest.fixture
def lake(lake_in_force):
    for day in DAYS:
        listed(lake_in_force, day, [paper(day, n, paper__upvotes=9 - n) for n in (1, 2, 3)])
    list(publish_months(lake_in_force, MONTHS))
    return lake_in_force


def build(lake):
    return build_site(lake, NONE, None)


def text(lake, path):
    return (lake.site / path).read_text()


class Addresses(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.held = []
        self.feed(page)

    def handle_starttag(self, _tag, attrs):
        self.held += [value for name, value in attrs if name in {"href", "src"}]


def test_every_link_of_every_page_leads_to_a_page(lake):
    build(lake)
    pages = sorted(lake.site.rglob("*.html"))
    assert len(pages) > 20
    for path in pages:
        for address in Addresses(path.read_text()).held:
            parts = urlsplit(address)
            if not parts.scheme and parts.path:
                assert (path.parent / unquote(parts.path)).is_file(), f"{path}: {address}"


def test_no_page_asks_another_host_for_anything(lake):
    build(lake)
    for path in lake.site.rglob("*.html"):
        assert not re.search(r'(src|srcset)="(https?:)?//', path.read_text())
        assert not re.search(r'<link[^>]+href="https?:', path.read_text())


def test_a_day_knows_its_neighbours_over_the_end_of_a_month(lake):
    build(lake)
    page = text(lake, "day/2025-11-03.html")
    assert 'rel="prev" href="../day/2025-10-31.html"' in page
    assert 'rel="next" href="../day/2025-11-04.html"' in page


def test_a_week_over_two_months_shows_both(lake):
    listed(lake, date(2025, 11, 1), [paper(date(2025, 11, 1), 1)])
    list(publish_months(lake, MONTHS))
    build(lake)
    page = text(lake, "week/2025-W44.html")
    assert "2510.30001" in page
    assert "2511.01001" in page


def test_nothing_is_rendered_where_nothing_changed(lake):
    assert build(lake).written > 20
    assert build(lake).rendered == 0


def test_a_morning_writes_only_the_pages_that_it_changed(lake):
    build(lake)
    before = {path: path.stat().st_mtime_ns for path in lake.site.rglob("*") if path.is_file()}
    listed(
        lake,
        DAYS[-1],
        [paper(DAYS[-1], n, paper__upvotes=90 - n) for n in (1, 2, 3)],
        at=closed(DAYS[-1] + timedelta(1)),
    )
    list(publish_months(lake, MONTHS))
    build(lake)
    changed = {str(path.relative_to(lake.site)) for path, at in before.items() if path.stat().st_mtime_ns != at}
    assert "day/2025-11-04.html" in changed
    assert not {one for one in changed if "2510" in one or "2025-10" in one}


def test_a_site_built_morning_by_morning_is_the_site_built_at_once(lake, tmp_path):
    build(lake)
    moved = [paper(date(2025, 10, 31), 1), paper(DAYS[-1], 1)]
    listed(lake, DAYS[-1], moved, at=closed(DAYS[-1] + timedelta(1)))
    list(publish_months(lake, MONTHS))
    build(lake)
    grown = {path.relative_to(lake.site): path.read_bytes() for path in lake.site.rglob("*") if path.is_file()}
    lake.digests.rename(tmp_path / "before")
    build(lake)
    made = {path.relative_to(lake.site): path.read_bytes() for path in lake.site.rglob("*") if path.is_file()}
    assert grown == made


def test_the_page_of_a_paper_tells_how_its_votes_grew(lake):
    listed(lake, DAYS[0], [paper(DAYS[0], 1, paper__upvotes=50)], at=closed(DAYS[0] + timedelta(2)))
    list(publish_months(lake, MONTHS))
    build(lake)
    page = text(lake, "paper/2510.30001.html")
    assert "2 observations" in page
    assert "from 8 to 50 votes" in page


def test_a_paper_that_stands_nowhere_any_more_keeps_its_page(lake):
    listed(lake, DAYS[0], [paper(DAYS[0], 2)], at=closed(DAYS[0] + timedelta(2)))
    list(publish_months(lake, MONTHS))
    build(lake)
    assert (lake.site / "paper/2510.30001.html").is_file()
    assert "2510.30001" not in text(lake, "day/2025-10-30.html")


def test_the_front_is_the_newest_complete_date(lake):
    listed(lake, date(2025, 11, 5), [paper(date(2025, 11, 5), 1)], at=datetime(2025, 11, 5, 9, tzinfo=UTC))
    list(publish_months(lake, MONTHS))
    build(lake)
    assert "Tuesday, 4 November 2025" in text(lake, "index.html")


def test_a_site_that_was_removed_is_built_again(lake):
    build(lake)
    shutil.rmtree(lake.site)
    build(lake)
    assert (lake.site / "index.html").is_file()


def test_an_emptied_page_is_written_again(lake):
    build(lake)
    (lake.site / "day/2025-11-04.html").write_bytes(b"")
    build(lake)
    assert "2511.04001" in text(lake, "day/2025-11-04.html")


def test_a_page_that_another_unit_renders_now_stays(lake):
    build(lake)
    note = {"inputs": "of an earlier version", "paths": ["trends.html", "of-old.html"]}
    (lake.site / "of-old.html").write_text("rendered by nobody any more")
    (lake.digests / "_site" / "trends.json").write_text(json.dumps(note))
    build(lake)
    assert (lake.site / "trends.html").is_file()
    assert not (lake.site / "of-old.html").exists()


def test_a_paper_of_a_list_that_is_empty_now_does_not_lead_there(lake):
    listed(lake, DAYS[0], [], at=closed(DAYS[0] + timedelta(2)))
    list(publish_months(lake, MONTHS))
    build(lake)
    assert "2025-10-30, whose list is empty now" in text(lake, "paper/2510.30001.html")
    assert not (lake.site / "day/2025-10-30.html").exists()


def test_a_week_does_not_lead_to_a_month_without_lists(lake):
    listed(lake, date(2024, 5, 2), [paper(date(2024, 5, 2), 1)])
    list(publish_months(lake, ["2024-05"]))
    build(lake)
    assert "month/2024-04" not in text(lake, "week/2024-W18.html")
    assert "month/2024-05" in text(lake, "week/2024-W18.html")


def test_a_verdict_that_changes_while_the_site_is_built_is_told_by_the_next_build(lake, monkeypatch):
    day = date(2025, 11, 5)
    listed(lake, day, [paper(day, 1)], at=datetime(2025, 11, 5, 9, tzinfo=UTC))
    list(publish_months(lake, MONTHS))
    index = website._index

    def then_published(seen):
        found = index(seen)
        monkeypatch.setattr(website, "_index", index)
        listed(lake, day, [paper(day, 1)])
        list(publish_months(lake, MONTHS))
        return found

    monkeypatch.setattr(website, "_index", then_published)
    build(lake)
    build(lake)
    assert "1 paper · complete" in text(lake, "day/2025-11-05.html")


def test_the_calendar_tells_what_is_complete(lake):
    build(lake)
    assert "2025-11-04: complete, 3 papers" in text(lake, "calendar.html")


def test_what_is_searched_is_a_script_of_plain_data(lake):
    build(lake)
    script = text(lake, "search/2025-11.js")
    held = json.loads(script.removeprefix('paperlake("2025-11",').removesuffix(");\n"))
    assert [one[0] for one in held[:1]] == ["paper/2511.03001.html"]


def test_a_site_that_was_damaged_is_whole_after_the_next_build_of_its_unit(lake):
    build(lake)
    (lake.digests / "_site" / "month-2025-11.json").write_text("no note")
    (lake.site / "day/2025-11-04.html").unlink()
    assert build(lake).written == 1
    assert (lake.site / "day/2025-11-04.html").is_file()


def test_the_command_tells_where_the_site_is(lake):
    told = CliRunner().invoke(main, ["site", "--json"])
    assert told.exit_code == 0
    assert json.loads(told.output)["index"] == str(lake.site / "index.html")


def test_a_site_of_an_empty_lake_says_what_to_do(lake_in_force):
    told = CliRunner().invoke(main, ["site"])
    assert told.exit_code == 1
    assert "papers daily" in told.output


def test_pages_of_recorded_dates_stay_small(recordings, lake_in_force, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    for path in [
        *(recordings / "hub/daily_papers").glob("2025-10-*.json"),
        recordings / "hub/daily_papers/captures.csv",
    ]:
        (kept / path.name).write_bytes(path.read_bytes())
    keep_answers(lake_in_force, find_answers(kept).answers, lambda: None)
    list(publish_waiting(lake_in_force))
    build(lake_in_force)
    sizes = {path: len(gzip.compress(path.read_bytes())) for path in lake_in_force.site.rglob("*.html")}
    assert lake_in_force.site / "month/2025-10.html" in sizes
    assert max(sizes.values()) < 100_000
