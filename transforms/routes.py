"""Which months want rows of a table that are filed under another one, and whether they still want the same."""

from __future__ import annotations

from datetime import date
from hashlib import sha256

import polars as pl

from schemas.kinds import DATE
from schemas.table import Table
from transforms.paper_ids import filed_on, is_filed_on

_DIGITS = 32


def route_digests(rows: pl.DataFrame, table: Table, answers: pl.DataFrame | None = None) -> dict[str, str]:
    """A hash of the rows that each month (`2025-11`) wants of those published as `table`, by that month.

    `answers` says what each capture was answered (the date that `table` is dated by, captured_at, answers); it is
    needed where the shares declare a capture that rows are read from, and raises ValueError where it is missing then.
    """
    if table.route is None or not table.route.digest_columns or rows.is_empty():
        return {}
    told_by, read_from = table.route.digest_columns, table.route.read_from
    names = list(dict.fromkeys([table.route.by, *told_by, *table.sort]))
    held = rows.select(names)
    if read_from is not None:
        if answers is None:
            raise ValueError(f"the shares of {table.name} cannot be told without the answers that it was read from")
        capture = [table.dated_by, "captured_at"]
        held = held.join(answers, left_on=[table.dated_by, read_from], right_on=capture, how="left")
        told_by = (*told_by, "answers")
    # As numbers, since instants take longer to write out than all the rest.
    values = pl.col(told_by).to_physical().cast(pl.String).fill_null("\0")
    said = pl.concat_str(values, separator="\t")
    told = held.sort(table.sort).select(month=target_month(table), said=said)
    by_month = told.group_by("month").agg(pl.col("said").str.join("\n")).sort("month")
    return {f"{month:%Y-%m}": sha256(text.encode()).hexdigest()[:_DIGITS] for month, text in by_month.iter_rows()}


def is_routed_to(table: Table, month: date) -> pl.Expr:
    """Whether a row of `table` is wanted by the month that begins so. Raises ValueError where it declares no shares."""
    by = _wanted_by(table)
    return target_month(table) == month if table[by].type == DATE else is_filed_on(pl.col(by), month)


def target_month(table: Table) -> pl.Expr:
    """The first day of the month that wants a row of `table`. Raises ValueError where it declares no shares."""
    by = _wanted_by(table)
    return pl.col(by).dt.truncate("1mo") if table[by].type == DATE else filed_on(pl.col(by))


def _wanted_by(table: Table) -> str:
    if table.route is None:
        raise ValueError(f"{table.name} declares no shares")
    return table.route.by
