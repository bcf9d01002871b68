"""Hostile records: whatever the internet puts into titles, names, addresses and ids, no output has one element more.

`PAPERLAKE_SOAK_HOSTILE` says how many records; each is rendered as a mail, Markdown, three feeds, pages and a table.
"""

import csv
import io
import json
import os
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from paperlake.render.feeds import Issued, feed
from paperlake.render.issue import compose
from paperlake.render.letter import letter
from paperlake.render.markdown import markdown
from paperlake.render.paper import papers
from paperlake.render.period import period
from paperlake.render.plain_text import plain
from paperlake.render.sanitize import cell
from paperlake.render.web.lists import Known, Periods, list_page
from paperlake.render.web.overview import organizations_page, topics, topics_page
from paperlake.render.web.papers import Seen, paper_page
from paperlake.render.web.search import shard
from schemas.authors import AUTHORS
from tests.digest_rows import AT, DAILY, DAY, frames, listing, listings

RECORDS = int(os.environ.get("PAPERLAKE_SOAK_HOSTILE", "300"))
A_TIME = 20
TODAY = period("day", DAY)
TURNS = re.compile(
    "[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
)
BAITS = [
    *(
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</title>",
        "</script>",
        "<!--",
        "-->",
        "]]>",
        "&lt;b&gt;",
    ),
    *(
        '"><svg onload=x>',
        "' onclick='x",
        "{{ 7*7 }}",
        "{% raw %}",
        "](javascript:alert(1))",
        "[a](https://evil.example)",
    ),
    *(
        "![x](https://evil.example/x.png)",
        "https://evil.example",
        "www.evil.example",
        "<https://evil.example>",
        "@everyone",
    ),
    *("#1", "`x`", "```", "**b**", "__b__", "~~s~~", "\n# head", "\n- item", "\n> quote", "| a | b |\n|---|---|", "\\"),
    *(
        "\r\nBcc: victim@example.com",
        "\r\n\r\nbody",
        "\u202egnp.exe",
        "\u2066x",
        "\u2028",
        "\x85",
        "\x00",
        "\ud800",
        "\ufeff",
    ),
    *(
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "javascript:alert(1)",
        "&#106;avascript:",
        "$\\href{javascript:x}{y}$",
    ),
]
TEXT = st.lists(st.one_of(st.sampled_from(BAITS), st.text(max_size=12)), max_size=4).map("".join)
URLS = st.one_of(
    TEXT,
    st.builds(
        "https://{}/{}".format, st.sampled_from(["example.com", "a@b.example", "x\ny", "ex\u202emple.com"]), TEXT
    ),
    st.builds("{}:{}".format, st.sampled_from(["javascript", "data", "vbscript", "JaVaScRiPt", " javascript"]), TEXT),
)
KEYWORDS = st.lists(TEXT, max_size=3)
RECORD = st.fixed_dictionaries(
    {
        "title": TEXT,
        "abstract": TEXT,
        "ai_summary": TEXT,
        "organization": TEXT,
        "organization_name": TEXT,
        "github_repo_url": URLS,
        "project_page_url": URLS,
        "ai_keywords": KEYWORDS,
    }
)


