"""Extract JSON values and their types from many raw entries at once."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import polars as pl


def extract(
    database: duckdb.DuckDBPyConnection, entries: str, keys: tuple[str, ...], paths: Iterable[str], lists: Iterable[str]
) -> pl.DataFrame:
    """Extract each of `paths` into the columns `path` (its value as text) and `path:type` (its JSON type).

    `entries` is a query with the columns `keys` and `entry`. Each of `lists` also gives `path:items` and
    `path:item_types`. All paths are extracted in one call, because each call parses the entry again.
    """
    columns = list(dict.fromkeys(paths))
    quoted = ", ".join(f"'{path}'" for path in columns)
    scalars = [f'types[{i}] as "{path}:type", texts[{i}] as "{path}"' for i, path in enumerate(columns, 1)]
    items = [
        f"json_extract_string(entry, '{path}[*]') as \"{path}:items\", "
        f"json_type(entry, '{path}[*]') as \"{path}:item_types\""
        for path in lists
    ]
    item_columns = [f'"{path}:{part}"' for path in lists for part in ("items", "item_types")]
    key_columns = ", ".join(keys)
    extracted: pl.DataFrame = database.sql(
        f"""
        select {", ".join([key_columns, *scalars, *item_columns])} from (
            select {", ".join([key_columns, *items])},
                   json_type(entry, [{quoted}]) as types, json_extract_string(entry, [{quoted}]) as texts
            from ({entries})
        )
        """  # noqa: S608 - paths and queries are constants of this package
    ).pl()
    return extracted
