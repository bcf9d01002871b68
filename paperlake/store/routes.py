"""Route digests: the footer of each file of a routed table has a hash of the rows that it routes to each month."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from paperlake.errors import PaperlakeError
from paperlake.store.lake import part_name
from paperlake.store.manifest import Manifest
from paperlake.store.parquet import ROUTE_DIGESTS
from schemas.table import RoutedInputs

RouteDigests = Mapping[str, Mapping[str, str]]
"""By file name and target month, the hash of the rows that the file routes to that month."""

_MAX_CACHED_FOOTERS = 4096


class FooterUnreadable(PaperlakeError):
    """A published file is missing, or its footer has no readable route digests."""


def published_digests(published: Manifest, declared: RoutedInputs, path_of: Callable[[str, str], Path]) -> RouteDigests:
    """The route digests of every published file of the routed tables; `path_of` gives a file's path by table and month.

    Raises FooterUnreadable.
    """
    return {
        part_name(table, month): digests_of_file(path_of(table, month), entry.sha256)
        for table in declared.routed
        for month in published.months(table)
        if (entry := published.entry(table, month))
    }


def routed_inputs(published: Manifest, declared: RoutedInputs, digests: RouteDigests, month: str) -> dict[str, str]:
    """The inputs of a month: the SHA-256 of its own files, and the digests of rows that other files route to it."""
    own = {
        part_name(table, month): entry.sha256
        for table in declared.same_month
        if (entry := published.entry(table, month))
    }
    return own | {f"{name}#{month}": by_month[month] for name, by_month in digests.items() if month in by_month}


def routed_months(published: Manifest, declared: RoutedInputs, digests: RouteDigests) -> list[str]:
    """Every month that has inputs, oldest first."""
    own = (month for table in declared.same_month for month in published.months(table))
    return sorted({*own, *(month for by_month in digests.values() for month in by_month)})


@lru_cache(maxsize=_MAX_CACHED_FOOTERS)
def digests_of_file(path: Path, _sha256: str) -> Mapping[str, str]:
    """The route digests in the footer of a published file, by target month. Raises FooterUnreadable."""
    # The bytes behind a SHA-256 never change, so each footer is read once.
    try:
        metadata = pq.read_schema(path).metadata or {}
        return dict(json.loads(metadata.get(ROUTE_DIGESTS.encode(), b"{}")))
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise FooterUnreadable(f"{path} cannot be read ({error}); `papers verify --repair` repairs it") from error
