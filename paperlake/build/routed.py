"""Tables of which a month is gathered from its shares of other months: which are due, and one of those, staged.

Whether a month is due is seen from what is published alone, so a run that died is gone on with by the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import polars as pl

from paperlake.build.partition import Prepared, Work, is_current, is_new
from paperlake.quality.column_profile import facts
from paperlake.store.fingerprint import code
from paperlake.store.publish import Writer
from paperlake.store.routes import gathered_inputs, gathering_months
from schemas.catalogue import TABLES
from schemas.table import Table
from transforms.graph import GATHERINGS, NOTHING_REFUSED, Gathering
from transforms.routes import is_wanted_on

Inputs = Mapping[str, str]


def wanted(work: Work) -> list[Gathering]:
    """The gatherings of the tables that are built, in the order in which they are made of each other."""
    names = {table.name for table in work.only}
    return [
        one
        for one in GATHERINGS
        if names & {*(table.name for table in one.derived), *one.gathers.own, *one.gathers.shared}
    ]


def due(pen: Writer, work: Work, gathering: Gathering, asked: Collection[str]) -> dict[str, Inputs]:
    """The months to be gathered, oldest first, with their inputs.

    With `force` also those `asked` for that are current, where the tables are asked for and not only what they are of.

    Raises FileDamaged.
    """
    published, gathers = pen.manifest, gathering.gathers
    is_forced = work.force and not {*gathering.derived}.isdisjoint(work.only)
    held = pen.shared(gathers)
    there = (month for table in gathering.derived for month in published.months(table.name))
    months = sorted({*gathering_months(published, gathers, held), *there})
    found = {month: gathered_inputs(published, gathers, held, month) for month in months}
    return {
        month: inputs
        for month, inputs in found.items()
        if (is_forced and month in asked) or not is_current(pen, month, gathering.derived, inputs)
    }


def gathered(pen: Writer, work: Work, number: int, month: str, inputs: Inputs) -> Prepared:
    """A month of the gathering of that `number`, built and staged. Raises FileDamaged."""
    gathering = GATHERINGS[number]
    rows = gathering.build(month, _kept(pen, gathering, month, inputs))
    staged = pen.stage(month, rows, code=code(), inputs=inputs)
    new = [table for table in rows if is_new(pen, staged, table, month, rows[table])] if work.is_judged else []
    told = {table: facts(table, month, rows[table]) for table in new}
    return Prepared(month, staged, NOTHING_REFUSED.select("listed_on", "captured_at"), NOTHING_REFUSED, told)


def _kept(pen: Writer, gathering: Gathering, month: str, inputs: Inputs) -> Mapping[Table, pl.DataFrame]:
    """What the month is made of, by table: its own rows, and its shares of the months that `inputs` name."""
    gathers = gathering.gathers
    found: dict[Table, list[pl.DataFrame]] = {}
    for table in (TABLES[name] for name in gathers.own):
        if (rows := pen.read(table, month)) is not None:
            found.setdefault(table, []).append(rows)
    for table in (TABLES[name] for name in (*gathers.shared, *gathers.beside)):
        mine = is_wanted_on(table, date.fromisoformat(f"{month}-01"))
        for one in _sharing_months(gathers.shared if table.name in gathers.beside else (table.name,), inputs):
            if (rows := pen.read(table, one, gathering.columns.get(table, ()), mine)) is not None:
                found.setdefault(table, []).append(rows)
    return {table: pl.concat(frames) for table, frames in found.items()}


def _sharing_months(tables: Collection[str], inputs: Inputs) -> list[str]:
    """The months of `tables` that `inputs` name a share of."""
    shares = [name.partition("#")[0].split("/") for name in inputs if "#" in name]
    return sorted({month.removeprefix("month=") for _, table, month, _ in shares if table in tables})
