"""Split rows that were built for several months into the months."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from schemas.calendar import MONTH_FORMAT


def split_by_month(rows: pl.DataFrame, date_column: str, months: Sequence[str]) -> dict[str, pl.DataFrame]:
    """The rows of each of `months` (`2025-11`) by their date, in their order.

    Rows of any other month are given to the first one, where validation refuses them.
    """
    if len(months) == 1:
        return {months[0]: rows}
    parts = rows.with_columns(_month=pl.col(date_column).dt.strftime(MONTH_FORMAT)).partition_by(
        "_month", as_dict=True, include_key=False, maintain_order=True
    )
    by_month = {str(month): part for (month,), part in parts.items()}
    strays = [part for month, part in by_month.items() if month not in months]
    split = {month: by_month.get(month, rows.clear()) for month in months}
    return {**split, months[0]: pl.concat([split[months[0]], *strays])} if strays else split
