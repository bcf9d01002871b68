"""arXiv's texts as they should read: on one line, without the faults of former conversions."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from html.entities import html5

import polars as pl

from transforms.arxiv.accents import lettered, lettered_names
from transforms.text import one_line

_ESCAPE = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"

_PLAIN = r"\A[!-%'-~]+(?: [!-%'-~]+)*\z"
"""Printable ASCII with single blanks between, and without an ampersand: nothing to do. One look tells of most texts."""
_PLAIN_NAME = r"\A[A-Za-z.'-]+(?: [A-Za-z.'-]+)*\z"
_UNWRAPPED = pl.col("text").str.replace_many(["\n  ", "\n"], [" ", " "], leftmost=True)
_SEEN_QUICKLY = ("  ", "\t", "\r", "\b", "\f", "\x7f")
_ODD = r"[\p{Cc}]|[^\S ]|  "
"""What `one_line` would still have to do in a text without line ends, and without blanks around it."""


def cleaned(texts: pl.Series) -> pl.Series:
    """Texts on one line, escapes undone that XML's own escaping had doubled; null where nothing is left.

    Of controls they may hold those that XML can (tabs, line ends, and any from U+007F on) and those that JSON has a
    letter for. Others are not searched for, since a pattern on all abstracts costs half as much as parsing them.
    """
    rows = (~texts.str.contains(_PLAIN)).arg_true()
    return texts if rows.is_empty() else texts.clone().scatter(rows, _tidy(_undone(texts[rows])))


def _tidy(texts: pl.Series) -> pl.Series:
    # arXiv's abstracts begin with two blanks and end with a line: without them nearly none needs the costly patterns.
    held, frame = pl.col("text"), texts.str.strip_chars().to_frame("text").select(_UNWRAPPED)
    doubtful = frame.select(
        pl.any_horizontal(
            held == "",
            held.str.len_bytes() != held.str.len_chars(),
            *(held.str.contains(mark, literal=True) for mark in _SEEN_QUICKLY),
        )
    )
    # Taken out, not masked: Polars applies a pattern to masked texts as well.
    plain, rows = frame.to_series(), doubtful.to_series().arg_true()
    rows = rows.filter((plain[rows] == "") | plain[rows].str.contains(_ODD))
    return plain if rows.is_empty() else plain.scatter(rows, frame[rows].select(one_line(held)).to_series())


def readable(texts: pl.Series) -> pl.Series:
    """Titles and abstracts: `cleaned`, with TeX's accents as letters."""
    return lettered(cleaned(texts))


def names(texts: pl.Series) -> pl.Series:
    """Names of people: `cleaned`, with TeX's accents as letters, and without a comma that was left on the end."""
    rows = (~texts.str.contains(_PLAIN_NAME)).arg_true()  # one look tells of most that they need none of this
    if rows.is_empty():
        return texts
    mended = lettered_names(cleaned(texts[rows])).str.strip_chars_end(" ,").to_frame("name")
    return texts.clone().scatter(rows, mended.select(pl.when(pl.col("name") != "").then("name")).to_series())


def _undone(texts: pl.Series) -> pl.Series:
    """Texts in which the escapes that are still there after XML was read (`&mu;`, `&#64257;`) are characters."""
    concerned = texts.filter(texts.str.contains(_ESCAPE))
    if concerned.is_empty():
        return texts
    escapes = concerned.str.extract_all(_ESCAPE).explode().unique().sort()
    characters = {escape: _character(escape) for escape in escapes}
    return texts.to_frame("text").select(pl.col("text").str.replace_many(characters)).to_series()


@cache
def _character(escape: str) -> str:
    """What `escape` stands for; itself where HTML knows no such name (`R&D;`)."""
    is_known = re.match(r"&#", escape) or escape[1:] in html5
    return unescape(escape) if is_known else escape
