"""`papers tables` and `papers describe`: the published tables and their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import show

if TYPE_CHECKING:
    from paperlake.store.lake import Lake


_EXAMPLE_ROWS = 3
_EXAMPLE_WIDTH = 60


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def tables(*, as_json: bool) -> None:
    """List the tables with their rows, months and sizes."""
    from paperlake.config import read_settings

    lake = read_settings().lake
    rows = published_tables(lake)
    if as_json:
        click.echo(show.as_json(rows))
        return
    show.table(rows, right=("rows", "kB"))
    if not any(row["rows"] for row in rows):
        click.echo(f"\nNothing is published in {lake.root} yet. Start with `papers daily`, or `papers demo`.")


def published_tables(lake: Lake) -> list[dict[str, str | int]]:
    """A row for each table: its published rows, size and months, from the manifest."""
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
    """Describe TABLE, or a view: its columns, types, units, why a value may be null, and examples."""
    from paperlake.config import read_settings
    from paperlake.store.sql import query
    from schemas.catalogue import TABLES
    from schemas.views import VIEWS

    table = TABLES.get(name)
    declaration = table or VIEWS.get(name)
    if declaration is None:
        raise click.UsageError(f"unknown table {name!r}; choose one of {', '.join([*TABLES, *VIEWS])}")
    rows = query(read_settings().lake, f'from "{name}" limit {_EXAMPLE_ROWS}').to_pylist()
    columns = [
        {
            "column": column.name,
            "type": str(column.type),
            "unit": column.unit or "",
            "meaning": column.doc,
            "null where": column.null or "",
        }
        for column in declaration.columns
    ]
    key = table.key if table else ()
    if as_json:
        click.echo(
            show.as_json(
                {
                    "table": name,
                    "doc": declaration.doc,
                    "grain": declaration.grain,
                    "key": key,
                    "columns": columns,
                    "example_rows": rows,
                }
            )
        )
        return
    storage = f"Key: {', '.join(key)}. One file per month of {table.dated_by}." if table else "A view: not stored."
    click.echo(f"{name}: {declaration.doc}\nOne row is {declaration.grain}. {storage}\n")
    for column in columns:
        unit = f", {column['unit']}" if column["unit"] else ""
        null = f" Null where {column['null where']}." if column["null where"] else ""
        click.echo(click.style(column["column"], bold=True) + f"  {column['type']}{unit}")
        click.echo(click.wrap_text(column["meaning"] + null, 96, "    ", "    "))
        if examples := _examples(rows, column["column"]):
            click.secho(f"    e.g. {examples}", dim=True)


def _examples(rows: list[dict[str, Any]], column: str) -> str:
    """The distinct values of a column in a few rows, on one short line."""
    values = [row[column] for row in rows if row[column] is not None]
    texts = [f"{value[:40]!r} …" if isinstance(value, bytes) else show.safe_line(value) for value in values]
    short = [text if len(text) <= _EXAMPLE_WIDTH else f"{text[:_EXAMPLE_WIDTH]}…" for text in dict.fromkeys(texts)]
    return " | ".join(short)
