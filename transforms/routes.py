"""Routes: which month a row belongs to in the tables built from it, and digests that tell whether that changed."""

from __future__ import annotations

from datetime import date
from hashlib import sha256

import polars as pl

from schemas.kinds import DATE
from schemas.table import Route, Table
from transforms.paper_ids import filed_on, is_filed_on

_DIGITS = 32


def route_digests(rows: pl.DataFrame, table: Table, answers: pl.DataFrame | None = None) -> dict[str, str]:
    """A hash of the rows that `table` routes to each month (`2025-11`), by that month.

    `answers` maps each capture (the date that `table` is dated by, captured_at) to its answers. A route with
    `read_from` needs it, and raises ValueError without it.
    """
    if table.route is None or not table.route.digest_columns or rows.is_empty():
        return {}
    digest_columns, read_from = table.route.digest_columns, table.route.read_from
    columns = rows.select(list(dict.fromkeys([table.route.by, *digest_columns, *table.sort])))
    if read_from is not None:
        if answers is None:
            raise ValueError(f"route digests of {table.name} need the answers that its rows were read from")
        capture = [table.dated_by, "captured_at"]
        columns = columns.join(answers, left_on=[table.dated_by, read_from], right_on=capture, how="left")
        digest_columns = (*digest_columns, "answers")
    # As numbers: formatting timestamps takes longer than everything else here.
    values = pl.col(digest_columns).to_physical().cast(pl.String).fill_null("\0")
    lines = columns.sort(table.sort).select(month=target_month(table), line=pl.concat_str(values, separator="\t"))
    by_month = lines.group_by("month").agg(pl.col("line").str.join("\n")).sort("month")
    return {f"{month:%Y-%m}": sha256(text.encode()).hexdigest()[:_DIGITS] for month, text in by_month.iter_rows()}


def is_routed_to(table: Table, month: date) -> pl.Expr:
    """Whether `table` routes a row to the month that begins on the date `month`. Raises ValueError without a route."""
    by = _route(table).by
    return target_month(table) == month if table[by].type == DATE else is_filed_on(pl.col(by), month)


def target_month(table: Table) -> pl.Expr:
    """The first day of the month that `table` routes a row to. Raises ValueError without a route."""
    by = _route(table).by
    return pl.col(by).dt.truncate("1mo") if table[by].type == DATE else filed_on(pl.col(by))


def _route(table: Table) -> Route:
    if table.route is None:
        raise ValueError(f"{table.name} declares no route")
    return table.route
