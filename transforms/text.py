"""How text from the internet becomes text in a column."""

from __future__ import annotations

import polars as pl

_NEEDS_WORK = r"[\p{Cc}]|[^\S ]|  |^ | $"
_LIST_NEEDS_WORK = r"[\p{Cc}]|[^\S ]|  |(?:^|~) | (?:~|$)|~~|^~|~$|^$"
CONTROLS = r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
"""Control characters that are no white space."""


def one_line(text: pl.Expr) -> pl.Expr:
    r"""Text on one line: control characters gone, white space folded, null where nothing is left.

    Titles arrive wrapped (`\n  ` in 3,160 of the recorded ones), abstracts always did before 2025-11-12.
    """
    return folded(unwrapped(text))


def unwrapped(text: pl.Expr) -> pl.Expr:
    """The first half of `one_line`, which is all that nearly every text needs."""
    return text.str.replace_all("\n  ", " ", literal=True).str.replace_all("\n", " ", literal=True)


def folded(unwrapped: pl.Expr) -> pl.Expr:
    """The second half of `one_line`. It names its input five times, so many texts had better be a column by then."""
    # Patterns would be most of the cost of flattening. The texts that need them are taken apart for it, since a
    # condition alone computes both of its branches for every row.
    text = pl.coalesce(_tidy(pl.when(unwrapped.str.contains(_NEEDS_WORK)).then(unwrapped)), unwrapped)
    return pl.when(text != "").then(text)


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
    return text.str.replace_all(CONTROLS, "").str.replace_all(r"\s+", " ").str.strip_chars()
