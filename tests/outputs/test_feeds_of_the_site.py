"""Feeds of the site: their ids belong to one installation for ever, and their links lead to pages of the site."""

import json
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.outputs.feed_state import FeedStateDamaged, operator_prefix, read_feed_state
from paperlake.outputs.issues import record_issue
from paperlake.outputs.site import SiteOptions, build_site
from paperlake.render.editions import parse_editions
from paperlake.render.period import period_of
from tests.outputs.test_digest import DAY, publish_list
from tests.replies import entry

ATOM = "{http://www.w3.org/2005/Atom}"
PUBLIC = "https://papers.example.org/lake"
NEXT = DAY + timedelta(days=1)
EDITIONS = parse_editions('[daily]\ntitle = "Paperlake daily"\nevery = "day"\n')
ON = date(2026, 12, 1)
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


@pytest.fixture
def lake(build_once, lake_in_force, monkeypatch):
    for name in ("PAPERLAKE_EDITIONS", "PAPERLAKE_CONTACT", "PAPERLAKE_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    return build_once(publish_two_days, lake_in_force)


def publish_two_days(lake):
    for day in (DAY, NEXT):
        publish_list(lake, day, [entry(f"2511.{day.day:02}00{n}") for n in (1, 2)])


def release(day, **environment):
    arguments = ["digest", "--edition", "daily", "--date", day.isoformat()]
    result = CliRunner(env={f"PAPERLAKE_{name}": value for name, value in environment.items()}).invoke(main, arguments)
    assert result.exit_code == 0, result.output


def site(**environment):
    result = CliRunner(env={f"PAPERLAKE_{name}": value for name, value in environment.items()}).invoke(main, ["site"])
    assert result.exit_code == 0, result.output


def read_json(lake):
    return json.loads((lake.site / "feeds/daily/feed.json").read_text())


def ids(lake):
    """The ids of the entries, newest first, in all formats."""
    by_json = [item["id"] for item in read_json(lake)["items"]]
    atom = ET.parse(lake.site / "feeds/daily/atom.xml")
    rss = ET.parse(lake.site / "feeds/daily/rss.xml")
    assert [entry.findtext(f"{ATOM}id") for entry in atom.iter(f"{ATOM}entry")] == by_json
    assert [item.findtext("guid") for item in rss.iter("item")] == by_json
    return by_json


def feed_id(lake):
    return ET.parse(lake.site / "feeds/daily/atom.xml").getroot().findtext(f"{ATOM}id")


def prefixes(lake):
    return [entry_id.rpartition("daily/")[0] for entry_id in ids(lake)]


def test_ids_begin_with_the_host_of_the_public_url(lake):
    release(DAY, PUBLIC_URL=PUBLIC, CONTACT="ada@example.net")
    site(PUBLIC_URL=PUBLIC)
    assert set(prefixes(lake)) == {f"tag:papers.example.org,{TODAY}:lake/"}
    assert feed_id(lake) == f"tag:papers.example.org,{TODAY}:lake/daily"


def test_ids_begin_with_the_contact_if_there_is_no_public_url(lake):
    release(DAY, CONTACT="mailto:ada@example.net")
    site()
    assert set(prefixes(lake)) == {f"tag:ada@example.net,{TODAY}:"}


def test_the_first_use_fixes_the_ids(lake):
    release(DAY, PUBLIC_URL=PUBLIC)
    site(PUBLIC_URL=PUBLIC)
    before = ids(lake)
    release(NEXT, PUBLIC_URL="https://elsewhere.example.com")
    site(PUBLIC_URL="https://elsewhere.example.com")
    assert ids(lake)[2:] == before
    assert set(prefixes(lake)) == {f"tag:papers.example.org,{TODAY}:lake/"}


def test_issues_of_an_earlier_version_keep_their_ids(lake):
    record_issue(lake, EDITIONS["daily"], period_of("day", DAY), datetime(2025, 11, 7, 4, tzinfo=UTC))
    release(NEXT, PUBLIC_URL=PUBLIC)
    site(PUBLIC_URL=PUBLIC)
    assert ids(lake)[2:] == ["tag:paperlake,2023-05-04:daily/2511.06001", "tag:paperlake,2023-05-04:daily/2511.06002"]
    assert set(prefixes(lake)[:2]) == {f"tag:papers.example.org,{TODAY}:lake/"}
    assert feed_id(lake) == "tag:paperlake,2023-05-04:daily"


def test_two_installations_without_settings_have_different_ids(lake, tmp_path):
    def ids_of_an_installation():
        release(DAY)
        site()
        return ids(lake)

    first = ids_of_an_installation()
    assert all(entry_id.startswith("urn:uuid:") for entry_id in first)
    lake.feeds.rename(tmp_path / "feeds.json")
    (lake.tables / "issues").rename(tmp_path / "issues")
    manifest = json.loads(lake.manifest.read_bytes())
    manifest["files"] = {name: entry for name, entry in manifest["files"].items() if "/issues/" not in name}
    lake.manifest.write_text(json.dumps(manifest))
    assert not set(ids_of_an_installation()) & set(first)


def test_issues_without_settings_keep_their_ids_when_there_are_settings(lake):
    release(DAY)
    site()
    before = ids(lake)
    release(NEXT, PUBLIC_URL=PUBLIC)
    site(PUBLIC_URL=PUBLIC)
    assert ids(lake)[2:] == before
    assert set(prefixes(lake)[:2]) == {f"tag:papers.example.org,{TODAY}:lake/"}


def test_ids_survive_a_deleted_site_and_a_forced_build(lake):
    release(DAY)
    site()
    before = (lake.site / "feeds/daily/atom.xml").read_bytes()
    lake.digests.rename(lake.root / "old")
    site()
    assert (lake.site / "feeds/daily/atom.xml").read_bytes() == before


def test_a_damaged_state_makes_no_new_ids(lake):
    release(DAY)
    lake.feeds.write_text("{")
    with pytest.raises(FeedStateDamaged, match="restore it from a backup"):
        build_site(lake, EDITIONS)
    with pytest.raises(FeedStateDamaged):
        read_feed_state(lake)


@pytest.mark.parametrize(
    ("public_url", "contact", "expected"),
    [
        ("https://Papers.Example.org", None, "tag:papers.example.org,2026-12-01:"),
        ("https://example.org:8443/a/b%20c", None, "tag:example.org,2026-12-01:a/b-20c/"),
        ("https://example.org", "ada@example.net", "tag:example.org,2026-12-01:"),
        ("http://127.0.0.1:8025", "ada@example.net", "tag:ada@example.net,2026-12-01:"),
        ("http://localhost:8025", "https://example.net/~ada", "tag:example.net,2026-12-01:~ada/"),
        ("https://192.0.2.7", None, None),
        ("https://[2001:db8::1]", None, None),
        (None, "mailto:Ada@Example.net", "tag:Ada@example.net,2026-12-01:"),
        (None, "ada+papers@example.net", None),  # RFC 4151 has no plus in an address
        (None, "ada@localhost", None),
        (None, "Ada", None),
        (None, None, None),
    ],
)
def test_only_names_that_belong_to_someone_begin_an_id(public_url, contact, expected):
    assert operator_prefix(public_url, contact, ON) == expected


def links_of(path):
    """The pages that a feed leads to."""
    if path.suffix == ".json":
        return [json.loads(path.read_text())["home_page_url"]]
    root = ET.parse(path).getroot()
    atom_links = [link.get("href") for link in root.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
    return atom_links + [node.text for node in root.findall("channel/link")]


def test_the_link_of_a_feed_leads_to_a_page_of_the_site(lake):
    release(DAY)
    site(PUBLIC_URL=PUBLIC)
    feeds = [path for path in (lake.site / "feeds").glob("*/*") if path.suffix != ".html"]
    assert len(feeds) == 9
    for path in feeds:
        (link,) = links_of(path)
        assert link.startswith(f"{PUBLIC}/")
        assert (lake.site / link.removeprefix(f"{PUBLIC}/")).is_file(), link


def test_the_page_of_an_edition_shows_its_newest_issues(lake):
    release(DAY)
    release(NEXT)
    site()
    page = (lake.site / "feeds/daily/index.html").read_text()
    assert page.index("Friday, 7 November 2025") < page.index("Thursday, 6 November 2025")
    assert 'href="../../paper/2511.06001.html"' in page


class Alternates(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.links = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "link" and values.get("rel") == "alternate":
            self.links.append(values)


def test_every_page_announces_the_feeds(lake):
    release(DAY)
    site()
    types = {"atom.xml": "application/atom+xml", "rss.xml": "application/rss+xml", "feed.json": "application/feed+json"}
    for path in lake.site.rglob("*.html"):
        links = Alternates(path.read_text()).links
        assert {link["type"] for link in links} == set(types.values()), path
        for link in links:
            assert (path.parent / link["href"]).is_file(), f"{path}: {link}"
            assert link["type"] == types[PurePosixPath(link["href"]).name]


def test_the_page_of_an_edition_announces_only_its_own_feeds(lake):
    site()
    links = Alternates((lake.site / "feeds/weekly/index.html").read_text()).links
    assert {PurePosixPath(link["href"]).parent.name for link in links} == {"weekly"}


def test_a_site_without_editions_has_no_feeds(lake):
    build_site(lake, {}, SiteOptions(PUBLIC))
    assert 'rel="alternate"' not in (lake.site / "index.html").read_text()
