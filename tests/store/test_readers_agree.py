"""pandas, pyarrow, Polars and DuckDB read the same rows and the same types from the published files."""

from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from paperlake.store import parquet
from paperlake.store.lake import Lake
from paperlake.store.publish import open_writer
from schemas.catalogue import TABLES
from schemas.table import Column, Table

MONTHS = ("2025-10", "2025-11")
ROWS_A_MONTH = 4

# Values that some reader might convert to a number, a date or a null.
TEXT = ["2511.00010", "0042.10", "été 🎉 \u2028 漢字", "2025-11-01"]
TEXTS = [["a", "2511.00010"], [], ["", "ü"], ["null"]]
NUMBERS = [0, 7, 2**31 - 1, 1]
BYTES = [b"[]", b"\x00\xff\n", "é".encode(), b""]


def value(column: Column, number: int, month: str) -> object:
    """The value of a column in row `number` of a month; null in the second row if the column is optional."""
    if number == 1 and column.null:
        return None
    return value_of_type(column.type, number, month)


def value_of_type(column_type: pa.DataType, number: int, month: str) -> object:
    if pa.types.is_struct(column_type):
        return {field.name: value_of_type(field.type, number, month) for field in column_type}
    if pa.types.is_list(column_type) and pa.types.is_struct(column_type.value_type):
        return [value_of_type(column_type.value_type, other, month) for other in range(number)]
    values = {
        "date32[day]": date.fromisoformat(f"{month}-01") + timedelta(days=number),
        "timestamp[us, tz=UTC]": datetime.fromisoformat(f"{month}-01T23:59:59.999999+00:00") + timedelta(days=number),
        "list<item: string>": TEXTS[number],
        "bool": number % 2 == 0,
        "double": number / 3,
        "int32": NUMBERS[number],
        "large_binary": BYTES[number],
        "string": TEXT[number],
    }
    return values[str(column_type)]


def rows_of(table: Table, month: str) -> list[dict[str, object]]:
    numbers = range(ROWS_A_MONTH)
    return [{column.name: value(column, number, month) for column in table.columns} for number in numbers]


