"""pandas, pyarrow, Polars and DuckDB see the same rows and the same types in the published files."""

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

# Values that some reader somewhere takes for something else: numbers, dates, nulls, nothing.
TEXT = ["2511.00010", "0042.10", "été 🎉 \u2028 漢字", "2025-11-01"]
TEXTS = [["a", "2511.00010"], [], ["", "ü"], ["null"]]
NUMBERS = [0, 7, 2**31 - 1, 1]
BYTES = [b"[]", b"\x00\xff\n", "é".encode(), b""]


def value(column: Column, number: int, month: str) -> object:
    """The value of a column in the row `number` of a month; null in the second row where it may be."""
    if number == 1 and column.null:
        return None
    return of_kind(column.type, number, month)


def of_kind(kind: pa.DataType, number: int, month: str) -> object:
    if pa.types.is_struct(kind):
        return {field.name: of_kind(field.type, number, month) for field in kind}
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return [of_kind(kind.value_type, other, month) for other in range(number)]
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
    return values[str(kind)]


def rows_of(table: Table, month: str) -> list[dict[str, object]]:
    numbers = range(ROWS_A_MONTH)
    return [{column.name: value(column, number, month) for column in table.columns} for number in numbers]


def frame(table: Table, month: str) -> pl.DataFrame:
    return pl.DataFrame(rows_of(table, month), schema=pl.Schema(table.arrow())).sort(table.sort)


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Lake:
    """Two months of every table."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    with open_writer(lake) as pen:
        staged = None
        for month in MONTHS:
            staged = pen.stage(month, {table: frame(table, month) for table in TABLES.values()}, into=staged)
        pen.commit(staged)
    return lake


every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


# The readers: each is given the table's folder, and gives Arrow.


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


def logical(kind: pa.DataType) -> str:
    """The type without how wide its offsets are or how it lies in memory, which is the reader's business."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list of {logical(kind.value_type)}"
    if pa.types.is_struct(kind):
        return f"struct of {', '.join(f'{field.name} {logical(field.type)}' for field in kind)}"
    return str(kind).removeprefix("large_").removesuffix("_view")


@every_table
@every_reader
def test_every_reader_sees_the_same_rows(lake, table, read):
    names = [column.name for column in table.columns]
    found = read(lake.tables / table.name).select(names).to_pylist()
    published = [row for month in MONTHS for row in rows_of(table, month)]
    assert sorted(found, key=lambda row: row[table.dated_by]) == published


@every_table
@every_reader
def test_every_reader_sees_the_declared_types(lake, table, read):
    found = read(lake.tables / table.name).schema
    declared = {column.name: logical(column.type) for column in table.columns}
    assert {name: logical(found.field(name).type) for name in declared} == declared


@every_table
@every_reader
def test_every_reader_sees_no_column_more_but_the_path(lake, table, read):
    found = read(lake.tables / table.name).column_names
    assert set(found) - {column.name for column in table.columns} <= {"month"}


@every_table
def test_pandas_without_any_option_keeps_ids_texts_and_counts_its_rows(lake, table):
    found = pd.read_parquet(lake.tables / table.name)
    assert len(found) == len(MONTHS) * ROWS_A_MONTH
    if "paper_id" in found:
        told = [text for number, text in enumerate(TEXT) if number != 1 or table["paper_id"].null is None]
        assert sorted(found["paper_id"].dropna().unique()) == sorted(told)


# What a file says of itself


def parts(lake: Lake, table: Table) -> list[Path]:
    return [lake.part(table.name, month) for month in MONTHS]


@every_table
def test_a_footer_holds_the_declaration_with_its_docs(lake, table):
    for path in parts(lake, table):
        found = pq.read_schema(path)
        assert found.equals(table.arrow())
        assert table.arrow().metadata.items() <= found.metadata.items()
        assert found.metadata[b"paperlake.doc"].decode() == table.doc
        for column in table.columns:
            assert column.arrow().metadata.items() <= found.field(column.name).metadata.items()
            assert found.field(column.name).metadata[b"doc"].decode() == column.doc
            assert found.field(column.name).nullable == (column.null is not None)


@every_table
def test_the_same_rows_are_the_same_bytes(tmp_path, lake, table):
    parquet.write(frame(table, MONTHS[0]), table, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == parts(lake, table)[0].read_bytes()


@every_table
def test_every_column_by_which_rows_are_found_has_statistics_and_a_page_index(lake, table):
    for path in parts(lake, table):
        group = pq.read_metadata(path).row_group(0)
        for number in range(group.num_columns):
            column = group.column(number)
            assert column.has_offset_index
            if column.path_in_schema == "body" or column.path_in_schema.endswith(".list.element"):
                continue  # nobody finds a body or a list by its bounds
            assert column.has_column_index
            assert column.is_stats_set
            assert column.statistics.has_null_count


@every_table
def test_a_file_tells_its_order_and_is_zstd(lake, table):
    for path in parts(lake, table):
        group = pq.read_metadata(path).row_group(0)
        order = [group.column(sorting.column_index).path_in_schema for sorting in group.sorting_columns]
        assert order == list(table.sort)
        assert {group.column(number).compression for number in range(group.num_columns)} == {"ZSTD"}
        names = list(table.sort)
        assert pl.read_parquet(path, hive_partitioning=False)[names].equals(frame(table, path.parent.name[6:])[names])


@pytest.mark.parametrize(("name", "is_cut_small"), [("arxiv_records", True), ("listings", False), ("captures", False)])
def test_a_file_sorted_by_who_wants_its_rows_can_be_read_in_part(tmp_path, name, is_cut_small):
    table = TABLES[name]
    parquet.write(pl.concat([frame(table, MONTHS[0])] * 5_000), table, tmp_path / "part.parquet")
    assert (pq.read_metadata(tmp_path / "part.parquet").num_row_groups > 1) == is_cut_small


def test_no_two_tables_mean_different_types_by_one_name():
    declared = {}
    for table in TABLES.values():
        for column in table.columns:
            assert declared.setdefault(column.name, column.type) == column.type, column.name
