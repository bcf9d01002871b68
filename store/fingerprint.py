"""What built a partition: a hash of the code that decides its bytes, never a commit."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable

_ROOMS = ("schemas", "transforms")
_WRITERS = ("polars", "pyarrow", "duckdb")


@cache
def code() -> str:
    """A fingerprint of `schemas/`, `transforms/` and the libraries that parse and write."""
    seen = sha256()
    for room in _ROOMS:
        for name, source in sorted(_sources(files(room), room)):
            seen.update(f"{name}\n{len(source)}\n".encode() + source)
    for library in _WRITERS:
        seen.update(f"{library} {metadata.version(library)}\n".encode())
    return seen.hexdigest()[:32]


def _sources(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    """Every Python source below `folder`, by its name."""
    found: list[tuple[str, bytes]] = []
    for item in folder.iterdir():
        path = f"{name}/{item.name}"
        if item.is_dir():
            found += _sources(item, path)
        elif item.name.endswith(".py"):
            found.append((path, item.read_bytes()))
    return found
