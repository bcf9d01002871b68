"""JSON values and their types, pulled out of many raw entries at once."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import polars as pl


def extract(
    database: duckdb.DuckDBPyConnection, entries: str, keys: tuple[str, ...], paths: Iterable[str], lists: Iterable[str]
) -> pl.DataFrame:
    """For each of `paths` the columns `path` (its value as text) and `path:type` (its JSON type).

    `entries` is a query that gives `keys` and `entry`. For each of `lists` also `path:items` and
    `path:item_types`. All paths of an entry are read in one pass: asking for them one by one parses the
    entry as often as it has paths.
    """
    columns = list(dict.fromkeys(paths))
    quoted = ", ".join(f"'{path}'" for path in columns)
    picked = [f'types[{i}] as "{path}:type", texts[{i}] as "{path}"' for i, path in enumerate(columns, 1)]
    items = [
        f"json_extract_string(entry, '{path}[*]') as \"{path}:items\", "
        f"json_type(entry, '{path}[*]') as \"{path}:item_types\""
        for path in lists
    ]
    kept = [f'"{path}:{part}"' for path in lists for part in ("items", "item_types")]
    named = ", ".join(keys)
    found: pl.DataFrame = database.sql(
        f"""
        select {", ".join([named, *picked, *kept])} from (
            select {", ".join([named, *items])},
                   json_type(entry, [{quoted}]) as types, json_extract_string(entry, [{quoted}]) as texts
            from ({entries})
        )
        """  # noqa: S608 - paths and queries are constants of this package
    ).pl()
    return found
