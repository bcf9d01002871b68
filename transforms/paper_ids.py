"""What an arXiv identifier says of its paper."""

from __future__ import annotations

import polars as pl

_FIRST_OLD_YEAR = 91
"""The archive began in 1991, and the old style, whose year has two digits, ended in March 2007."""


def filed_on(paper_id: pl.Expr) -> pl.Expr:
    """The first day of the month that an identifier of either style names; null where it names none."""
    digits = paper_id.str.extract(r"^(?:[A-Za-z.-]+/)?([0-9]{4})")
    year = digits.str.slice(0, 2).cast(pl.Int32)
    century = pl.when(paper_id.str.contains("/", literal=True) & (year >= _FIRST_OLD_YEAR)).then(1900).otherwise(2000)
    return pl.date(century + year, digits.str.slice(2, 2).cast(pl.Int32), 1)
