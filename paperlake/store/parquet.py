"""Write and read Parquet files: always the declared schema, and the same bytes for the same rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.table import Table

# Consecutive captures of one date have almost identical bodies, which compress well only if a page contains several.
# A flipped bit, on the other hand, can make its whole page unreadable.
_EVIDENCE_PAGE_BYTES = (2**18, 8 * 2**20)
_EVIDENCE_PAGES = 16
_PAGE_BYTES = 2**20
_ROW_GROUP_ROWS = 2**17
_ROUTED_ROW_GROUP_ROWS = 2**13
"""For a file sorted by the months its rows are routed to: a reader skips the groups without rows of its month. In any
other sort order every group contains rows of every month, so that small groups have only costs."""
_WITHOUT_STATISTICS = ("body",)
_WITHOUT_DICTIONARY = ("body", "line", "abstract")
"""Columns whose values are all different."""


BUILT_FROM = "paperlake.built_from"
"""Footer key of derived files: the hash of the inputs, which makes the origin of a single file traceable."""
ROUTE_DIGESTS = "paperlake.shares"
"""Footer key of files with rows routed to other months: a hash of those rows by month, as a JSON object."""


def write(
    rows: pl.DataFrame, table: Table, path: Path, built_from: str = "", route_digests: Mapping[str, str] | None = None
) -> None:
    """Write `rows` with the schema of `table`. Raises `pyarrow.ArrowInvalid` for a null in a required column."""
    declared = table.arrow()
    digests_json = json.dumps(route_digests, sort_keys=True) if route_digests else ""
    footer = {key: value for key, value in ((BUILT_FROM, built_from), (ROUTE_DIGESTS, digests_json)) if value}
    if footer:
        declared = declared.with_metadata({**(declared.metadata or {}), **footer})
    # `cast` rejects nulls in required columns; `pa.table(..., schema=)` does not.
    arrow = rows.select(declared.names).to_arrow().cast(declared)
    layout = _layout(table)
    pq.write_table(
        arrow,
        path,
        compression="zstd",
        compression_level=3 if table.is_evidence else 1,
        data_page_size=_evidence_page_bytes(arrow) if table.is_evidence else _PAGE_BYTES,
        # A page ends only between batches: with the default of 1024 rows, a month of answers would be one page.
        write_batch_size=1 if table.is_evidence else None,
        use_dictionary=layout.with_dictionary,
        row_group_size=layout.row_group_rows,
        write_statistics=layout.with_statistics,
        write_page_index=True,
        sorting_columns=layout.sorting_columns,
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the columns of a table are written."""

    with_dictionary: list[str]
    with_statistics: list[str]
    sorting_columns: Sequence[pq.SortingColumn]
    row_group_rows: int


@cache
def _layout(table: Table) -> _Layout:
    declared = table.arrow()
    leaves = [leaf for field in declared for leaf in _leaves(field.name, field.type)]
    is_sorted_by_route = table.route is not None and table.sort[0] == table.route.by
    return _Layout(
        [leaf for leaf in leaves if leaf not in _WITHOUT_DICTIONARY],
        [leaf for leaf in leaves if leaf not in _WITHOUT_STATISTICS],
        pq.SortingColumn.from_ordering(declared, [(name, "ascending") for name in table.sort]),
        _ROUTED_ROW_GROUP_ROWS if is_sorted_by_route else _ROW_GROUP_ROWS,
    )


def _leaves(name: str, column_type: pa.DataType) -> list[str]:
    """The paths of the Parquet columns that store a column of a nested type."""
    if pa.types.is_list(column_type):
        return _leaves(f"{name}.list.element", column_type.value_type)
    if pa.types.is_struct(column_type):
        return [leaf for field in column_type for leaf in _leaves(f"{name}.{field.name}", field.type)]
    return [name]


def _evidence_page_bytes(rows: pa.Table) -> int:
    """The page size that gives a month about sixteen pages, within limits."""
    smallest, largest = _EVIDENCE_PAGE_BYTES
    return int(min(max(rows.nbytes // _EVIDENCE_PAGES, smallest), largest))


def read(path: Path, table: Table, columns: list[str] | None = None, where: pl.Expr | None = None) -> pl.DataFrame:
    """The rows of one file of `table`; `columns` and `where` select some of them.

    Filtered rows are sorted again if `columns` contain the sort columns.
    """
    names = columns or list(pl.Schema(table.arrow()))
    if where is not None:
        rows = pl.scan_parquet(path, hive_partitioning=False, glob=False).filter(where).select(names).collect()
        return rows.sort(table.sort) if set(table.sort) <= set(names) else rows
    return pl.read_parquet(path, columns=names, hive_partitioning=False, glob=False).select(names)
