"""arXiv's texts as they should read: on one line, without the faults of former conversions."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from html.entities import html5

import polars as pl

from transforms.accents import lettered, lettered_names
from transforms.text import folded, unwrapped

_ESCAPE = r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"


def cleaned(texts: pl.Series) -> pl.Series:
    """Texts on one line, escapes undone that XML's own escaping had doubled; null where nothing is left.

    arXiv's abstracts begin with two blanks and end with a line: without them nearly none needs the costly patterns.
    """
    plain = _undone(texts).str.strip_chars().to_frame("text")
    return plain.select(unwrapped(pl.col("text"))).select(folded(pl.col("text"))).to_series()


def readable(texts: pl.Series) -> pl.Series:
    """Titles and abstracts: `cleaned`, with TeX's accents as letters."""
    return lettered(cleaned(texts))


def names(texts: pl.Series) -> pl.Series:
    """Names of people: `cleaned`, with TeX's accents as letters, and without a comma that was left on the end."""
    plain = lettered_names(cleaned(texts)).to_frame("name").select(pl.col("name").str.strip_chars_end(" ,"))
    return plain.select(pl.when(pl.col("name") != "").then("name")).to_series()


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
