"""Run SQL over the published tables and views, in DuckDB, on one snapshot of the lake."""

from __future__ import annotations

import threading
from dataclasses import dataclass

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


_NOTHING_ASKED = 'the statement asks for nothing; try "select * from source_days limit 7"'


class QueryInvalid(PaperlakeError):
    """DuckDB rejects the query. The message is DuckDB's."""


class LakeDamaged(PaperlakeError):
    """A published file cannot be read. The message names it."""


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """Limits for a query of someone who may not use this machine: one statement that reads, and only the lake's files.

    At most `rows` come back, after at most `seconds`.
    """

    rows: int
    seconds: float
    memory: str = "1GB"


def query(lake: Lake, statement: str, limits: QueryLimits | None = None) -> pa.Table:
    """The result of `statement` over the tables and views of the lake. Raises QueryInvalid, LakeDamaged."""

    def read(snapshot: Snapshot) -> pa.Table:
        with duckdb.connect() as database:
            database.execute("set timezone = 'UTC'")
            for table in TABLES.values():
                _create_table_view(database, snapshot, table)
            for view in VIEWS.values():
                database.execute(f"create view {view.name} as {view.sql}")
            if limits:
                return _limited(database, lake, statement, limits)
            relation = database.sql(statement)
            if relation is None:
                raise QueryInvalid(_NOTHING_ASKED)
            return relation.to_arrow_table()

    try:
        return read_consistent(lake, read)
    except duckdb.IOException as error:
        raise LakeDamaged(f"a file that the manifest lists, or that you named, cannot be read: {error}") from None
    except duckdb.Error as error:
        raise QueryInvalid(str(error)) from None


def _limited(database: duckdb.DuckDBPyConnection, lake: Lake, statement: str, limits: QueryLimits) -> pa.Table:
    statements = database.extract_statements(statement)
    if [each.type for each in statements] != [duckdb.StatementType.SELECT]:
        raise QueryInvalid("only one statement that reads is allowed: select, from, with, describe, summarize or show")
    folders = ", ".join("'" + str(path).replace("'", "''") + "/'" for path in (lake.tables, lake.staged))
    database.execute(f"set memory_limit = '{limits.memory}'")
    database.execute(f"set allowed_directories = [{folders}]")
    database.execute("set enable_external_access = false")
    database.execute("set lock_configuration = true")
    timer = threading.Timer(limits.seconds, database.interrupt)
    timer.start()
    try:
        return database.sql(statement).limit(limits.rows).to_arrow_table()
    except duckdb.InterruptException:
        raise QueryInvalid(f"the query took more than {limits.seconds:g} s and was ended; ask for less") from None
    finally:
        timer.cancel()


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
