"""Frames to Parquet files and back: always the declared schema, always the same bytes for the same rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.table import Table

# Bodies of one date repeat almost wholly from capture to capture, and only a page that holds several of them lets the
# compressor see that. A flipped bit, on the other hand, can cost all of its page.
_KEPT_PAGE_BYTES = (2**18, 8 * 2**20)
_KEPT_PAGES = 16
_PAGE_BYTES = 2**20
_ROW_GROUP_ROWS = 2**17


BUILT_FROM = "paperlake.built_from"
"""In the footer of a derived file: the hash of what it was built from, by which a file on its own leads back."""


def write(rows: pl.DataFrame, table: Table, path: Path, built_from: str = "") -> None:
    """Write `rows` as `table`. Raises `pyarrow.ArrowInvalid` for a null where the table allows none."""
    declared = table.arrow()
    if built_from:
        declared = declared.with_metadata({**(declared.metadata or {}), BUILT_FROM: built_from})
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
        data_page_size=_kept_page_bytes(arrow) if table.is_kept else _PAGE_BYTES,
        # A page ends only between batches: with the usual thousand rows a month of answers would be one page.
        write_batch_size=1 if table.is_kept else None,
        use_dictionary=[leaf for name, leaf in leaves.items() if name not in ("body", "abstract")],
        row_group_size=_ROW_GROUP_ROWS,
        write_statistics=[leaf for name, leaf in leaves.items() if name != "body"],
        write_page_index=True,
        sorting_columns=pq.SortingColumn.from_ordering(declared, [(name, "ascending") for name in table.sort]),
    )


def _kept_page_bytes(rows: pa.Table) -> int:
    """So many that the month has about sixteen pages, within limits."""
    least, most = _KEPT_PAGE_BYTES
    return int(min(max(rows.nbytes // _KEPT_PAGES, least), most))


def read(path: Path, table: Table, columns: list[str] | None = None) -> pl.DataFrame:
    """The rows of one file of `table`, or only some of its columns."""
    schema = pl.Schema(table.arrow())
    wanted = columns or list(schema)
    return pl.read_parquet(path, columns=wanted, hive_partitioning=False, glob=False).select(wanted)
