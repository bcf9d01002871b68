"""The data dictionary: every table, view and column in words, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.catalogue import CONTRACT_VERSION, TABLES
from schemas.table import Column, References, Table
from schemas.views import VIEWS, View


def dictionary() -> str:
    """The data dictionary as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Data dictionary"
    yield ""
    yield f"Version {CONTRACT_VERSION} of the data. Written by `make docs` from the declarations in `schemas/`."
    yield "[data_changelog.md](data_changelog.md) lists the changes between versions. Timestamps are in UTC and end in"
    yield '`_at`, dates end in `_on`, counts in `_count`. A column without a text under "null where" is never null.'
    sections = {"Derived tables": False, "Evidence and logs": True}
    yield ""
    docs = {name: table.doc for name, table in TABLES.items()} | {name: view.doc for name, view in VIEWS.items()}
    yield from (f"- [{name}](#{name}): {doc.split('. ')[0].rstrip('.')}." for name, doc in docs.items())
    for heading, is_evidence in sections.items():
        yield from ("", f"## {heading}")
        for table in TABLES.values():
            if table.is_evidence == is_evidence:
                yield from _table(table)
    yield from ("", "## Views", "", "For `papers sql`. They are not materialized.")
    for view in VIEWS.values():
        yield from _view(view)


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"### {table.name}", "", table.doc, "")
    yield f"- One row is {table.grain}."
    yield f"- Key: {_names(table.key)}. Sorted by {_names(table.sort)}."
    yield f"- One file for each month of `{table.dated_by}`: `tables/{table.name}/month=YYYY-MM/part-0.parquet`."
    if table.windowed_inputs:
        inputs, days = _names(table.windowed_inputs.tables), table.windowed_inputs.lookback_days
        yield f"- Built from {inputs}: each date uses the {days} dates up to and including it."
    yield from (f"- {_reference(reference)}" for reference in table.references)
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


def _reference(reference: References) -> str:
    only = f", for rows where `{reference.only[0]}` is {reference.only[1]}" if reference.only else ""
    return f"References `{reference.table}`: {_names(reference.columns)} matches {_names(reference.on)}{only}."


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
