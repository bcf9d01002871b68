"""Atom, RSS 2.0 and JSON Feed: valid, the same for ever, also without entries."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import pytest

from paperlake.render.feeds import Issued, feed
from paperlake.render.issue import compose
from paperlake.render.period import period
from tests.digest_rows import AT, DAILY, DAY, authors, frames, listing, listings

ATOM = "{http://www.w3.org/2005/Atom}"
HOME = "https://papers.example.org/feeds/daily/"
NEVER = datetime(2023, 5, 4, tzinfo=UTC)


def issued(*rows, at=AT, day=DAY):
    return Issued(
        compose(replace(DAILY, papers=50), period("day", day), frames(listings(*rows), by=authors("Ada"))), at
    )


@pytest.fixture(scope="module")
def year():
    """A year of issues, newest first."""
    days = [DAY - timedelta(days=n) for n in range(365)]
    return [
        issued(
            *(listing(f"{day:%y%m}.{day.day:02}{n:03}", listed_on=day, ai_keywords=["a <b> & c", "ü"]) for n in (1, 2)),
            at=AT - timedelta(days=n),
            day=day,
        )
        for n, day in enumerate(days)
    ]


def rfc3339(text):
    return datetime.fromisoformat(text)


def test_the_atom_of_a_year_has_what_rfc_4287_asks_for(year):
    root = ET.fromstring(feed(DAILY, year, HOME, NEVER, "atom"))
    assert root.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):
        assert len(root.findall(f"{ATOM}{name}")) == 1
    assert [one.get("href") for one in root.findall(f"{ATOM}link") if one.get("rel") == "self"] == [f"{HOME}atom.xml"]
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == 730
    for entry in entries:
        for name in ("id", "title", "updated"):
            assert len(entry.findall(f"{ATOM}{name}")) == 1
        assert entry.findall(f"{ATOM}author/{ATOM}name")
        assert entry.find(f"{ATOM}link").get("rel") == "alternate"
        assert rfc3339(entry.findtext(f"{ATOM}updated")).tzinfo is not None
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "tag:paperlake,2023-05-04:daily/2511.06001"
    assert rfc3339(root.findtext(f"{ATOM}updated")) == AT


def test_the_rss_of_a_year_has_what_rss_2_asks_for(year):
    root = ET.fromstring(feed(DAILY, year, HOME, NEVER, "rss"))
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    (channel,) = root
    assert all(channel.findtext(name) for name in ("title", "link", "description", "lastBuildDate"))
    items = channel.findall("item")
    assert len(items) == 730
    for item in items:
        assert item.findtext("title")
        assert item.find("guid").get("isPermaLink") == "false"
        assert parsedate_to_datetime(item.findtext("pubDate")).tzinfo is not None


def test_the_json_feed_of_a_year_has_what_version_1_1_asks_for(year):
    told = json.loads(feed(DAILY, year, HOME, NEVER, "json"))
    assert told["version"] == "https://jsonfeed.org/version/1.1"
    assert told["feed_url"] == f"{HOME}feed.json"
    assert len({item["id"] for item in told["items"]}) == 730
    for item in told["items"]:
        assert item["content_html"]
        assert item["url"].startswith("https://")
        assert rfc3339(item["date_published"]).tzinfo is not None


@pytest.mark.parametrize("form", ["atom", "rss", "json"])
def test_a_feed_without_entries_is_a_feed_dated_by_what_it_was_told(form):
    told = feed(DAILY, [], None, NEVER, form)
    assert told == feed(DAILY, [], None, NEVER, form)
    if form == "json":
        assert json.loads(told)["items"] == []
    else:
        assert b"2023" in told
        ET.fromstring(told)


@pytest.mark.parametrize("form", ["atom", "rss", "json"])
def test_votes_that_moved_since_change_no_id_and_no_date(form):
    def without_votes(votes):
        return (
            feed(DAILY, [issued(listing(upvote_count=votes))], HOME, NEVER, form).decode().replace(f"{votes} votes", "")
        )

    assert without_votes(7) == without_votes(9)


def test_a_feed_without_a_public_address_does_not_say_where_it_is():
    assert b"self" not in feed(DAILY, [], None, NEVER, "atom")
    assert "feed_url" not in json.loads(feed(DAILY, [], None, NEVER, "json"))
