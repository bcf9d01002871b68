"""What publishing did, partition by partition, and grouped for reports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from paperlake.store.lake import part_name


@dataclass(frozen=True, slots=True)
class PartitionResult:
    """What publishing did with one month of one table.

    `is_revised`: values changed, and not only the table's `provenance`. With a `fault` the month is published as it was
    before, or not at all. `refused` (date, capture, message) and `unreadable` (files of the inbox) are reported with
    the partition of evidence that they belong to.
    """

    table: str
    month: str
    rows: int = 0
    is_changed: bool = False
    is_revised: bool = False
    fault: Exception | None = None
    refused: tuple[tuple[date, datetime, str], ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The name of its file, relative to the lake."""
        return part_name(self.table, self.month)


@dataclass(frozen=True, slots=True)
class Published:
    """All partitions that a run looked at, in the order in which they were published."""

    partitions: tuple[PartitionResult, ...] = ()

    @classmethod
    def of(cls, results: Iterable[PartitionResult]) -> Published:
        """Publish everything that `results` yields."""
        return cls(tuple(results))

    @property
    def changed(self) -> tuple[str, ...]:
        """The files that were written, each once."""
        return tuple(dict.fromkeys(partition.file for partition in self.partitions if partition.is_changed))

    @property
    def faults(self) -> tuple[Exception, ...]:
        """Why partitions were not published; one cause that kept several back is named once."""
        by_text = {str(partition.fault): partition.fault for partition in self.partitions if partition.fault}
        return tuple(by_text.values())

    @property
    def refused(self) -> tuple[tuple[date, datetime, str], ...]:
        """The captures that validation set aside: date, capture and message."""
        return tuple(capture for partition in self.partitions for capture in partition.refused)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The files that could not be read and were left in the inbox."""
        return tuple(path for partition in self.partitions for path in partition.unreadable)

    @property
    def months(self) -> tuple[str, ...]:
        """The months that any partition belongs to, oldest first."""
        return tuple(sorted({partition.month for partition in self.partitions}))

    def revised_months(self, table: str) -> tuple[str, ...]:
        """The months of a table with changed values, oldest first."""
        return tuple(sorted({part.month for part in self.partitions if part.table == table and part.is_revised}))

    @property
    def failed_months(self) -> frozenset[str]:
        """The months that a partition with a fault belongs to."""
        return frozenset(partition.month for partition in self.partitions if partition.fault)

    @property
    def rows(self) -> dict[str, int]:
        """The published rows by table, over all months."""
        newest = {(partition.table, partition.month): partition.rows for partition in self.partitions}
        counts: dict[str, int] = {}
        for (table, _), rows in newest.items():
            counts[table] = counts.get(table, 0) + rows
        return counts

    def of_month(self, month: str) -> Published:
        """The partitions of one month."""
        return Published(tuple(partition for partition in self.partitions if partition.month == month))
