"""How text from the internet becomes text in a column."""

from __future__ import annotations

import polars as pl

_NEEDS_WORK = r"[\p{Cc}]|[^\S ]|  |^ | $"
_LIST_NEEDS_WORK = r"[\p{Cc}]|[^\S ]|  |(?:^|~) | (?:~|$)|~~|^~|~$|^$"
_CONTROLS = r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"


def one_line(text: pl.Expr) -> pl.Expr:
    r"""Text on one line: control characters gone, white space folded, null where nothing is left.

    Titles arrive wrapped (`\n  ` in 3,160 of the recorded ones), abstracts always did before 2025-11-12.
    """
    # Patterns would be most of the cost of flattening. Nearly every text is done once its wrapping is undone; the
    # others are taken apart for them, since a condition alone computes both of its branches for every row.
    unwrapped = text.str.replace_all("\n  ", " ", literal=True).str.replace_all("\n", " ", literal=True)
    folded = pl.coalesce(_tidy(pl.when(unwrapped.str.contains(_NEEDS_WORK)).then(unwrapped)), unwrapped)
    return pl.when(folded != "").then(folded)


def keywords(texts: pl.Expr) -> pl.Expr:
    """A list of keywords without blanks and repeats, in its order (`[""]` was recorded 15 times)."""
    return lines(texts).list.unique(maintain_order=True)


def lines(texts: pl.Expr) -> pl.Expr:
    """A list of texts, each on one line, without blanks, in its order."""
    # Looking into every list costs as much as reading it; one text of all items tells whether that is worth it.
    # A list that is masked would still be looked into, so those that need nothing are made empty for it.
    needs_work = (texts.list.join("~").str.contains(_LIST_NEEDS_WORK) & (texts.list.len() > 0)).fill_null(value=False)
    untidy = pl.when(needs_work).then(texts).otherwise(pl.lit([], pl.List(pl.String)))
    tidy = untidy.list.eval(_tidy(pl.element())).list.filter(pl.element() != "")
    return pl.when(needs_work).then(tidy).otherwise(texts)


def _tidy(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(_CONTROLS, "").str.replace_all(r"\s+", " ").str.strip_chars()
