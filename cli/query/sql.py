"""`papers sql`: run a DuckDB statement on the published tables."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import show

if TYPE_CHECKING:
    import pyarrow as pa


@click.command()
@click.argument("statement")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
def sql(statement: str, form: str, output: Path | None) -> None:
    """Run STATEMENT, in DuckDB's SQL, on the tables.

    There are also views for common questions: signals_daily, velocity, page_matches.

    \b
      papers sql "select listed_on, verdict, paper_count from source_days order by 1 desc limit 7"
      papers sql "from signals where paper_id = '2511.01234'" --format csv -o votes.csv

    In CSV, an apostrophe precedes a text that a spreadsheet would run as a formula; other formats keep it unchanged.
    """
    from paperlake.config import read_settings
    from paperlake.store.sql import query

    if form == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is binary; name a file with --output")
    rows = query(read_settings().lake, statement)
    if form == "parquet":
        _write_parquet(rows, output)
    elif form == "table":
        _write_text(_text_table(rows), output)
    elif form == "json":
        named = rows.rename_columns(_distinct(rows.column_names))
        _write_text(show.as_json(named.to_pylist()) + "\n", output)
    else:
        _write_csv(rows, output)


def _distinct(names: list[str]) -> list[str]:
    """Number repeated names, because keys of a JSON object are unique."""
    seen = [names[: n + 1].count(name) for n, name in enumerate(names)]
    return [name if count == 1 else f"{name}_{count}" for name, count in zip(names, seen, strict=True)]


def _text_table(rows: pa.Table) -> str:
    import contextlib
    import io
    import shutil

    import duckdb

    output = io.StringIO()
    with duckdb.connect() as database, contextlib.redirect_stdout(output):
        database.execute("set timezone = 'UTC'")
        database.from_arrow(rows).show(max_width=max(80, shutil.get_terminal_size((120, 40)).columns), max_rows=200)
    return "\n".join(show.safe_line(line) for line in output.getvalue().rstrip("\n").split("\n")) + "\n"


def _write_text(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


def _write_csv(rows: pa.Table, output: Path | None) -> None:
    from paperlake.render.sanitize import escape_cell

    with click.open_file(str(output) if output else "-", "w", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows.column_names)
        for batch in rows.to_batches():
            values = [column.to_pylist() for column in batch.columns]
            writer.writerows([_cell(value, escape_cell) for value in row] for row in zip(*values, strict=True))


def _cell(value: Any, escape: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return escape(value)
    return value if isinstance(value, int | float | None) else show.as_json(value).strip('"')


def _write_parquet(rows: pa.Table, output: Path | None) -> None:
    import pyarrow.parquet as pq

    pq.write_table(rows, output or sys.stdout.buffer, compression="zstd")
