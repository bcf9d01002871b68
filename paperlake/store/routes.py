"""What months want of tables that are filed under other months: told in the footers of those tables' files."""

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
"""By the name of a file, the hash of what each month wants of it."""

_REMEMBERED = 4096


class FooterUnreadable(PaperlakeError):
    """A published file is not there, or its footer does not say what it holds for which month."""


def published_digests(published: Manifest, gathers: RoutedInputs, where: Callable[[str, str], Path]) -> RouteDigests:
    """What every published file of the tables that are shared holds for which months; `where` it lies is asked.

    Raises FooterUnreadable.
    """
    return {
        part_name(table, month): digests_of_file(where(table, month), entry.sha256)
        for table in gathers.routed
        for month in published.months(table)
        if (entry := published.entry(table, month))
    }


def routed_inputs(published: Manifest, gathers: RoutedInputs, held: RouteDigests, month: str) -> dict[str, str]:
    """What a month is built from: the SHA-256 of its own files, and the hashes of its shares of others."""
    own = {
        part_name(table, month): entry.sha256
        for table in gathers.same_month
        if (entry := published.entry(table, month))
    }
    return own | {f"{name}#{month}": shares[month] for name, shares in held.items() if month in shares}


def routed_months(published: Manifest, gathers: RoutedInputs, held: RouteDigests) -> list[str]:
    """Every month that anything is there for, oldest first."""
    own = (month for table in gathers.same_month for month in published.months(table))
    return sorted({*own, *(month for shares in held.values() for month in shares)})


@lru_cache(maxsize=_REMEMBERED)
def digests_of_file(path: Path, _sha256: str) -> Mapping[str, str]:
    """What the footer of a published file says it holds for which month. Raises FooterUnreadable."""
    # Published bytes do not change, so it is read once.
    try:
        said = pq.read_schema(path).metadata or {}
        return dict(json.loads(said.get(ROUTE_DIGESTS.encode(), b"{}")))
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise FooterUnreadable(f"{path} cannot be read ({error}); `papers verify --repair` mends it") from error
