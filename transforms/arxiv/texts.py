"""Clean arXiv's texts: put them on one line and undo faulty conversions."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from html.entities import html5

import polars as pl

from transforms.arxiv.accents import accents_to_letters, name_accents_to_letters, without_letter_groups
from transforms.text import one_line

_ESCAPE = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"

_PLAIN = r"\A[!-%'-~]+(?: [!-%'-~]+)*\z"
"""A clean text: printable ASCII, single blanks, no ampersand. Most texts match."""
_PLAIN_NAME = r"\A[A-Za-z.'-]+(?: [A-Za-z.'-]+)*\z"
_UNWRAPPED = pl.col("text").str.replace_many(["\n  ", "\n"], [" ", " "], leftmost=True)
_SEARCHED_LITERALS = ("  ", "\t", "\r", "\b", "\f", "\x7f")
_NEEDS_CLEANING = r"[\p{Cc}]|[^\S ]|  "
"""Matches text that `one_line` would change, among texts without line ends and without surrounding blanks."""


def clean_texts(texts: pl.Series) -> pl.Series:
    """Texts on one line, with doubly escaped entities unescaped; null where nothing is left.

    `texts` must not contain other control characters than those that XML allows (tabs, line ends, U+007F and above)
    and those with a short JSON escape: a search for all of them takes half as long as parsing the abstracts.
    """
    rows = (~texts.str.contains(_PLAIN)).arg_true()
    return texts if rows.is_empty() else texts.clone().scatter(rows, _tidy(_unescape(texts[rows])))


def _tidy(texts: pl.Series) -> pl.Series:
    # arXiv's abstracts begin with two blanks and end with a newline. Once these are stripped, nearly none needs the
    # slow patterns.
    text, frame = pl.col("text"), texts.str.strip_chars().to_frame("text").select(_UNWRAPPED)
    doubtful = frame.select(
        pl.any_horizontal(
            text == "",
            text.str.len_bytes() != text.str.len_chars(),
            *(text.str.contains(mark, literal=True) for mark in _SEARCHED_LITERALS),
        )
    )
    # Rows are selected by index, not masked: Polars applies a pattern to masked texts as well.
    plain, rows = frame.to_series(), doubtful.to_series().arg_true()
    rows = rows.filter((plain[rows] == "") | plain[rows].str.contains(_NEEDS_CLEANING))
    return plain if rows.is_empty() else plain.scatter(rows, frame[rows].select(one_line(text)).to_series())


def clean_tex(texts: pl.Series) -> pl.Series:
    """Abstracts: `clean_texts`, with letters in place of TeX accents."""
    return accents_to_letters(clean_texts(texts))


def clean_titles(texts: pl.Series) -> pl.Series:
    """Titles: `clean_tex`, without braces that only group letters."""
    return without_letter_groups(clean_tex(texts))


def clean_names(texts: pl.Series) -> pl.Series:
    """Names of people: `clean_texts`, letters for TeX accents, no braces that only group letters, no trailing comma."""
    rows = (~texts.str.contains(_PLAIN_NAME)).arg_true()  # most names match and need no cleaning
    if rows.is_empty():
        return texts
    lettered = without_letter_groups(name_accents_to_letters(clean_texts(texts[rows])))
    cleaned = lettered.str.strip_chars_end(" ,").to_frame("name")
    return texts.clone().scatter(rows, cleaned.select(pl.when(pl.col("name") != "").then("name")).to_series())


def _unescape(texts: pl.Series) -> pl.Series:
    """Replace entities that remain after XML parsing (`&mu;`, `&#64257;`) with their characters."""
    escaped = texts.filter(texts.str.contains(_ESCAPE))
    if escaped.is_empty():
        return texts
    escapes = escaped.str.extract_all(_ESCAPE).explode().unique().sort()
    characters = {escape: _character(escape) for escape in escapes}
    return texts.to_frame("text").select(pl.col("text").str.replace_many(characters)).to_series()


@cache
def _character(escape: str) -> str:
    """The character for an entity; the entity itself where HTML does not define it (`R&D;`)."""
    is_known = re.match(r"&#", escape) or escape[1:] in html5
    return unescape(escape) if is_known else escape
