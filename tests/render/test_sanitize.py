"""Untrusted text and URLs are sanitized before they are rendered."""

import pytest

from paperlake.render.sanitize import clean_line, escape_cell, escape_markdown, is_paper_id, safe_url, shorten


@pytest.mark.parametrize(
    ("hostile", "expected"),
    [
        ("two\r\nlines\u2028three\x85four", "two lines three four"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066a\u2069\u200f\u061c", "a"),
        ("bell\x07 null\x00 escape\x1b[31m", "bell null escape[31m"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("hid\u200bden \U000e0041tags\ufeff", "hidden tags"),
        ("Zürich, Владимир, 東京, עברית", "Zürich, Владимир, 東京, עברית"),
        (None, ""),
    ],
)
def test_a_line_has_no_hidden_or_direction_changing_characters(hostile, expected):
    assert clean_line(hostile) == " ".join(expected.split(" "))


def test_a_letter_keeps_at_most_four_combining_marks():
    assert clean_line("a" + "\u0301" * 100) == "a" + "\u0301" * 4


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/owner/repo", "https://github.com/owner/repo"),
        ("HTTP://Example.COM:8080/a?b=c#d", "http://example.com:8080/a?b=c#d"),
        ('https://example.com/"><script>', "https://example.com/%22%3E%3Cscript%3E"),
        ("https://example.com/a b", "https://example.com/a%20b"),
        ("https://example.com/100%", "https://example.com/100%25"),
        ("https://example.com/%7Euser", "https://example.com/%7Euser"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
    ],
)
def test_a_web_url_becomes_ascii(url, expected):
    assert safe_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "//example.com/x"),
        *("https://user:secret@example.com/", "https://github.com@evil.example/", "https:///path", "https://[::1"),
        *("https://example.com\n.evil.example/", "https://exa\u202emple.com/", "https://-/", "", None, "mailto:a@b.c"),
        "https://example.com/" + "a" * 3000,
    ],
)
def test_any_other_url_is_refused(url):
    assert safe_url(url) is None


def test_a_paper_id_is_safe_in_a_path():
    assert is_paper_id("2511.01234")
    assert is_paper_id("cs/0112017")
    assert is_paper_id("math.GT/0309136")
    assert not any(map(is_paper_id, ("../../etc", "2511.01234/x", "2511.01234\n", "a b/1234567", "")))


@pytest.mark.parametrize("hostile", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\t=1", "\uff1d1"])
def test_a_spreadsheet_shows_a_formula_as_text(hostile):
    assert escape_cell(hostile).startswith("'") or escape_cell(hostile)[0] not in "=+-@"


def test_markdown_escapes_markup_mentions_and_bare_urls():
    assert escape_markdown("a*b*") == r"a\*b\*"
    assert "@everyone" not in escape_markdown("@everyone")
    assert "https://" not in escape_markdown("see https://evil.example")
    assert "www." not in escape_markdown("www.evil.example")


def test_a_text_is_shortened_between_words():
    assert shorten("one two three four", 12) == "one two…"
    assert shorten("short", 12) == "short"
