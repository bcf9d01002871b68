"""`papers tables`, `papers describe`, `papers sql`: what is there, what it means, and any question."""

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

    from paperlake.store.lake import Lake


_EXAMPLE_ROWS = 3
_EXAMPLE_WIDTH = 60


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def tables(*, as_json: bool) -> None:
    """List the tables with their rows, months and sizes."""
    from paperlake.config import settings

    lake = settings().lake
    rows = published_tables(lake)
    if as_json:
        click.echo(show.as_json(rows))
        return
    show.table(rows, right=("rows", "kB"))
    if not any(row["rows"] for row in rows):
        click.echo(f"\nNothing is published in {lake.root} yet. Start with `papers daily`, or `papers demo`.")


def published_tables(lake: Lake) -> list[dict[str, str | int]]:
    """A line for each table: what the manifest says is published of it."""
    from paperlake.store.snapshot import snapshot
    from schemas.catalogue import TABLES

    published = snapshot(lake).manifest
    rows: list[dict[str, str | int]] = []
    for table in TABLES.values():
        months = published.months(table.name)
        entries = [entry for month in months if (entry := published.entry(table.name, month))]
        rows.append(
            {
                "table": table.name,
                "rows": sum(entry.rows for entry in entries),
                "kB": round(sum(entry.bytes for entry in entries) / 1000),
                "months": f"{months[0]} to {months[-1]}" if months else "none",
                "one row is": table.grain,
            }
        )
    return rows


@click.command()
@click.argument("name", metavar="TABLE")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def describe(name: str, *, as_json: bool) -> None:
    """Say what TABLE, or a view, holds: its columns, types, units, why a value may be missing, and examples."""
    from paperlake.config import settings
    from paperlake.store.sql import query
    from schemas.catalogue import TABLES
    from schemas.views import VIEWS

    table = TABLES.get(name)
    told = table or VIEWS.get(name)
    if told is None:
        raise click.UsageError(f"there is no table {name!r}; there are {', '.join([*TABLES, *VIEWS])}")
    rows = query(settings().lake, f'from "{name}" limit {_EXAMPLE_ROWS}').to_pylist()
    columns = [
        {
            "column": column.name,
            "type": str(column.type),
            "unit": column.unit or "",
            "meaning": column.doc,
            "null where": column.null or "",
        }
        for column in told.columns
    ]
    key = table.key if table else ()
    if as_json:
        click.echo(
            show.as_json(
                {
                    "table": name,
                    "doc": told.doc,
                    "grain": told.grain,
                    "key": key,
                    "columns": columns,
                    "example_rows": rows,
                }
            )
        )
        return
    filed = f"Key: {', '.join(key)}. A file a month of {table.dated_by}." if table else "A view: nothing is stored."
    click.echo(f"{name}: {told.doc}\nOne row is {told.grain}. {filed}\n")
    for column in columns:
        unit = f", {column['unit']}" if column["unit"] else ""
        null = f" Null where {column['null where']}." if column["null where"] else ""
        click.echo(click.style(column["column"], bold=True) + f"  {column['type']}{unit}")
        click.echo(click.wrap_text(column["meaning"] + null, 96, "    ", "    "))
        if examples := _examples(rows, column["column"]):
            click.secho(f"    e.g. {examples}", dim=True)


def _examples(rows: list[dict[str, Any]], column: str) -> str:
    """What a few rows hold in a column, on one short line."""
    values = [row[column] for row in rows if row[column] is not None]
    told = [f"{value[:40]!r} …" if isinstance(value, bytes) else show.shown(value) for value in values]
    short = [text if len(text) <= _EXAMPLE_WIDTH else f"{text[:_EXAMPLE_WIDTH]}…" for text in dict.fromkeys(told)]
    return " | ".join(short)


@click.command()
@click.argument("statement")
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True
)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
def sql(statement: str, form: str, output: Path | None) -> None:
    """Ask the tables anything, in DuckDB's SQL, by their names.

    There are views for what many ask, too: signals_daily, velocity, page_matches.

    \b
      papers sql "select listed_on, verdict, paper_count from source_days order by 1 desc limit 7"
      papers sql "from signals where paper_id = '2511.01234'" --format csv -o votes.csv

    In CSV, a text that a spreadsheet would run as a formula begins with an apostrophe; other formats hold it as it is.
    """
    from paperlake.config import settings
    from paperlake.store.sql import query

    if form == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for the screen; give it a file with --output")
    rows = query(settings().lake, statement)
    if form == "parquet":
        _write_parquet(rows, output)
    elif form == "table":
        _write_text(_drawn(rows), output)
    elif form == "json":
        named = rows.rename_columns(_distinct(rows.column_names))
        _write_text(show.as_json(named.to_pylist()) + "\n", output)
    else:
        _write_csv(rows, output)


def _distinct(names: list[str]) -> list[str]:
    """The names, those that came before with a number: a JSON object holds each only once."""
    seen = [names[: n + 1].count(name) for n, name in enumerate(names)]
    return [name if count == 1 else f"{name}_{count}" for name, count in zip(names, seen, strict=True)]


def _drawn(rows: pa.Table) -> str:
    import contextlib
    import io
    import shutil

    import duckdb

    drawn = io.StringIO()
    with duckdb.connect() as database, contextlib.redirect_stdout(drawn):
        database.execute("set timezone = 'UTC'")
        database.from_arrow(rows).show(max_width=max(80, shutil.get_terminal_size((120, 40)).columns), max_rows=200)
    return "\n".join(show.shown(line) for line in drawn.getvalue().rstrip("\n").split("\n")) + "\n"


def _write_text(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


def _write_csv(rows: pa.Table, output: Path | None) -> None:
    from paperlake.render.sanitize import cell

    with click.open_file(str(output) if output else "-", "w", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows.column_names)
        for batch in rows.to_batches():
            values = [column.to_pylist() for column in batch.columns]
            writer.writerows([_cell(value, cell) for value in row] for row in zip(*values, strict=True))


def _cell(value: Any, harmless: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return harmless(value)
    return value if isinstance(value, int | float | None) else show.as_json(value).strip('"')


def _write_parquet(rows: pa.Table, output: Path | None) -> None:
    import pyarrow.parquet as pq

    pq.write_table(rows, output or sys.stdout.buffer, compression="zstd")
