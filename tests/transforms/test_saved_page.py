"""Saved pages: text copied from a browser gives the entries of its page, and nothing else."""

import codecs
import hashlib
import re
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.page_entries import PAGE_ENTRIES
from schemas.saved_pages import SAVED_PAGES
from transforms.page import saved_page as page

DAY = date(2025, 11, 6)
IMPORTED = datetime(2026, 3, 1, 9, tzinfo=UTC)
HEAD = "new\n\nGet papers by mail!\n\nSubscribe\n\nDaily Papers\n\nbyus and everybody\n\nNov 6\n\n"
FOOT = "\n\nPrevious\n\n1\n\n2\n\nNext\n\nCompany\n\nTerms\n\nPrivacy\n"
BY_FIVE = "  • 5 authors\n·\nMay 30"
SHORT = "We grow birches."
WORDY = "B" * 175  # as long as the longest title recorded
LONG = " ".join(["We grow birches in rows and measure them."] * 8)


def saved(*pages, day=DAY, at=IMPORTED):
    """Rows of `saved_pages`: one for each text (or bytes)."""
    bodies = [text.encode() if isinstance(text, str) else text for text in pages]
    rows = [(day, at, "page.txt", body, hashlib.sha256(body).hexdigest()) for body in bodies]
    return pl.DataFrame(rows, schema=pl.Schema(SAVED_PAGES.arrow()), orient="row")


def entry(title="On birches", abstract=SHORT, tail=BY_FIVE):
    return "\n\n".join(part for part in (title, abstract, tail) if part)


def text(*entries, head=HEAD, foot=""):
    return head + "\n\n".join(entries) + foot


def read(body, *columns, day=DAY):
    """These columns of the entries on a page."""
    return page.build_tables(saved(body, day=day))["page_entries"].select(columns).rows()


def titles(body):
    return [title for (title,) in read(body, "title")]


def test_an_entry_is_parsed_with_its_tail():
    body = text(entry(tail="  • 5 authors\n·\nMay 30 2"))
    assert page.build_tables(saved(body))["page_entries"].rows(named=True) == [
        {
            "captured_on": DAY,
            "page_sha256": hashlib.sha256(body.encode()).hexdigest(),
            "position": 1,
            "title": "On birches",
            "abstract": "We grow birches.",
            "author_count": 5,
            "organization": None,
            "organization_name": None,
            "published_on": date(2025, 5, 30),
            "comment_count": 2,
        }
    ]


MANY = {"• 1 author": 1, "  • 127 authors": 127, "• 1,234 authors": 1234, "•\xa03\xa0authors": 3, "3 authors": 3}


@pytest.mark.parametrize(("tail_text", "count"), MANY.items())
def test_the_author_count_is_parsed(tail_text, count):
    assert read(text(entry(tail=f"{tail_text}\n·\nMay 30")), "author_count", "organization") == [(count, None)]


def test_a_count_beyond_32_bits_is_null():
    body = text(entry(tail="• 5,000,000,000 authors\n·\nMay 30 9999999999"))
    assert read(body, "author_count", "comment_count", "published_on") == [(None, None, date(2025, 5, 30))]


@pytest.mark.parametrize(
    ("tail_text", "slug", "name"),
    [
        ("birch Birch", "birch", "Birch"),
        ("birch-lab The Birch Laboratory, 2nd floor", "birch-lab", "The Birch Laboratory, 2nd floor"),
        ("birch.ai_x-9 Birch · Elm", "birch.ai_x-9", "Birch · Elm"),
        ("01-birch 白樺", "01-birch", "白樺"),
        ("birch", "birch", None),
    ],
)
def test_an_organisation_may_replace_the_authors(tail_text, slug, name):
    body = text(
        entry("One", tail=f"{tail_text}\n·\nSep 29 2"), entry("Two"), entry("Three", LONG, f"{tail_text}\n·\nMay 1")
    )
    values = read(body, "title", "abstract", "author_count", "organization", "organization_name")
    assert values == [
        ("One", SHORT, None, slug, name),
        ("Two", SHORT, 5, None, None),
        ("Three", LONG, None, slug, name),
    ]
    assert read(body, "published_on", "comment_count")[0] == (date(2025, 9, 29), 2)


# Incomplete entries.


@pytest.mark.parametrize("place", [0, 1, 2])
def test_entries_may_have_neither_authors_nor_date(place):
    entries = [entry("One"), entry("Two")]
    entries[place:place] = [entry(WORDY, LONG, tail=None)] * 2
    expected = [("One", SHORT, 5, date(2025, 5, 30)), ("Two", SHORT, 5, date(2025, 5, 30))]
    expected[place:place] = [(WORDY, LONG, None, None)] * 2
    assert read(text(*entries, foot=FOOT), "title", "abstract", "author_count", "published_on") == expected


def test_an_entry_may_have_authors_and_no_date():
    tails = ["  • 3 authors", "  • 4 authors\n·\nyesterday", BY_FIVE, "• 6 authors\n·"]
    rows = read(text(*(entry(tail=tail) for tail in tails)), "abstract", "author_count", "published_on")
    assert rows == [(SHORT, 3, None), (SHORT, 4, None), (SHORT, 5, date(2025, 5, 30)), (SHORT, 6, None)]


