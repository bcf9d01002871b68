"""The words in which a table is declared: columns, checks, key, order and partition."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import pyarrow as pa

SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

Refuses = Literal["row", "capture", "nothing"]
"""What a broken check sets aside: the row (or, where it may be null, the value), the whole capture, or nothing: then it
warns."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The whole text matches `pattern`, in the syntax that Python's and Rust's engines share."""

    pattern: str
    refuses: Refuses = "row"


@dataclass(frozen=True, slots=True)
class Between:
    """`low <= value <= high`; None leaves a side open. Instants and dates are given in ISO 8601."""

    low: int | float | str | None = None
    high: int | float | str | None = None
    refuses: Refuses = "row"


@dataclass(frozen=True, slots=True)
class Below:
    """`value < limit`: the limit itself already breaks the check. `broken` says in words what that means."""

    limit: float
    broken: str
    refuses: Refuses = "row"


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is one of a closed set."""

    values: tuple[str, ...]
    refuses: Refuses = "row"


Check = Matches | Between | Below | OneOf


@dataclass(frozen=True, slots=True)
class Column:
    """One column. It holds no nulls unless `null` says why a value may be missing."""

    name: str
    type: pa.DataType
    doc: str
    unit: str | None = None
    null: str | None = None
    checks: tuple[Check, ...] = ()

    def arrow(self) -> pa.Field:
        """The Arrow field, with everything said here in its metadata."""
        said = {"doc": self.doc, "unit": self.unit, "null": self.null}
        return pa.field(
            self.name,
            self.type,
            nullable=self.null is not None,
            metadata={key: text for key, text in said.items() if text},
        )


@dataclass(frozen=True, slots=True)
class References:
    """What a row rests on: some row of `table` holds in `on` what this row holds in `columns`.

    It is a row of the same month, or where the table reads months of others, of those. With `only`, a column and its
    value, that is said of the rows with that value.
    """

    columns: tuple[str, ...]
    table: str
    on: tuple[str, ...]
    only: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class WindowedInputs:
    """That a table is built from other derived `tables`: for a date, from theirs of the `days` up to it."""

    tables: tuple[str, ...]
    lookback_days: int

    def months(self, month: str) -> tuple[str, ...]:
        """The months that a month (`2025-11`) is built from, oldest first, itself the last."""
        last = date.fromisoformat(f"{month}-01")
        first = last - timedelta(days=self.lookback_days - 1)
        count = (last.year - first.year) * 12 + last.month - first.month
        found = (divmod(last.year * 12 + last.month - 1 - back, 12) for back in range(count, -1, -1))
        return tuple(f"{year:04}-{number + 1:02}" for year, number in found)


@dataclass(frozen=True, slots=True)
class Route:
    """That rows are wanted by another month than the one they are filed under: by that of the date or paper in `by`.

    Rows of the same code that agree in `told_by`, and that were read from the same answers, agree in every column;
    with none there, the shares change only with those of another table. `read_from` names the instant of the capture
    whose answers those are: that alone does not tell them, for a page may be answered again.
    """

    by: str
    digest_columns: tuple[str, ...] = ()
    read_from: str | None = None


@dataclass(frozen=True, slots=True)
class RoutedInputs:
    """That a month of a table is built from the same month of the tables `own`, and from its shares of all months.

    A table `shared` declares its shares. Those `beside` are read like it, and change only where it does.
    """

    same_month: tuple[str, ...]
    routed: tuple[str, ...]
    read_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One published table.

    `dated_by` names the column (a date) whose month is the partition. `sort` is a total order: it ends
    with what the key leaves open, so that the same rows always make the same bytes. A ledger or a
    replies table is `kept`: evidence that no build can make again. One that neither `reads` nor `gathers` is built from
    a month of evidence.
    """

    name: str
    doc: str
    grain: str
    dated_by: str
    key: tuple[str, ...]
    sort: tuple[str, ...]
    columns: tuple[Column, ...]
    is_evidence: bool = False
    version: str = "1.0.0"
    references: tuple[References, ...] = ()
    windowed_inputs: WindowedInputs | None = None
    routed_inputs: RoutedInputs | None = None
    route: Route | None = None

    def __post_init__(self) -> None:
        """Refuse a declaration that would make files which readers or rebuilds trip over."""
        names = [column.name for column in self.columns]
        faults = [
            *(f"name {name!r} is not snake_case" for name in (self.name, *names) if not SNAKE.fullmatch(name)),
            *(f"column {name!r} is declared twice" for name in set(names) if names.count(name) > 1),
            *(f"column {name!r} is named like a path key" for name in names if name == "month"),
            *(f"{name!r} is not a column" for name in self._named() if name not in names),
            *(f"the doc of {c.name!r} is not a sentence" for c in self.columns if not c.doc.endswith(".")),
            *(f"key column {c.name!r} may be null" for c in self.columns if c.name in self.key and c.null),
            *(["the sort order does not hold the key"] if not set(self.key) <= set(self.sort) else []),
        ]
        if faults:
            raise ValueError(f"table {self.name}: " + "; ".join(faults))

    def _named(self) -> tuple[str, ...]:
        """Every column that the declaration speaks of beside declaring it."""
        resting = [name for one in self.references for name in (*one.columns, *(one.only or ())[:1])]
        read_from = (self.route.read_from,) if self.route and self.route.read_from else ()
        shared = (self.route.by, *self.route.digest_columns, *read_from) if self.route else ()
        return (*self.key, *self.sort, self.dated_by, *resting, *shared)

    def __getitem__(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    def arrow(self) -> pa.Schema:
        """The declared schema; its metadata lets a file found on a disk explain itself."""
        return pa.schema(
            [column.arrow() for column in self.columns],
            metadata={
                "paperlake.table": self.name,
                "paperlake.schema_version": self.version,
                "paperlake.doc": self.doc,
                "paperlake.grain": self.grain,
                "paperlake.key": ",".join(self.key),
            },
        )