def whole(text):
    """Polars holds no lone surrogate, so none can come out of a table; everything else may."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


class Elements(HTMLParser):
    """The elements of a page with the names of their attributes, and every address."""

    def __init__(self):
        super().__init__()
        self.found, self.addresses = [], []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.addresses += [value for name, value in attrs if name in {"href", "src", "action"}]


def elements(text):
    assert not TURNS.search(text)
    parser = Elements()
    parser.feed(text)
    parser.close()
    for address in parser.addresses:
        assert urlsplit(address).scheme in {"", "http", "https"}, address
    return parser.found


def entries(issue, form):
    """The elements of a feed, and those of the HTML within them."""
    tree = ET.fromstring(feed(issue.edition, [Issued(issue, AT)], None, AT, form))
    inner = [elements(one.text) for one in tree.iter() if one.tag.endswith(("summary", "description")) and one.text]
    return [one.tag for one in tree.iter()], inner


def built(records, names):
    rows = [
        listing(
            f"2511.{n:05}", position=n, upvote_count=1000 - n, **{key: _plain(value) for key, value in record.items()}
        )
        for n, record in enumerate(records, 1)
    ]
    by = pl.DataFrame(
        [
            {"listed_on": DAY, "paper_id": row["paper_id"], "position": at, "name": whole(name), "is_hidden": False}
            for row, held in zip(rows, names, strict=True)
            for at, name in enumerate(held, 1)
        ],
        schema=pl.Schema(AUTHORS.arrow()),
    )
    return listings(*rows), by


def _plain(value):
    return [whole(one) for one in value] if isinstance(value, list) else whole(value)


@settings(
    max_examples=max(RECORDS // A_TIME, 1),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(
    st.lists(RECORD, min_size=A_TIME, max_size=A_TIME),
    st.lists(st.lists(TEXT, max_size=3), min_size=A_TIME, max_size=A_TIME),
)
def test_no_output_gets_an_element_more_from_hostile_records(records, names):
    listed, by = built(records, names)
    edition = DAILY.__class__(name="daily", title="Daily", every="day", window="day", papers=A_TIME)
    issue = compose(edition, TODAY, frames(listed, by=by))
    meek = compose(edition, TODAY, frames(*map(_meek, (listed, by))))
    # The same record in meek words has the same shape: what is empty stays empty.
    assert len(issue.papers) == A_TIME
    shapes = [_shaped(one) for one in issue.papers]
    meek = issue.__class__(edition, TODAY, tuple(map(_spoken, meek.papers, shapes)))

    mine, theirs = letter(issue, "https://paperlake.example/u"), letter(meek, "https://paperlake.example/u")
    assert elements(mine.html) == elements(theirs.html)
    assert not TURNS.search(plain(issue).replace("\n", ""))

    render = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render
    assert elements(render(markdown(issue))) == elements(render(markdown(meek)))

    for form in ("atom", "rss"):
        assert entries(issue, form) == entries(meek, form)
    contents = [
        [
            elements(item["content_html"])
            for item in json.loads(feed(edition, [Issued(held, AT)], None, AT, "json"))["items"]
        ]
        for held in (issue, meek)
    ]
    assert contents[0] == contents[1]

    periods, known = Periods([DAY]), [Known(DAY, "complete", A_TIME)]
    pages = [
        list_page(TODAY, held.papers, known, periods).text
        + "".join(paper_page([one], [Seen(AT, 1, 0)], periods).text for one in held.papers)
        for held in (issue, meek)
    ]
    assert elements(pages[0]) == elements(pages[1])
    elements(organizations_page(listed).text)
    elements(topics_page(topics(listed)).text)
    script = shard("2025-11", issue.papers).text
    assert script.isascii()
    assert "<" not in script

    table = io.StringIO()
    csv.writer(table).writerows([[cell(one.title), cell(one.organization)] for one in issue.papers])
    read = list(csv.reader(io.StringIO(table.getvalue())))
    assert len(read) == A_TIME
    assert not any(text.startswith(("=", "+", "-", "@", "\t", "\r")) for row in read for text in row)


def _meek(rows):
    """The rows with every text replaced by words."""
    texts = [name for name, kind in rows.schema.items() if kind == pl.String and name != "paper_id"]
    return rows.with_columns(pl.when(pl.col(name).is_not_null()).then(pl.lit("words")).alias(name) for name in texts)


def _shaped(one):
    return {
        "summary": bool(one.summary),
        "abstract": bool(one.abstract),
        "organization": bool(one.organization),
        "authors": len(one.authors),
        "keywords": len(one.keywords),
        "code": one.code is not None,
        "project": one.project is not None,
    }


def _spoken(one, shape):
    return replace(
        one,
        title="words",
        summary="words" * shape["summary"],
        abstract="words" * shape["abstract"],
        organization="words" * shape["organization"],
        authors=("words",) * shape["authors"],
        keywords=("words",) * shape["keywords"],
        code="https://example.com/" if shape["code"] else None,
        project="https://example.com/" if shape["project"] else None,
    )


def test_a_hostile_id_never_becomes_a_paper():
    rows = listings(listing("../../../etc/passwd"), listing('2511.00001"><script>'), listing("2511.00002"))
    assert [one.paper_id for one in papers(rows, frames(rows).authors)] == ["2511.00002"]


def test_the_date_of_a_page_is_no_text_from_outside():
    assert period("day", date(2025, 11, 6)).name == "2025-11-06"
