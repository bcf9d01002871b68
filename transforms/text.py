"""Normalize text from the internet for a column."""

from __future__ import annotations

import polars as pl

_NEEDS_WORK = r"[\p{Cc}]|[^\S ]|  |^ | $"
_LIST_NEEDS_WORK = r"[\p{Cc}]|[^\S ]|  |(?:^|~) | (?:~|$)|~~|^~|~$|^$"
CONTROLS = r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
"""Control characters that are not white space."""


def one_line(text: pl.Expr) -> pl.Expr:
    r"""Text on one line: control characters removed, white space folded, null where nothing is left.

    Titles arrive wrapped (`\n  ` in 3,160 of the recorded ones); before 2025-11-12 all abstracts did.
    """
    unwrapped = _unwrapped(text)
    return _unless_blank(_folded(unwrapped, unwrapped.str.contains(_NEEDS_WORK)))


def one_line_columns(texts: pl.DataFrame) -> pl.DataFrame:
    """`one_line` of every column. Clean columns, which are nearly all, cost one search."""
    # A literal search takes a thirtieth of the time of a regular expression.
    wrapped = texts.select(pl.all().str.contains("\n", literal=True).any()).row(0, named=True)
    unwrapped = texts.with_columns(_unwrapped(pl.col(name)) for name, is_wrapped in wrapped.items() if is_wrapped)
    needs_work = unwrapped.select(pl.all().str.contains(_NEEDS_WORK))
    untidy = [name for name in texts.columns if needs_work[name].any()]
    clean = [_folded(pl.col(name), needs_work[name]) for name in untidy]
    return unwrapped.with_columns(clean).with_columns(_unless_blank(pl.all()))


def _unwrapped(text: pl.Expr) -> pl.Expr:
    """The first step of `one_line`; nearly all wrapped texts need no other."""
    return text.str.replace_all("\n(?:  )?", " ")


def _folded(unwrapped: pl.Expr, needs_work: pl.Expr | pl.Series) -> pl.Expr:
    """The second step of `one_line`."""
    # Regular expressions would take most of the time. The texts that need them are selected first, because
    # when/then computes both branches for every row.
    return pl.coalesce(_tidy(pl.when(needs_work).then(unwrapped)), unwrapped)


def _unless_blank(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def keywords(texts: pl.Expr) -> pl.Expr:
    """A list of keywords without blanks and repeats, in their order (`[""]` was recorded 15 times)."""
    return distinct(clean_items(texts))


def distinct(texts: pl.Expr) -> pl.Expr:
    """A list without repeats, in the order of first occurrence."""
    return texts.list.unique(maintain_order=True)


def clean_items(texts: pl.Expr) -> pl.Expr:
    """A list of texts, each on one line, without blank ones, in their order."""
    return _tidy_lists(texts, _has_untidy(texts))


def clean_items_columns(lists: pl.DataFrame) -> pl.DataFrame:
    """`clean_items` of every column. Clean columns, which are nearly all, cost one search."""
    needs_work = lists.select(_has_untidy(pl.all()))
    untidy = [name for name in lists.columns if needs_work[name].any()]
    return lists.with_columns(_tidy_lists(pl.col(name), needs_work[name]) for name in untidy)


def _has_untidy(texts: pl.Expr) -> pl.Expr:
    # Searching every item costs as much as cleaning it. Searching all items joined into one text is cheap.
    return (texts.list.join("~").str.contains(_LIST_NEEDS_WORK) & (texts.list.len() > 0)).fill_null(value=False)


def _tidy_lists(texts: pl.Expr, needs_work: pl.Expr | pl.Series) -> pl.Expr:
    # list.eval also processes masked lists, so lists that need no cleaning are replaced with empty ones for it.
    untidy = pl.when(needs_work).then(texts).otherwise(pl.lit([], pl.List(pl.String)))
    tidy = untidy.list.eval(_tidy(pl.element())).list.filter(pl.element() != "")
    return pl.when(needs_work).then(tidy).otherwise(texts)


def _tidy(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(CONTROLS, "").str.replace_all(r"\s+", " ").str.strip_chars()
