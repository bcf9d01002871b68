"""How text from the internet becomes text in a column."""

from __future__ import annotations

import polars as pl

_NEEDS_WORK = r"[\p{Cc}]|[^\S ]|  |^ | $"
_CONTROLS = r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"


def one_line(text: pl.Expr) -> pl.Expr:
    r"""Text on one line: control characters gone, white space folded, null where nothing is left.

    Titles arrive wrapped (`\n  ` in 3,160 of the recorded ones), abstracts always did before 2025-11-12.
    """
    tidy = text.str.replace_all(_CONTROLS, "").str.replace_all(r"\s+", " ").str.strip_chars()
    # Replacing is most of the cost of flattening, and most texts since 2025-11 need none.
    folded = pl.when(text.str.contains(_NEEDS_WORK)).then(tidy).otherwise(text)
    return pl.when(folded != "").then(folded)


def keywords(texts: pl.Expr) -> pl.Expr:
    """A list of keywords without blanks and repeats, in its order (`[""]` was recorded 15 times)."""
    return lines(texts).list.unique(maintain_order=True)


def lines(texts: pl.Expr) -> pl.Expr:
    """A list of texts, each on one line, without blanks, in its order."""
    tidy = pl.element().str.replace_all(_CONTROLS, "").str.replace_all(r"\s+", " ").str.strip_chars()
    return texts.list.eval(tidy.filter(tidy != ""))
