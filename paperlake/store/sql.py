"""SQL over the published tables, and the views upon them: DuckDB, one state of the lake."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from paperlake.errors import PaperlakeError
from paperlake.store.lake import Lake
from paperlake.store.snapshot import Snapshot, read_whole
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


class QueryWrong(PaperlakeError):
    """DuckDB refuses the query; the message is its own."""


class LakeDamaged(PaperlakeError):
    """A published file cannot be read; the message says which."""


def query(lake: Lake, statement: str) -> pa.Table:
    """The rows that `statement` gives over the views of the lake. Raises QueryWrong, LakeDamaged."""

    def read(seen: Snapshot) -> pa.Table:
        with duckdb.connect() as database:
            database.execute("set timezone = 'UTC'")
            for table in TABLES.values():
                _view(database, seen, table)
            for view in VIEWS.values():
                database.execute(f"create view {view.name} as {view.sql}")
            relation = database.sql(statement)
            if relation is None:
                raise QueryWrong('the statement asks for nothing; try "select * from source_days limit 7"')
            return relation.to_arrow_table()

    try:
        return read_whole(lake, read)
    except duckdb.IOException as error:
        raise LakeDamaged(f"a file that the manifest lists, or that you named, cannot be read: {error}") from None
    except duckdb.Error as error:
        raise QueryWrong(str(error)) from None


def _view(database: duckdb.DuckDBPyConnection, seen: Snapshot, table: Table) -> None:
    """The table as a view under its name; an empty one where nothing is published yet."""
    paths = [str(path) for path in seen.paths(table.name)]
    if paths:
        database.read_parquet(paths, hive_partitioning=False).create_view(table.name)
        return
    # Handing over an empty Arrow table would make DuckDB import pandas, which takes longer than most queries.
    columns = ", ".join(f'null::{_sql_type(column.type)} as "{column.name}"' for column in table.columns)
    database.execute(f"create view {table.name} as select {columns} where false")


def _sql_type(kind: pa.DataType) -> str:
    """The type as DuckDB calls it."""
    if pa.types.is_list(kind):
        return f"{_sql_type(kind.value_type)}[]"
    if pa.types.is_struct(kind):
        return f"struct({', '.join(f'{field.name} {_sql_type(field.type)}' for field in kind)})"
    return _SQL_TYPES[str(kind)]