def test_an_entry_may_have_a_date_and_no_authors():
    rows = read(text(entry("One", LONG, "·\nMay 30 2"), entry("Two")), "abstract", "author_count", "comment_count")
    assert rows == [(LONG, None, 2), (SHORT, 5, None)]


# The date, and its missing year.


@pytest.mark.parametrize(
    ("tail_text", "day", "meant"),
    [
        ("Nov 28, 2024", DAY, date(2024, 11, 28)),
        ("May 30", DAY, date(2025, 5, 30)),
        ("Nov 6", DAY, date(2025, 11, 6)),
        ("Dec 30", date(2026, 1, 2), date(2025, 12, 30)),
        # Copied in a time zone where the next day had begun.
        ("Nov 7", DAY, date(2025, 11, 7)),
        ("Jan 1", date(2025, 12, 31), date(2026, 1, 1)),
        ("Jan 1, 2026", date(2025, 12, 31), date(2026, 1, 1)),
        ("Nov 8", DAY, date(2024, 11, 8)),
        ("Feb 29, 2024", DAY, date(2024, 2, 29)),
        ("Feb 29", date(2024, 2, 28), date(2024, 2, 29)),
        ("Feb 29", date(2025, 1, 2), date(2024, 2, 29)),
        # Impossible dates are null.
        ("Feb 29", date(2026, 11, 6), None),
        ("Feb 29, 2023", DAY, None),
        ("Feb 30", DAY, None),
        ("Nov 0", DAY, None),
        ("Nov 8, 2025", DAY, None),
        ("Jan 1, 1985", DAY, None),
        ("Jan 1, 0000", DAY, None),
    ],
)
def test_a_date_without_a_year_gets_the_latest_possible_year(tail_text, day, meant):
    body = text(entry(tail=f"  • 5 authors\n·\n{tail_text} 7"))
    assert read(body, "published_on", "comment_count", "author_count", day=day) == [(meant, 7, 5)]


@pytest.mark.parametrize(
    ("tail_text", "year", "count"), [("May 30 2024", 2025, 2024), ("May 30, 2024 1,024", 2024, 1024)]
)
def test_a_number_after_a_date_is_the_comment_count_even_if_it_resembles_a_year(tail_text, year, count):
    body = text(entry(tail=f"  • 5 authors\n·\n{tail_text}"))
    assert read(body, "published_on", "comment_count") == [(date(year, 5, 30), count)]


# Text that is not an entry.


def test_header_and_footer_of_a_page_are_not_entries():
    body = text(entry("One", LONG), entry("Two", LONG), foot=FOOT)
    assert read(body, "title", "abstract") == [("One", LONG), ("Two", LONG)]


@pytest.mark.parametrize("head", ["", "\ufeff", "\n \n", BY_FIVE + "\n\n", LONG + "\n\n" + BY_FIVE + "\n\n"])
def test_a_page_may_lack_its_header(head):
    assert titles(text(entry("One"), entry("Two"), head=head)) == ["One", "Two"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n \n",
        HEAD + FOOT,
        "Dear all,\n\nbirches · elms\n\n• 5 pears\n\nMay 30\n\nYours",
        f"A heading\n\n{LONG}\n\nAnother\n\n{LONG}",
        "·\nMay 30",
        f"One word\n\n{BY_FIVE}",
        b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe",
        b"\xff\xfe\x00",
    ],
)
def test_other_text_gives_no_rows(body):
    assert read(body, "title") == []


def test_no_pages_give_an_empty_table():
    nothing = page.build_tables(saved())["page_entries"]
    assert (nothing.height, nothing.schema) == (0, pl.Schema(PAGE_ENTRIES.arrow()))


# Text that resembles the tail of an entry.


@pytest.mark.parametrize(
    "abstract",
    [
        "We grow birches • and elms · and 5 authors.",
        "We grow birches:\n• 5 birches\n• 3 authors\nand others.",
        "We saw birches on\nMay 30\nand after.",
        "• 3 authors\nand others grow birches.",
        "We saw birches\n·\nand elms.",
        "We saw birches\nand elms\n·\nMay 30",
        "We saw birches\n·\nMay 30, 2024 3\nand elms.",
    ],
)
def test_an_abstract_may_contain_text_that_resembles_a_tail(abstract):
    folded = re.sub(r"\s+", " ", abstract)
    body = text(entry("One", abstract), entry("Two", abstract))
    assert read(body, "title", "abstract", "author_count") == [("One", folded, 5), ("Two", folded, 5)]


@pytest.mark.parametrize("title", ["2048", "7B · 13B", "Nov 6", "May 30 2", "5 authors", "birch Birch", LONG])
def test_a_title_may_resemble_other_parts(title):
    assert titles(text(entry("One"), entry(title), entry("Three", LONG))) == ["One", title, "Three"]


def test_paragraphs_of_an_abstract_are_joined():
    body = text(entry("One", f"{LONG}\n\n{LONG}\n\nCode is at birch.test."), entry("Two", LONG))
    assert read(body, "title", "abstract") == [("One", f"{LONG} {LONG} Code is at birch.test."), ("Two", LONG)]


