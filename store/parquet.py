"""Frames to Parquet files and back: always the declared schema, always the same bytes for the same rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.table import Table

# Bodies of one date repeat almost wholly from capture to capture. Only a page that holds several of them
# lets the compressor see that.
_KEPT_PAGE_BYTES = 8 * 2**20
_PAGE_BYTES = 2**20
_ROW_GROUP_ROWS = 2**17


def write(rows: pl.DataFrame, table: Table, path: Path) -> None:
    """Write `rows` as `table`. Raises `pyarrow.ArrowInvalid` for a null where the table allows none."""
    declared = table.arrow()
    # `pa.table(..., schema=)` would let nulls through; `cast` does not.
    arrow = rows.select(declared.names).to_arrow().cast(declared)
    leaves = {
        field.name: f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name for field in declared
    }
    pq.write_table(
        arrow,
        path,
        compression="zstd",
        compression_level=3 if table.is_kept else 1,
        data_page_size=_KEPT_PAGE_BYTES if table.is_kept else _PAGE_BYTES,
        use_dictionary=[leaf for name, leaf in leaves.items() if name not in ("body", "abstract")],
        row_group_size=_ROW_GROUP_ROWS,
        write_statistics=[leaf for name, leaf in leaves.items() if name != "body"],
        write_page_index=True,
        sorting_columns=pq.SortingColumn.from_ordering(declared, [(name, "ascending") for name in table.sort]),
    )


def read(path: Path, table: Table, columns: list[str] | None = None) -> pl.DataFrame:
    """The rows of one file of `table`, or only some of its columns."""
    schema = pl.Schema(table.arrow())
    wanted = columns or list(schema)
    return pl.read_parquet(path, columns=wanted, hive_partitioning=False, glob=False).select(wanted)
