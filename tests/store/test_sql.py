"""SQL over the lake: the tables by their names, instants in UTC, DuckDB's own words, and a quick start."""

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
from paperlake.store.sql import QueryWrong, query
from schemas.catalogue import TABLES
from schemas.signals import SIGNALS

SEEN = datetime(2025, 11, 3, 22, 30, tzinfo=UTC)


def fill(lake: Lake) -> None:
    """Publish one vote in each of two months."""
    with open_writer(lake) as pen:
        staged = None
        for month in ("2025-10", "2025-11"):
            row = {"listed_on": date.fromisoformat(f"{month}-03"), "paper_id": "2511.00010", "captured_at": SEEN}
            rows = pl.DataFrame([row], schema=pl.Schema(SIGNALS.arrow()))
            staged = pen.stage(month, {SIGNALS: rows}, into=staged)
        pen.commit(staged)


@pytest.fixture
def lake(tmp_path) -> Lake:
    lake = Lake(tmp_path / "lake")
    fill(lake)
    return lake


def test_a_table_is_a_view_of_its_name_over_all_its_months(lake):
    found = query(lake, "select listed_on, paper_id from signals order by 1")
    assert found.to_pylist() == [
        {"listed_on": date(2025, 10, 3), "paper_id": "2511.00010"},
        {"listed_on": date(2025, 11, 3), "paper_id": "2511.00010"},
    ]


def test_tables_are_joined_in_one_state_of_the_lake(lake):
    found = query(lake, "select count(*) as n from signals left join listings using (listed_on, paper_id)")
    assert found.to_pylist() == [{"n": 2}]


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_which_nothing_is_published_is_empty_and_typed(tmp_path, name):
    found = query(Lake(tmp_path), f"from {name}")
    assert found.num_rows == 0
    declared = TABLES[name].arrow()
    assert found.schema.names == declared.names
    assert [logical(kind) for kind in found.schema.types] == [logical(kind) for kind in declared.types]


def logical(kind: pa.DataType) -> str:
    """The type without the width of its offsets and the names of its items, which are the reader's business."""
    if pa.types.is_list(kind):
        return f"{logical(kind.value_type)} list"
    if pa.types.is_struct(kind):
        return ", ".join(f"{field.name} {logical(field.type)}" for field in kind)
    return str(kind).removeprefix("large_")


def test_the_path_is_no_column(lake):
    assert "month" not in query(lake, "from signals").column_names


def test_instants_come_back_in_utc(lake):
    found = query(lake, "select captured_at, captured_at::text as said from signals limit 1")
    assert found.schema.field("captured_at").type == pa.timestamp("us", tz="UTC")
    assert found.to_pylist() == [{"captured_at": SEEN, "said": "2025-11-03 22:30:00+00"}]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("select", "SELECT clause without selection list"),
        ("selct 1", "syntax error"),
        ("from papers_of_mars", "papers_of_mars does not exist"),
        ("select upvotes from signals", '"upvotes" not found'),
        ("select 'x'::int", "Could not convert string 'x'"),
    ],
)
def test_a_wrong_query_is_refused_in_the_words_of_duckdb(lake, statement, said):
    with pytest.raises(QueryWrong, match=said):
        query(lake, statement)


def test_a_statement_without_rows_gives_none(lake):
    assert query(lake, "create table notes (line text)").num_rows == 0


def test_a_lake_may_lie_in_a_folder_with_any_name(tmp_path):
    lake = Lake(tmp_path / "été [2025] * 'quoted' ?")
    fill(lake)
    assert query(lake, "select count(*) as n from signals").to_pylist() == [{"n": 2}]


# What a question costs


def loaded_by(program: str, root: Path) -> set[str]:
    """The modules that a new process has loaded after `program`."""
    told = "\nimport json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    place = {"PYTHONPATH": str(Path(__file__).parents[2]), "PAPERLAKE_ROOT": str(root)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program + told],
        env={**os.environ, **place},
        check=True,
        capture_output=True,
        text=True,
    )
    return set(json.loads(done.stderr))


@pytest.mark.parametrize("table", ["signals", "listings"], ids=["published", "empty"])
def test_a_query_does_not_load_pandas(lake, table):
    program = (
        "from pathlib import Path; from paperlake.store.lake import Lake; from paperlake.store.sql import query\n"
        f"assert query(Lake(Path({str(lake.root)!r})), 'from {table}').num_columns > 5"
    )
    loaded = loaded_by(program, lake.root)
    assert "duckdb" in loaded
    assert not loaded & {"pandas", "polars"}


@pytest.mark.parametrize("arguments", [["sql", "select 1"], ["--help"], ["sql", "--help"], ["tables"]], ids=" ".join)
def test_the_command_starts_without_what_is_slow_to_load(lake, arguments):
    program = f"from cli.main import main; main({arguments!r}, standalone_mode=False)"
    loaded = loaded_by(program, lake.root)
    assert "click" in loaded
    assert not loaded & {"prefect", "great_expectations", "polars", "pandas"}
