"""Tables made of several months of other tables: which months of them are due, and one of those, built and staged.

They come after the months that they read are published. Like what is prepared from evidence, this is given to
builders by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from paperlake.build.partition import BuildOptions, Prepared, is_current, is_new
from paperlake.quality.column_profile import profile_columns
from paperlake.store.fingerprint import code
from paperlake.store.manifest import Manifest, published_inputs
from paperlake.store.publish import Staged, Writer
from schemas.catalogue import TABLES
from schemas.table import Table
from transforms.graph import NOTHING_REFUSED, WINDOWED, WindowedTransform


def due(published: Manifest, work: BuildOptions, touched: Collection[str], to_come: Collection[str]) -> list[str]:
    """The months whose sequels are to be looked at now that the months `touched` are published, oldest first.

    Those that read one of them, and any that the manifest says was built from something else, as a run that died
    leaves it. What reads a month `to_come` waits for that.
    """
    months: set[str] = set()
    for sequel in _wanted(work):
        first = sequel.windowed_inputs.tables[0]
        for month in published.months(first):
            reads = set(sequel.windowed_inputs.months(month))
            if reads.isdisjoint(to_come) and (not reads.isdisjoint(touched) or _is_behind(published, sequel, month)):
                months.add(month)
    return sorted(months)


def followed(pen: Writer, work: BuildOptions, month: str) -> Prepared | None:
    """The sequels of a month, built where their inputs or code changed, and staged; None where none did."""
    staged: Staged | None = None
    told: dict[Table, pl.DataFrame] = {}
    for sequel in _wanted(work):
        table, inputs = sequel.derived, published_inputs(pen.manifest, sequel.windowed_inputs, month)
        is_forced = work.force and table in work.only
        if not is_forced and is_current(pen, month, [table], inputs):
            continue
        rows = sequel.build(month, _kept(pen, sequel, month))
        staged = pen.stage(month, {table: rows}, code=code(), inputs=inputs, into=staged)
        if work.is_judged and is_new(pen, staged, table, month, rows):
            told[table] = profile_columns(table, month, rows)
    if staged is None:
        return None
    captures = NOTHING_REFUSED.select("listed_on", "captured_at")
    return Prepared(month, staged, captures, NOTHING_REFUSED, told)


def _wanted(work: BuildOptions) -> list[WindowedTransform]:
    """The sequels of the tables that are built, asked for or not: they would be behind."""
    names = {table.name for table in work.only}
    return [one for one in WINDOWED if names & {one.derived.name, *one.windowed_inputs.tables}]


def _is_behind(published: Manifest, sequel: WindowedTransform, month: str) -> bool:
    entry = published.entry(sequel.derived.name, month)
    return entry is None or dict(entry.inputs) != published_inputs(published, sequel.windowed_inputs, month)


def _kept(pen: Writer, sequel: WindowedTransform, month: str) -> Mapping[Table, pl.DataFrame]:
    """All that is published of what a month of a sequel reads. Raises FileDamaged."""
    kept: dict[Table, pl.DataFrame] = {}
    for table in (TABLES[name] for name in sequel.windowed_inputs.tables):
        columns = sequel.columns.get(table, ())
        read = [
            rows for one in sequel.windowed_inputs.months(month) if (rows := pen.read(table, one, columns)) is not None
        ]
        if read:
            kept[table] = pl.concat(read)
    return kept
