"""Tables of which a month is gathered from its shares of other months: which are due, and one of those, staged.

Whether a month is due is seen from what is published alone, so a run that died is gone on with by the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import polars as pl

from paperlake.build.partition import BuildOptions, Prepared, is_current, is_new
from paperlake.quality.column_profile import profile_columns
from paperlake.store.fingerprint import code
from paperlake.store.publish import Writer
from paperlake.store.routes import routed_inputs, routed_months
from schemas.catalogue import TABLES
from schemas.table import Table
from transforms.graph import NOTHING_REFUSED, ROUTED, RoutedTransform
from transforms.routes import is_routed_to

Inputs = Mapping[str, str]


def wanted(work: BuildOptions) -> list[RoutedTransform]:
    """The gatherings of the tables that are built, in the order in which they are made of each other."""
    names = {table.name for table in work.only}
    return [
        one
        for one in ROUTED
        if names & {*(table.name for table in one.derived), *one.routed_inputs.same_month, *one.routed_inputs.routed}
    ]


def due(pen: Writer, work: BuildOptions, gathering: RoutedTransform, asked: Collection[str]) -> dict[str, Inputs]:
    """The months to be gathered, oldest first, with their inputs.

    With `force` also those `asked` for that are current, where the tables are asked for and not only what they are of.

    Raises FileDamaged.
    """
    published, gathers = pen.manifest, gathering.routed_inputs
    is_forced = work.force and not {*gathering.derived}.isdisjoint(work.only)
    held = pen.shared(gathers)
    there = (month for table in gathering.derived for month in published.months(table.name))
    months = sorted({*routed_months(published, gathers, held), *there})
    found = {month: routed_inputs(published, gathers, held, month) for month in months}
    return {
        month: inputs
        for month, inputs in found.items()
        if (is_forced and month in asked) or not is_current(pen, month, gathering.derived, inputs)
    }


def gathered(pen: Writer, work: BuildOptions, number: int, month: str, inputs: Inputs) -> Prepared:
    """A month of the gathering of that `number`, built and staged. Raises FileDamaged."""
    gathering = ROUTED[number]
    rows = gathering.build(month, _kept(pen, gathering, month, inputs))
    staged = pen.stage(month, rows, code=code(), inputs=inputs)
    new = [table for table in rows if is_new(pen, staged, table, month, rows[table])] if work.is_judged else []
    told = {table: profile_columns(table, month, rows[table]) for table in new}
    return Prepared(month, staged, NOTHING_REFUSED.select("listed_on", "captured_at"), NOTHING_REFUSED, told)


def _kept(pen: Writer, gathering: RoutedTransform, month: str, inputs: Inputs) -> Mapping[Table, pl.DataFrame]:
    """What the month is made of, by table: its own rows, and its shares of the months that `inputs` name."""
    gathers = gathering.routed_inputs
    found: dict[Table, list[pl.DataFrame]] = {}
    for table in (TABLES[name] for name in gathers.same_month):
        if (rows := pen.read(table, month)) is not None:
            found.setdefault(table, []).append(rows)
    for table in (TABLES[name] for name in (*gathers.routed, *gathers.read_with)):
        mine = is_routed_to(table, date.fromisoformat(f"{month}-01"))
        for one in _sharing_months(gathers.routed if table.name in gathers.read_with else (table.name,), inputs):
            if (rows := pen.read(table, one, gathering.columns.get(table, ()), mine)) is not None:
                found.setdefault(table, []).append(rows)
    return {table: pl.concat(frames) for table, frames in found.items()}


def _sharing_months(tables: Collection[str], inputs: Inputs) -> list[str]:
    """The months of `tables` that `inputs` name a share of."""
    shares = [name.partition("#")[0].split("/") for name in inputs if "#" in name]
    return sorted({month.removeprefix("month=") for _, table, month, _ in shares if table in tables})
