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
    return _unless_blank(_folded(_unwrapped(text)))


def one_line_each(texts: pl.DataFrame) -> pl.DataFrame:
    """`one_line` of every column. What needs no work, as most texts and nearly all columns do, costs one look."""
    needs_work = texts.select(pl.all().str.contains(_NEEDS_WORK))
    names = [name for name in texts.columns if needs_work[name].any()]
    # Step by step: what an expression names several times had better be a column by then.
    found = texts.select(pl.when(needs_work[name]).then(name).alias(name) for name in names)
    made = found.with_columns(_unwrapped(pl.all())).with_columns(_folded(pl.col(name)) for name in names)
    mended = [pl.when(needs_work[name]).then(made[name]).otherwise(name).alias(name) for name in names]
    return texts.with_columns(mended).with_columns(_unless_blank(pl.all()))


def _unwrapped(text: pl.Expr) -> pl.Expr:
    """The first step of `one_line`, which is all that nearly every wrapped text needs."""
    return text.str.replace_all("\n(?:  )?", " ")


def _folded(unwrapped: pl.Expr) -> pl.Expr:
    """The second step of `one_line`."""
    # Patterns would be most of the cost of flattening. The texts that need them are taken apart for it, since a
    # condition alone computes both of its branches for every row.
    return pl.coalesce(_tidy(pl.when(unwrapped.str.contains(_NEEDS_WORK)).then(unwrapped)), unwrapped)


def _unless_blank(text: pl.Expr) -> pl.Expr:
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
