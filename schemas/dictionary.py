"""The data dictionary: every table, view and column in words, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.catalogue import CONTRACT_VERSION, TABLES
from schemas.table import Column, References, Table
from schemas.views import VIEWS, View


def dictionary() -> str:
    """The whole dictionary."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Data dictionary"
    yield ""
    yield f"Version {CONTRACT_VERSION} of the data. Written by `make docs` from the declarations in `schemas/`; what"
    yield "changed between versions is in [data_changelog.md](data_changelog.md). Instants are in UTC and end in `_at`,"
    yield "dates end in `_on`, counts in `_count`. A value is never null unless its column says why it may be."
    kinds = {"Derived tables": False, "Evidence and ledgers": True}
    yield ""
    docs = {name: table.doc for name, table in TABLES.items()} | {name: view.doc for name, view in VIEWS.items()}
    yield from (f"- [{name}](#{name}): {doc.split('. ')[0].rstrip('.')}." for name, doc in docs.items())
    for heading, is_kept in kinds.items():
        yield from ("", f"## {heading}")
        for table in TABLES.values():
            if table.is_evidence == is_kept:
                yield from _table(table)
    yield from ("", "## Views", "", "For `papers sql`; nothing of them is stored.")
    for view in VIEWS.values():
        yield from _view(view)


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"### {table.name}", "", table.doc, "")
    yield f"- One row is {table.grain}."
    yield f"- Key: {_names(table.key)}. Sorted by {_names(table.sort)}."
    yield f"- A file a month of `{table.dated_by}`: `tables/{table.name}/month=YYYY-MM/part-0.parquet`."
    if table.windowed_inputs:
        yield f"- Built from {_names(table.windowed_inputs.tables)}: for each date, from the {table.windowed_inputs.lookback_days} dates up to it."
    yield from (f"- {_resting(one)}" for one in table.references)
    yield f"- Schema version {table.version}."
    yield from _columns(table.columns)


def _view(view: View) -> Iterator[str]:
    yield from ("", f"### {view.name}", "", view.doc, "", f"- One row is {view.grain}.")
    yield from _columns(view.columns)


def _columns(columns: tuple[Column, ...]) -> Iterator[str]:
    yield from ("", "| column | type | unit | meaning | null where |", "|---|---|---|---|---|")
    for column in columns:
        cells = (f"`{column.name}`", str(column.type), column.unit or "", column.doc, column.null or "")
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _resting(one: References) -> str:
    only = f" where `{one.only[0]}` is {one.only[1]}" if one.only else ""
    return f"Rests on `{one.table}`: {_names(one.columns)} is {_names(one.on)} there{only}."


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
