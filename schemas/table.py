"""What a table declaration is made of: columns, checks, key, order, partition and upstream tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Literal

import pyarrow as pa

from schemas.calendar import first_day, month_of, months_between

SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

Refuses = Literal["row", "capture", "nothing"]
"""What a failed check sets aside: the row (or only the value, where that may be null), the whole capture, or nothing. A
check that refuses nothing warns."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The whole text matches `pattern`, in the syntax that the regex engines of Python and Rust share."""

    pattern: str
    refuses: Refuses = "row"


@dataclass(frozen=True, slots=True)
class Between:
    """`low <= value <= high`; None leaves a side open. Timestamps and dates are given in ISO 8601."""

    low: int | float | str | None = None
    high: int | float | str | None = None
    refuses: Refuses = "row"


@dataclass(frozen=True, slots=True)
class Below:
    """`value < limit`. `broken` says in words what a value at or above the limit means."""

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
        """The Arrow field, with the texts in its metadata."""
        texts = {"doc": self.doc, "unit": self.unit, "null": self.null}
        return pa.field(
            self.name,
            self.type,
            nullable=self.null is not None,
            metadata={key: text for key, text in texts.items() if text},
        )


@dataclass(frozen=True, slots=True)
class References:
    """A foreign key: some row of `table` holds in `on` what this row holds in `columns`.

    That row lies in the same month, or in a month of the table's lookback window. `only`, a column and a value, limits
    the rule to rows with that value.
    """

    columns: tuple[str, ...]
    table: str
    on: tuple[str, ...]
    only: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class WindowedInputs:
    """Upstream tables of a windowed table: a date is built from their last `lookback_days`, up to that date."""

    tables: tuple[str, ...]
    lookback_days: int

    def months(self, month: str) -> tuple[str, ...]:
        """The months that a month (`2025-11`) is built from, oldest first, itself the last."""
        earliest = first_day(month) - timedelta(days=self.lookback_days - 1)
        return tuple(months_between(month_of(earliest), month))


@dataclass(frozen=True, slots=True)
class Route:
    """Routes rows to the month of the date or paper in `by`, instead of the month of their own partition.

    Rows from the same code and answers that agree in `digest_columns` agree in every column. A route without them
    changes only together with the route of another table. `read_from` names the timestamp of the capture that a row was
    read from. That timestamp alone does not identify the answers, because a page may be answered again.
    """

    by: str
    digest_columns: tuple[str, ...] = ()
    read_from: str | None = None


@dataclass(frozen=True, slots=True)
class RoutedInputs:
    """Upstream tables of a routed table: the same month of `same_month`, and the rows that other tables route to it.

    A table in `routed` declares a `Route` with digest columns. One in `read_with` is read in the same way, but changes
    only where those do.
    """

    same_month: tuple[str, ...]
    routed: tuple[str, ...]
    read_with: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One published table.

    The month of the date in `dated_by` is the partition. `sort` is a total order: it starts with the key's columns and
    ends with what the key leaves open, so the same rows always give the same bytes. Evidence (`is_evidence`) is what no
    build can make again: replies, logs and decisions. A derived table without windowed or routed inputs is built from
    one month of evidence. `provenance` are the columns that say where and when a value was read, and not what it is.
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
    provenance: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for a declaration that readers or rebuilds could not work with."""
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
        """Every column that the declaration refers to."""
        keys = [name for key in self.references for name in (*key.columns, *(key.only or ())[:1])]
        read_from = (self.route.read_from,) if self.route and self.route.read_from else ()
        routed = (self.route.by, *self.route.digest_columns, *read_from) if self.route else ()
        return (*self.key, *self.sort, self.dated_by, *keys, *routed, *self.provenance)

    def __getitem__(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    def __hash__(self) -> int:
        """Tables are keys of many dictionaries, and hashing every column each time takes long."""
        return hash(self.name)

    def arrow(self) -> pa.Schema:
        """The declared schema; its metadata lets a file found on a disk explain itself."""
        return _arrow_schema(self)


@cache
def _arrow_schema(table: Table) -> pa.Schema:
    return pa.schema(
        [column.arrow() for column in table.columns],
        metadata={
            "paperlake.table": table.name,
            "paperlake.schema_version": table.version,
            "paperlake.doc": table.doc,
            "paperlake.grain": table.grain,
            "paperlake.key": ",".join(table.key),
        },
    )
