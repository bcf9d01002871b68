"""Rows put aside on the disk by the month they belong to, until all of a month are there."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from paperlake.store.files import make_folder
from paperlake.store.lake import Lake

SPILLED = "spill-"
_MONTH = "_month"


@dataclass(frozen=True, slots=True)
class Spill:
    """Rows put aside. Each `put` makes one file that is sorted by month, so that a month is read from few pages."""

    folder: Path
    held: dict[str, list[Path]] = field(default_factory=dict)

    def put(self, rows: pl.DataFrame, month: pl.Expr) -> None:
        """Put rows aside under the `month` (`2025-11`) that the expression gives."""
        path = self.folder / f"{uuid.uuid4().hex}.parquet"
        ordered = rows.with_columns(month.alias(_MONTH)).sort(_MONTH, maintain_order=True)
        ordered.write_parquet(path, compression="zstd", compression_level=1, row_group_size=2**12)
        for one in ordered[_MONTH].unique():
            self.held.setdefault(one, []).append(path)

    def months(self) -> list[str]:
        """The months that rows were put aside for, oldest first."""
        return sorted(self.held)

    def take(self, month: str) -> pl.DataFrame:
        """The rows of a month, in no particular order."""
        of_month = pl.scan_parquet(self.held[month], glob=False).filter(pl.col(_MONTH) == month)
        return of_month.drop(_MONTH).collect()


@contextmanager
def spill(lake: Lake) -> Iterator[Spill]:
    """A place to put rows aside, on the disk of the lake; gone afterwards."""
    folder = lake.staged / f"{SPILLED}{uuid.uuid4().hex}"
    make_folder(folder)
    try:
        yield Spill(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
