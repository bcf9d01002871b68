"""Atom, RSS 2.0 and JSON Feed are valid, stable, and can be empty."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

import pytest

from paperlake.render.feeds import MAX_BYTES, DatedIssue, Feed, render_feed
from paperlake.render.issue import compose
from paperlake.render.period import period_of
from tests.digest_rows import AT, DAILY, DAY, authors, issue_inputs, listing, listings

ATOM = "{http://www.w3.org/2005/Atom}"
HOME = "https://papers.example.org/feeds/daily/"
NEVER = datetime(2023, 5, 4, tzinfo=UTC)
PREFIX = "tag:papers.example.org,2025-11-01:"
LOCAL = Feed("daily", "Paperlake daily", "The papers of a day.", PREFIX, NEVER)
PUBLIC = replace(LOCAL, folder_url=HOME, page_url=f"{HOME}index.html")


def issued(*rows, at=AT, day=DAY):
    return DatedIssue(
        compose(replace(DAILY, papers=50), period_of("day", day), issue_inputs(listings(*rows), by=authors("Ada"))),
        at,
        PREFIX,
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


def parse_rfc3339(text):
    return datetime.fromisoformat(text)


def test_the_atom_feed_of_a_year_meets_rfc_4287(year):
    root = ET.fromstring(render_feed(PUBLIC, year, "atom"))
    assert root.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):
        assert len(root.findall(f"{ATOM}{name}")) == 1
    assert [link.get("href") for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"] == [
        f"{HOME}atom.xml"
    ]
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == 730
    for entry in entries:
        for name in ("id", "title", "updated"):
            assert len(entry.findall(f"{ATOM}{name}")) == 1
        assert entry.findall(f"{ATOM}author/{ATOM}name")
        assert entry.find(f"{ATOM}link").get("rel") == "alternate"
        assert parse_rfc3339(entry.findtext(f"{ATOM}updated")).tzinfo is not None
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    assert ids[0] == "tag:papers.example.org,2025-11-01:daily/2511.06001"
    assert parse_rfc3339(root.findtext(f"{ATOM}updated")) == AT


def test_the_rss_feed_of_a_year_meets_rss_2(year):
    root = ET.fromstring(render_feed(PUBLIC, year, "rss"))
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    (channel,) = root
    assert all(channel.findtext(name) for name in ("title", "link", "description", "lastBuildDate"))
    items = channel.findall("item")
    assert len(items) == 730
    for item in items:
        assert item.findtext("title")
        assert item.find("guid").get("isPermaLink") == "false"
        assert parsedate_to_datetime(item.findtext("pubDate")).tzinfo is not None


def test_the_json_feed_of_a_year_meets_version_1_1(year):
    document = json.loads(render_feed(PUBLIC, year, "json"))
    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert document["feed_url"] == f"{HOME}feed.json"
    assert len({item["id"] for item in document["items"]}) == 730
    for item in document["items"]:
        assert item["content_html"]
        assert item["url"].startswith("https://")
        assert parse_rfc3339(item["date_published"]).tzinfo is not None


@pytest.mark.parametrize("feed_format", ["atom", "rss", "json"])
def test_an_empty_feed_has_the_date_since(feed_format):
    document = render_feed(LOCAL, [], feed_format)
    assert document == render_feed(LOCAL, [], feed_format)
    if feed_format == "json":
        assert json.loads(document)["items"] == []
    else:
        assert b"2023" in document
        ET.fromstring(document)


@pytest.mark.parametrize("feed_format", ["atom", "rss", "json"])
def test_changed_votes_change_no_id_and_no_date(feed_format):
    def without_votes(votes):
        return (
            render_feed(PUBLIC, [issued(listing(upvote_count=votes))], feed_format)
            .decode()
            .replace(f"{votes} votes", "")
        )

    assert without_votes(7) == without_votes(9)


def test_a_feed_without_a_public_url_has_no_self_link():
    assert b"self" not in render_feed(LOCAL, [], "atom")
    assert "feed_url" not in json.loads(render_feed(LOCAL, [], "json"))


@pytest.fixture(scope="module")
def large_month():
    """Thirty issues of twenty papers with long abstracts, newest first."""
    days = [DAY - timedelta(days=n) for n in range(30)]
    return [
        issued(
            *(listing(f"{day:%y%m}.{day.day:02}{n:03}", listed_on=day, abstract="<&> ü" * 150) for n in range(20)),
            at=AT - timedelta(days=n),
            day=day,
        )
        for n, day in enumerate(days)
    ]


def ids_in(document, feed_format):
    if feed_format == "json":
        return [item["id"] for item in json.loads(document)["items"]]
    root = ET.fromstring(document)
    return [node.text for node in root.iter() if node.tag in ("guid", f"{ATOM}id")][feed_format == "atom" :]


@pytest.mark.parametrize("feed_format", ["atom", "rss", "json"])
def test_a_large_feed_drops_its_oldest_issues(large_month, feed_format):
    document = render_feed(PUBLIC, large_month, feed_format)
    kept = ids_in(document, feed_format)
    everything = [f"{PREFIX}daily/{paper.paper_id}" for dated in large_month for paper in dated.issue.papers]
    assert MAX_BYTES * 0.8 < len(document) < MAX_BYTES
    assert kept == everything[: len(kept)]
    assert len(kept) % 20 == 0


@pytest.mark.parametrize("feed_format", ["atom", "rss", "json"])
@pytest.mark.parametrize(("abstract", "title"), [("word " * 8000, "t"), ("word", "word " * 20_000)])
def test_a_newest_issue_that_is_too_large_is_shortened(feed_format, abstract, title):
    rows = [listing(f"2511.{n:05}", abstract=abstract, title=title) for n in range(30)]
    document = render_feed(PUBLIC, [issued(*rows)], feed_format)
    assert len(document) < MAX_BYTES
    assert len(ids_in(document, feed_format)) == (30 if title == "t" else 9)


def test_a_feed_of_ordinary_size_keeps_all_issues(year):
    assert len(ids_in(render_feed(PUBLIC, year[:30], "atom"), "atom")) == 60
