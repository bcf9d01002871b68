"""The month in an arXiv identifier."""

from __future__ import annotations

from datetime import date

import polars as pl

_THIS_CENTURY = 20
_FIRST_OLD_YEAR = 91
"""First two-digit year of the old style of identifiers (1991); the old style ended in March 2007."""


def filed_on(paper_id: pl.Expr) -> pl.Expr:
    """The first day of the month in an identifier of either style; null where it has none."""
    digits = paper_id.str.extract(r"(?:\A|/)([0-9]{4})")
    year = digits.str.slice(0, 2).cast(pl.Int32)
    century = pl.when(paper_id.str.contains("/", literal=True) & (year >= _FIRST_OLD_YEAR)).then(1900).otherwise(2000)
    return pl.date(century + year, digits.str.slice(2, 2).cast(pl.Int32), 1)


def is_filed_on(paper_id: pl.Expr, month: date) -> pl.Expr:
    """Whether the month in an identifier is `month` (its first day): `filed_on(paper_id) == month`, but faster."""
    century, year = divmod(month.year, 100)
    is_this_century, digits = century == _THIS_CENTURY, f"{month:%y%m}"
    had_old_style = is_this_century == (year < _FIRST_OLD_YEAR)
    is_new = paper_id.str.starts_with(digits) if is_this_century else pl.lit(value=False)
    is_old = paper_id.str.contains(f"/{digits}", literal=True) if had_old_style else pl.lit(value=False)
    return pl.when(paper_id.is_not_null()).then(is_new | is_old)