def frame(table: Table, month: str) -> pl.DataFrame:
    return pl.DataFrame(rows_of(table, month), schema=pl.Schema(table.arrow())).sort(table.sort)


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Lake:
    """Two months of every table."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    with open_writer(lake) as writer:
        staged = None
        for month in MONTHS:
            staged = writer.stage(month, {table: frame(table, month) for table in TABLES.values()}, into=staged)
        writer.commit(staged)
    return lake


every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


# The readers: each reads a table's folder into an Arrow table.


def with_pandas(folder: Path) -> pa.Table:
    return pa.Table.from_pandas(pd.read_parquet(folder, dtype_backend="pyarrow"), preserve_index=False)


def with_pyarrow(folder: Path, partitioning: str | None) -> pa.Table:
    return ds.dataset(folder, format="parquet", partitioning=partitioning).to_table()


def with_polars(folder: Path, *, hive: bool) -> pa.Table:
    return pl.scan_parquet(folder / "**" / "*.parquet", hive_partitioning=hive).collect().to_arrow()


def with_duckdb(folder: Path, *, hive: bool) -> pa.Table:
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        return database.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=hive).to_arrow_table()


READERS = {
    "pandas": with_pandas,
    "pyarrow, hive": partial(with_pyarrow, partitioning="hive"),
    "pyarrow, plain": partial(with_pyarrow, partitioning=None),
    "polars, hive": partial(with_polars, hive=True),
    "polars, plain": partial(with_polars, hive=False),
    "duckdb, hive": partial(with_duckdb, hive=True),
    "duckdb, plain": partial(with_duckdb, hive=False),
}
every_reader = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


def logical_type(column_type: pa.DataType) -> str:
    """The type without the width of its offsets and its memory layout, which depend on the reader."""
    if pa.types.is_list(column_type) or pa.types.is_large_list(column_type):
        return f"list of {logical_type(column_type.value_type)}"
    if pa.types.is_struct(column_type):
        return f"struct of {', '.join(f'{field.name} {logical_type(field.type)}' for field in column_type)}"
    return str(column_type).removeprefix("large_").removesuffix("_view")


@every_table
@every_reader
def test_every_reader_reads_the_same_rows(lake, table, read):
    names = [column.name for column in table.columns]
    rows = read(lake.tables / table.name).select(names).to_pylist()
    published = [row for month in MONTHS for row in rows_of(table, month)]
    assert sorted(rows, key=lambda row: row[table.dated_by]) == published


@every_table
@every_reader
def test_every_reader_reads_the_declared_types(lake, table, read):
    schema = read(lake.tables / table.name).schema
    declared = {column.name: logical_type(column.type) for column in table.columns}
    assert {name: logical_type(schema.field(name).type) for name in declared} == declared


@every_table
@every_reader
def test_readers_add_no_column_except_the_month_of_the_path(lake, table, read):
    names = read(lake.tables / table.name).column_names
    assert set(names) - {column.name for column in table.columns} <= {"month"}


@every_table
def test_pandas_without_options_reads_all_rows_and_ids_as_text(lake, table):
    rows = pd.read_parquet(lake.tables / table.name)
    assert len(rows) == len(MONTHS) * ROWS_A_MONTH
    if "paper_id" in rows:
        ids = [text for number, text in enumerate(TEXT) if number != 1 or table["paper_id"].null is None]
        assert sorted(rows["paper_id"].dropna().unique()) == sorted(ids)


# Metadata of the files


def parts(lake: Lake, table: Table) -> list[Path]:
    return [lake.part(table.name, month) for month in MONTHS]


@every_table
def test_the_footer_contains_the_schema_and_its_docs(lake, table):
    for path in parts(lake, table):
        schema = pq.read_schema(path)
        assert schema.equals(table.arrow())
        assert table.arrow().metadata.items() <= schema.metadata.items()
        assert schema.metadata[b"paperlake.doc"].decode() == table.doc
        for column in table.columns:
            assert column.arrow().metadata.items() <= schema.field(column.name).metadata.items()
            assert schema.field(column.name).metadata[b"doc"].decode() == column.doc
            assert schema.field(column.name).nullable == (column.null is not None)


@every_table
def test_the_same_rows_give_the_same_bytes(tmp_path, lake, table):
    parquet.write(frame(table, MONTHS[0]), table, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == parts(lake, table)[0].read_bytes()


@every_table
def test_every_filterable_column_has_statistics_and_a_page_index(lake, table):
    for path in parts(lake, table):
        group = pq.read_metadata(path).row_group(0)
        for number in range(group.num_columns):
            column = group.column(number)
            assert column.has_offset_index
            if column.path_in_schema == "body" or column.path_in_schema.endswith(".list.element"):
                continue  # bounds of bodies and lists are of no use
            assert column.has_column_index
            assert column.is_stats_set
            assert column.statistics.has_null_count


@every_table
def test_a_file_declares_its_sort_order_and_is_compressed_with_zstd(lake, table):
    for path in parts(lake, table):
        group = pq.read_metadata(path).row_group(0)
        order = [group.column(sorting.column_index).path_in_schema for sorting in group.sorting_columns]
        assert order == list(table.sort)
        assert {group.column(number).compression for number in range(group.num_columns)} == {"ZSTD"}
        names = list(table.sort)
        assert pl.read_parquet(path, hive_partitioning=False)[names].equals(frame(table, path.parent.name[6:])[names])


@pytest.mark.parametrize(
    ("name", "has_small_groups"), [("arxiv_records", True), ("listings", False), ("captures", False)]
)
def test_only_a_file_sorted_by_its_route_has_small_row_groups(tmp_path, name, has_small_groups):
    table = TABLES[name]
    parquet.write(pl.concat([frame(table, MONTHS[0])] * 5_000), table, tmp_path / "part.parquet")
    assert (pq.read_metadata(tmp_path / "part.parquet").num_row_groups > 1) == has_small_groups


def test_columns_of_the_same_name_have_the_same_type():
    declared = {}
    for table in TABLES.values():
        for column in table.columns:
            assert declared.setdefault(column.name, column.type) == column.type, column.name
