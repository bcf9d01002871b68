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
    unwrapped = _unwrapped(text)
    return _unless_blank(_folded(unwrapped, unwrapped.str.contains(_NEEDS_WORK)))


def one_line_each(texts: pl.DataFrame) -> pl.DataFrame:
    """`one_line` of every column. What needs no work, as most texts and nearly all columns do, costs one look."""
    # A plain search costs a thirtieth of a pattern's.
    wrapped = texts.select(pl.all().str.contains("\n", literal=True).any()).row(0, named=True)
    unwrapped = texts.with_columns(_unwrapped(pl.col(name)) for name, is_wrapped in wrapped.items() if is_wrapped)
    needs_work = unwrapped.select(pl.all().str.contains(_NEEDS_WORK))
    untidy = [name for name in texts.columns if needs_work[name].any()]
    mended = [_folded(pl.col(name), needs_work[name]) for name in untidy]
    return unwrapped.with_columns(mended).with_columns(_unless_blank(pl.all()))


def _unwrapped(text: pl.Expr) -> pl.Expr:
    """The first step of `one_line`, which is all that nearly every wrapped text needs."""
    return text.str.replace_all("\n(?:  )?", " ")


def _folded(unwrapped: pl.Expr, needs_work: pl.Expr | pl.Series) -> pl.Expr:
    """The second step of `one_line`."""
    # Patterns would be most of the cost of flattening. The texts that need them are taken apart for it, since a
    # condition alone computes both of its branches for every row.
    return pl.coalesce(_tidy(pl.when(needs_work).then(unwrapped)), unwrapped)


def _unless_blank(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def keywords(texts: pl.Expr) -> pl.Expr:
    """A list of keywords without blanks and repeats, in its order (`[""]` was recorded 15 times)."""
    return distinct(lines(texts))


def distinct(texts: pl.Expr) -> pl.Expr:
    """A list without repeats, in its order."""
    return texts.list.unique(maintain_order=True)


def lines(texts: pl.Expr) -> pl.Expr:
    """A list of texts, each on one line, without blanks, in its order."""
    return _tidy_lists(texts, _has_untidy(texts))


def lines_each(lists: pl.DataFrame) -> pl.DataFrame:
    """`lines` of every column: where no list of one needs work, as nearly always, that costs one look."""
    needs_work = lists.select(_has_untidy(pl.all()))
    untidy = [name for name in lists.columns if needs_work[name].any()]
    return lists.with_columns(_tidy_lists(pl.col(name), needs_work[name]) for name in untidy)


def _has_untidy(texts: pl.Expr) -> pl.Expr:
    # Looking into every list costs as much as reading it; one text of all items tells whether that is worth it.
    return (texts.list.join("~").str.contains(_LIST_NEEDS_WORK) & (texts.list.len() > 0)).fill_null(value=False)


def _tidy_lists(texts: pl.Expr, needs_work: pl.Expr | pl.Series) -> pl.Expr:
    # A list that is masked would still be looked into, so those that need nothing are made empty for it.
    untidy = pl.when(needs_work).then(texts).otherwise(pl.lit([], pl.List(pl.String)))
    tidy = untidy.list.eval(_tidy(pl.element())).list.filter(pl.element() != "")
    return pl.when(needs_work).then(tidy).otherwise(texts)


def _tidy(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(CONTROLS, "").str.replace_all(r"\s+", " ").str.strip_chars()
