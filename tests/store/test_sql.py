"""SQL over the lake: views of all tables, timestamps in UTC, DuckDB's error messages, and few imports."""

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from paperlake.store.lake import Lake
from paperlake.store.publish import open_writer
from paperlake.store.sql import QueryInvalid, query
from schemas.catalogue import TABLES
from schemas.signals import SIGNALS

SEEN = datetime(2025, 11, 3, 22, 30, tzinfo=UTC)


def fill(lake: Lake) -> None:
    """Publish one vote in each of two months."""
    with open_writer(lake) as writer:
        staged = None
        for month in ("2025-10", "2025-11"):
            row = {"listed_on": date.fromisoformat(f"{month}-03"), "paper_id": "2511.00010", "captured_at": SEEN}
            rows = pl.DataFrame([row], schema=pl.Schema(SIGNALS.arrow()))
            staged = writer.stage(month, {SIGNALS: rows}, into=staged)
        writer.commit(staged)


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = Lake(tmp_path / "lake")
    fill(lake)
    return lake


def test_a_table_is_a_view_over_all_its_months(lake):
    result = query(lake, "select listed_on, paper_id from signals order by 1")
    assert result.to_pylist() == [
        {"listed_on": date(2025, 10, 3), "paper_id": "2511.00010"},
        {"listed_on": date(2025, 11, 3), "paper_id": "2511.00010"},
    ]


def test_tables_can_be_joined(lake):
    result = query(lake, "select count(*) as n from signals left join listings using (listed_on, paper_id)")
    assert result.to_pylist() == [{"n": 2}]


@pytest.mark.parametrize("name", TABLES)
def test_an_unpublished_table_is_empty_and_has_its_types(tmp_path, name):
    result = query(Lake(tmp_path), f"from {name}")
    assert result.num_rows == 0
    declared = TABLES[name].arrow()
    assert result.schema.names == declared.names
    assert [logical_type(each) for each in result.schema.types] == [logical_type(each) for each in declared.types]


def logical_type(column_type: pa.DataType) -> str:
    """The type without the width of its offsets and the names of its items, which depend on the reader."""
    if pa.types.is_list(column_type):
        return f"{logical_type(column_type.value_type)} list"
    if pa.types.is_struct(column_type):
        return ", ".join(f"{field.name} {logical_type(field.type)}" for field in column_type)
    return str(column_type).removeprefix("large_")


def test_the_month_of_the_path_is_not_a_column(lake):
    assert "month" not in query(lake, "from signals").column_names


def test_timestamps_are_returned_in_utc(lake):
    result = query(lake, "select captured_at, captured_at::text as text from signals limit 1")
    assert result.schema.field("captured_at").type == pa.timestamp("us", tz="UTC")
    assert result.to_pylist() == [{"captured_at": SEEN, "text": "2025-11-03 22:30:00+00"}]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("select", "SELECT clause without selection list"),
        ("selct 1", "syntax error"),
        ("from papers_of_mars", "papers_of_mars does not exist"),
        ("select upvotes from signals", '"upvotes" not found'),
        ("select 'x'::int", "Could not convert string 'x'"),
    ],
)
def test_an_invalid_query_raises_the_message_of_duckdb(lake, statement, message):
    with pytest.raises(QueryInvalid, match=message):
        query(lake, statement)


def test_a_statement_without_rows_returns_an_empty_result(lake):
    assert query(lake, "create table notes (line text)").num_rows == 0


def test_a_lake_can_be_in_a_folder_with_any_name(tmp_path):
    lake = Lake(tmp_path / "été [2025] * 'quoted' ?")
    fill(lake)
    assert query(lake, "select count(*) as n from signals").to_pylist() == [{"n": 2}]


# Imports


def modules_after(program: str, root: Path) -> set[str]:
    """The modules that a new process has imported after it ran `program`."""
    print_modules = "\nimport json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PAPERLAKE_ROOT": str(root)}
    process = subprocess.run(
        [sys.executable, "-P", "-c", program + print_modules],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return set(json.loads(process.stderr))


@pytest.mark.parametrize("table", ["signals", "listings"], ids=["published", "empty"])
def test_a_query_does_not_import_pandas(lake, table):
    program = (
        "from pathlib import Path; from paperlake.store.lake import Lake; from paperlake.store.sql import query\n"
        f"assert query(Lake(Path({str(lake.root)!r})), 'from {table}').num_columns > 5"
    )
    modules = modules_after(program, lake.root)
    assert "duckdb" in modules
    assert not modules & {"pandas", "polars"}


@pytest.mark.parametrize("arguments", [["sql", "select 1"], ["--help"], ["sql", "--help"], ["tables"]], ids=" ".join)
def test_the_command_starts_without_slow_imports(lake, arguments):
    program = f"from cli.main import main; main({arguments!r}, standalone_mode=False)"
    modules = modules_after(program, lake.root)
    assert "click" in modules
    assert not modules & {"prefect", "great_expectations", "polars", "pandas"}
