"""Temporary storage on disk for rows grouped by month, until all rows of a month have been read."""

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
"""Prefix of spill folders."""
_MONTH = "_month"


@dataclass(frozen=True, slots=True)
class Spill:
    """Rows on disk. Each `add` writes one file sorted by month, so that a month is read from few pages."""

    folder: Path
    paths_by_month: dict[str, list[Path]] = field(default_factory=dict)

    def add(self, rows: pl.DataFrame, month: pl.Expr) -> None:
        """Write rows. The expression `month` gives the month (`2025-11`) of each row."""
        path = self.folder / f"{uuid.uuid4().hex}.parquet"
        ordered = rows.with_columns(month.alias(_MONTH)).sort(_MONTH, maintain_order=True)
        ordered.write_parquet(path, compression="zstd", compression_level=1, row_group_size=2**12)
        for row_month in ordered[_MONTH].unique():
            self.paths_by_month.setdefault(row_month, []).append(path)

    def months(self) -> list[str]:
        """The months that have rows, oldest first."""
        return sorted(self.paths_by_month)

    def read_month(self, month: str) -> pl.DataFrame:
        """The rows of a month, in no particular order."""
        of_month = pl.scan_parquet(self.paths_by_month[month], glob=False).filter(pl.col(_MONTH) == month)
        return of_month.drop(_MONTH).collect()


@contextmanager
def open_spill(lake: Lake) -> Iterator[Spill]:
    """Create a spill folder on the disk of the lake, and delete it afterwards."""
    folder = lake.staged / f"{SPILLED}{uuid.uuid4().hex}"
    make_folder(folder)
    try:
        yield Spill(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
