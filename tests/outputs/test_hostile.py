"""Hostile records: whatever text they have, no output gets an additional element.

`PAPERLAKE_SOAK_HOSTILE` is the number of records; each is rendered as letter, Markdown, feeds, pages and CSV.
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

from paperlake.render.editions import rules_sentence
from paperlake.render.feeds import FORMER_PREFIX, DatedIssue, Feed, render_feed
from paperlake.render.issue import compose
from paperlake.render.letter import render_letter
from paperlake.render.markdown import render_markdown
from paperlake.render.paper import papers
from paperlake.render.period import period_of
from paperlake.render.plain_text import render_plain_text
from paperlake.render.sanitize import escape_cell
from paperlake.render.web.lists import ListStatus, Periods, list_page
from paperlake.render.web.overview import organizations_page, paper_topics, topics_page
from paperlake.render.web.papers import Observation, paper_page
from paperlake.render.web.search import month_script
from schemas.authors import AUTHORS
from tests.digest_rows import AT, DAILY, DAY, issue_inputs, listing, listings

RECORDS = int(os.environ.get("PAPERLAKE_SOAK_HOSTILE", "300"))
RECORDS_PER_EXAMPLE = 20
TODAY = period_of("day", DAY)
UNSAFE_CHARACTERS = re.compile(
    "[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
)
ATTACKS = [
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
TEXT = st.lists(st.one_of(st.sampled_from(ATTACKS), st.text(max_size=12)), max_size=4).map("".join)
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


def encodable(text):
    """Replace lone surrogates, which Polars cannot store."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


class Elements(HTMLParser):
    """Collects the elements of a page with their attribute names, and every URL."""

    def __init__(self):
        super().__init__()
        self.elements, self.urls = [], []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.urls += [value for name, value in attrs if name in {"href", "src", "action"}]


def elements(text):
    assert not UNSAFE_CHARACTERS.search(text)
    parser = Elements()
    parser.feed(text)
    parser.close()
    for url in parser.urls:
        assert urlsplit(url).scheme in {"", "http", "https"}, url
    return parser.elements


def feed(issue, feed_format):
    about = Feed(issue.edition.name, issue.edition.title, rules_sentence(issue.edition), FORMER_PREFIX, AT)
    return render_feed(about, [DatedIssue(issue, AT, FORMER_PREFIX)], feed_format)


def feed_elements(issue, feed_format):
    """The elements of a feed, and of the HTML in its entries."""
    tree = ET.fromstring(feed(issue, feed_format))
    inner = [elements(node.text) for node in tree.iter() if node.tag.endswith(("summary", "description")) and node.text]
    return [node.tag for node in tree.iter()], inner


def record_tables(records, names):
    rows = [
        listing(
            f"2511.{n:05}",
            position=n,
            upvote_count=1000 - n,
            **{key: _encodable_value(value) for key, value in record.items()},
        )
        for n, record in enumerate(records, 1)
    ]
    by = pl.DataFrame(
        [
            {
                "listed_on": DAY,
                "paper_id": row["paper_id"],
                "position": position,
                "name": encodable(name),
                "is_hidden": False,
            }
            for row, author_names in zip(rows, names, strict=True)
            for position, name in enumerate(author_names, 1)
        ],
        schema=pl.Schema(AUTHORS.arrow()),
    )
    return listings(*rows), by


def _encodable_value(value):
    return [encodable(text) for text in value] if isinstance(value, list) else encodable(value)


@settings(
    max_examples=max(RECORDS // RECORDS_PER_EXAMPLE, 1),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(
    st.lists(RECORD, min_size=RECORDS_PER_EXAMPLE, max_size=RECORDS_PER_EXAMPLE),
    st.lists(st.lists(TEXT, max_size=3), min_size=RECORDS_PER_EXAMPLE, max_size=RECORDS_PER_EXAMPLE),
)
def test_no_output_gets_an_additional_element_from_hostile_records(records, names):
    listed, by = record_tables(records, names)
    edition = DAILY.__class__(name="daily", title="Daily", every="day", window="day", papers=RECORDS_PER_EXAMPLE)
    issue = compose(edition, TODAY, issue_inputs(listed, by=by))
    plain_issue = compose(edition, TODAY, issue_inputs(*map(_with_plain_text, (listed, by))))
    # The plain record has the same shape as the hostile one: empty fields stay empty.
    assert len(issue.papers) == RECORDS_PER_EXAMPLE
    shapes = [_shape(paper) for paper in issue.papers]
    plain_issue = issue.__class__(edition, TODAY, tuple(map(_with_shape, plain_issue.papers, shapes)))

    hostile_letter, plain_letter = (
        render_letter(issue, "https://paperlake.example/u"),
        render_letter(plain_issue, "https://paperlake.example/u"),
    )
    assert elements(hostile_letter.html) == elements(plain_letter.html)
    assert not UNSAFE_CHARACTERS.search(render_plain_text(issue).replace("\n", ""))

    render = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render
    assert elements(render(render_markdown(issue))) == elements(render(render_markdown(plain_issue)))

    for feed_format in ("atom", "rss"):
        assert feed_elements(issue, feed_format) == feed_elements(plain_issue, feed_format)
    contents = [
        [elements(item["content_html"]) for item in json.loads(feed(either, "json"))["items"]]
        for either in (issue, plain_issue)
    ]
    assert contents[0] == contents[1]

    periods, statuses = Periods([DAY]), [ListStatus(DAY, "complete", RECORDS_PER_EXAMPLE)]
    pages = [
        list_page(TODAY, either.papers, statuses, periods).text
        + "".join(paper_page([paper], [Observation(AT, 1, 0)], periods).text for paper in either.papers)
        for either in (issue, plain_issue)
    ]
    assert elements(pages[0]) == elements(pages[1])
    elements(organizations_page(listed).text)
    elements(topics_page(paper_topics(listed)).text)
    script = month_script("2025-11", issue.papers).text
    assert script.isascii()
    assert "<" not in script

    table = io.StringIO()
    csv.writer(table).writerows([[escape_cell(paper.title), escape_cell(paper.organization)] for paper in issue.papers])
    read = list(csv.reader(io.StringIO(table.getvalue())))
    assert len(read) == RECORDS_PER_EXAMPLE
    assert not any(text.startswith(("=", "+", "-", "@", "\t", "\r")) for row in read for text in row)


def _with_plain_text(rows):
    """The rows with every text replaced by plain words."""
    texts = [name for name, kind in rows.schema.items() if kind == pl.String and name != "paper_id"]
    return rows.with_columns(pl.when(pl.col(name).is_not_null()).then(pl.lit("words")).alias(name) for name in texts)


def _shape(paper):
    return {
        "summary": bool(paper.summary),
        "abstract": bool(paper.abstract),
        "organization": bool(paper.organization),
        "authors": len(paper.authors),
        "keywords": len(paper.keywords),
        "code": paper.code is not None,
        "project": paper.project is not None,
    }


def _with_shape(paper, shape):
    return replace(
        paper,
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
    assert [paper.paper_id for paper in papers(rows, issue_inputs(rows).authors)] == ["2511.00002"]


def test_the_name_of_a_day_is_its_date():
    assert period_of("day", date(2025, 11, 6)).name == "2025-11-06"