# Changes that browsers, editors and clipboards make to a text.

ENTRIES = (entry("One", LONG, "birch Birch\n·\nSep 29 2"), entry("Bare", LONG, tail=None), entry("Two", LONG))
WHOLE_PAGE = text(*ENTRIES, foot=FOOT)
FORMS = {
    "Windows ends of lines": WHOLE_PAGE.replace("\n", "\r\n"),
    "old ends of lines": WHOLE_PAGE.replace("\n", "\r"),
    "a mark at the beginning": "\ufeff" + WHOLE_PAGE,
    "UTF-16": codecs.BOM_UTF16_LE + WHOLE_PAGE.encode("utf-16-le"),
    "UTF-16, the other way round": codecs.BOM_UTF16_BE + WHOLE_PAGE.encode("utf-16-be"),
    "no-break spaces": WHOLE_PAGE.replace(" ", "\xa0"),
    "space at both ends of a line": "".join(f" \t{line} \n" for line in WHOLE_PAGE.split("\n")),
    "blank lines between all": WHOLE_PAGE.replace("\n", "\n\n \n"),
    "no blank lines": re.sub("\n+", "\n", WHOLE_PAGE),
    "no foot, and no end of the last line": text(*ENTRIES),
    "control characters": WHOLE_PAGE.replace("·", "\x00·\x07"),
    "lines folded": WHOLE_PAGE.replace("birches in", "birches\nin"),
}


@pytest.mark.parametrize("form", FORMS)
def test_text_encoding_and_line_breaks_do_not_change_the_entries(form):
    expected, actual = (
        page.build_tables(saved(body))["page_entries"].drop("page_sha256") for body in (WHOLE_PAGE, FORMS[form])
    )
    assert expected["title"].to_list() == ["One", "Bare", "Two"]
    assert actual.equals(expected)


def test_an_invalid_byte_is_replaced():
    assert titles(text(entry("One"), entry("Two")).encode().replace(b"One", b"On\xe9")) == ["On\ufffd", "Two"]


# Several pages.


def test_neither_order_nor_repetition_of_pages_matters():
    bodies = text(entry("One"), entry("Two")), text(entry("Three"), entry("Four", LONG, tail=None))
    pages = [saved(body, day=day) for body in bodies for day in (DAY, date(2025, 12, 1))]
    again = [saved(body, day=DAY, at=IMPORTED.replace(year=2027)) for body in bodies]
    once = page.build_tables(pl.concat(pages))["page_entries"]
    placed = [("Four", 2), ("One", 1), ("Three", 1), ("Two", 2)]
    assert sorted(once.select("title", "position").rows()) == [pair for pair in placed for _ in range(2)]
    assert once.select("captured_on", "page_sha256").n_unique() == 4
    assert page.build_tables(pl.concat([*again, *reversed(pages)]))["page_entries"].equals(once)


WORDS = st.text(st.sampled_from("ab·•5 \n\r\xa0"), max_size=30)
PARTS = st.sampled_from([LONG, SHORT, "·", "May 30", "Feb 29", "• 5 authors", "birch Birch", BY_FIVE, "Title"])
TEXTS = st.lists(st.one_of(WORDS, PARTS, PARTS), max_size=12).map("\n\n".join)
PHASES = (Phase.generate, Phase.shrink)


@settings(max_examples=60, deadline=None, derandomize=True, database=None, phases=PHASES)
@given(st.lists(st.one_of(TEXTS, TEXTS, st.binary(max_size=40)), max_size=3))
def test_any_text_gives_rows_that_meet_the_declaration(bodies):
    rows = page.build_tables(saved(*bodies))["page_entries"]
    assert not any(rows[column.name].has_nulls() for column in PAGE_ENTRIES.columns if column.null is None)
    assert rows.filter(pl.any_horizontal(pl.col("title", "abstract").str.strip_chars() == "")).is_empty()
    assert (rows["position"] == rows.select(pl.int_range(1, pl.len() + 1).over("page_sha256")).to_series()).all()


def test_the_recorded_page_matches_a_manual_count(recordings):
    rows = page.build_tables(saved((recordings / "page" / "daily-papers-2025-11-06.txt").read_bytes()))["page_entries"]
    has_authors, has_organization = pl.col("author_count").is_not_null(), pl.col("organization").is_not_null()
    has_date = pl.col("published_on").is_not_null()
    kinds = rows.group_by(authors=has_authors, organization=has_organization, date=has_date).len()
    assert sorted(kinds.rows()) == [(False, False, False, 4), (False, True, True, 4), (True, False, True, 114)]
    assert rows["position"].to_list() == list(range(1, 123))
    assert rows["published_on"].max() <= DAY
    assert rows["comment_count"].count() == 29
    assert rows.select(pl.col("title", "abstract").str.strip_chars().str.len_chars().min() > 0).row(0) == (True, True)
    # Of all recorded papers, the longest title is shorter than all but one abstract, so none is mistaken for the other.
    assert rows["title"].str.len_chars().max() <= 175 < rows["abstract"].str.len_chars().min()
