"""Frames to Parquet files and back: always the declared schema, always the same bytes for the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
_SHARED_GROUP_ROWS = 2**13
"""Of a file that is sorted by the months that want a part of it: a reader passes over the groups that hold none of it.
One that is sorted otherwise has some of every part in every group, so that small ones would only cost."""
_LONG = ("body",)
_UNLIKE = ("body", "line", "abstract")
"""Columns in which no two values are alike, so that a dictionary would only be in the way."""


BUILT_FROM = "paperlake.built_from"
"""In the footer of a derived file: the hash of what it was built from, by which a file on its own leads back."""
ROUTE_DIGESTS = "paperlake.shares"
"""In the footer of a file that other months want rows of: a hash of those rows, by month, as a JSON object."""


def write(
    rows: pl.DataFrame, table: Table, path: Path, built_from: str = "", shares: Mapping[str, str] | None = None
) -> None:
    """Write `rows` as `table`. Raises `pyarrow.ArrowInvalid` for a null where the table allows none."""
    declared = table.arrow()
    told = {BUILT_FROM: built_from, ROUTE_DIGESTS: json.dumps(shares, sort_keys=True) if shares else ""}
    if any(told.values()):
        declared = declared.with_metadata({**(declared.metadata or {}), **{k: v for k, v in told.items() if v}})
    # `pa.table(..., schema=)` would let nulls through; `cast` does not.
    arrow = rows.select(declared.names).to_arrow().cast(declared)
    leaves = [leaf for field in declared for leaf in _leaves(field.name, field.type)]
    is_by_month = table.route is not None and table.sort[0] == table.route.by
    pq.write_table(
        arrow,
        path,
        compression="zstd",
        compression_level=3 if table.is_evidence else 1,
        data_page_size=_kept_page_bytes(arrow) if table.is_evidence else _PAGE_BYTES,
        # A page ends only between batches: with the usual thousand rows a month of answers would be one page.
        write_batch_size=1 if table.is_evidence else None,
        use_dictionary=[leaf for leaf in leaves if leaf not in _UNLIKE],
        row_group_size=_SHARED_GROUP_ROWS if is_by_month else _ROW_GROUP_ROWS,
        write_statistics=[leaf for leaf in leaves if leaf not in _LONG],
        write_page_index=True,
        sorting_columns=pq.SortingColumn.from_ordering(declared, [(name, "ascending") for name in table.sort]),
    )


def _leaves(name: str, kind: pa.DataType) -> list[str]:
    """The columns that Parquet makes of one of a nested type, by their paths."""
    if pa.types.is_list(kind):
        return _leaves(f"{name}.list.element", kind.value_type)
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in _leaves(f"{name}.{field.name}", field.type)]
    return [name]


def _kept_page_bytes(rows: pa.Table) -> int:
    """So many that the month has about sixteen pages, within limits."""
    least, most = _KEPT_PAGE_BYTES
    return int(min(max(rows.nbytes // _KEPT_PAGES, least), most))


def read(path: Path, table: Table, columns: list[str] | None = None, only: pl.Expr | None = None) -> pl.DataFrame:
    """The rows of one file of `table`, or only some of its columns, or those rows where `only` holds."""
    schema = pl.Schema(table.arrow())
    wanted = columns or list(schema)
    if only is not None:
        found = pl.scan_parquet(path, hive_partitioning=False, glob=False).filter(only).select(wanted)
        return found.collect().sort(table.sort) if set(table.sort) <= set(wanted) else found.collect()
    return pl.read_parquet(path, columns=wanted, hive_partitioning=False, glob=False).select(wanted)
