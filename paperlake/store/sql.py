"""Run SQL over the published tables and views, in DuckDB, on one snapshot of the lake."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from paperlake.errors import PaperlakeError
from paperlake.store.lake import Lake
from paperlake.store.snapshot import Snapshot, read_consistent
from schemas.catalogue import TABLES
from schemas.table import Table
from schemas.views import VIEWS

_SQL_TYPES = {
    "string": "varchar",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamptz",
    "int32": "integer",
    "int64": "bigint",
    "double": "double",
    "bool": "boolean",
    "large_binary": "blob",
}


class QueryInvalid(PaperlakeError):
    """DuckDB rejects the query. The message is DuckDB's."""


class LakeDamaged(PaperlakeError):
    """A published file cannot be read. The message names it."""


def query(lake: Lake, statement: str) -> pa.Table:
    """The result of `statement` over the tables and views of the lake. Raises QueryInvalid, LakeDamaged."""

    def read(snapshot: Snapshot) -> pa.Table:
        with duckdb.connect() as database:
            database.execute("set timezone = 'UTC'")
            for table in TABLES.values():
                _create_table_view(database, snapshot, table)
            for view in VIEWS.values():
                database.execute(f"create view {view.name} as {view.sql}")
            relation = database.sql(statement)
            if relation is None:
                raise QueryInvalid('the statement asks for nothing; try "select * from source_days limit 7"')
            return relation.to_arrow_table()

    try:
        return read_consistent(lake, read)
    except duckdb.IOException as error:
        raise LakeDamaged(f"a file that the manifest lists, or that you named, cannot be read: {error}") from None
    except duckdb.Error as error:
        raise QueryInvalid(str(error)) from None


def _create_table_view(database: duckdb.DuckDBPyConnection, snapshot: Snapshot, table: Table) -> None:
    """Create a view with the table's name and columns; it is empty if nothing is published."""
    paths = [str(path) for path in snapshot.paths(table.name)]
    if paths:
        database.read_parquet(paths, hive_partitioning=False).create_view(table.name)
        return
    # An empty Arrow table would make DuckDB import pandas, which takes longer than most queries.
    columns = ", ".join(f'null::{_sql_type(column.type)} as "{column.name}"' for column in table.columns)
    database.execute(f"create view {table.name} as select {columns} where false")


def _sql_type(column_type: pa.DataType) -> str:
    """The name of the type in DuckDB."""
    if pa.types.is_list(column_type):
        return f"{_sql_type(column_type.value_type)}[]"
    if pa.types.is_struct(column_type):
        return f"struct({', '.join(f'{field.name} {_sql_type(field.type)}' for field in column_type)})"
    return _SQL_TYPES[str(column_type)]
