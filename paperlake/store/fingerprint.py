"""What built a partition, or a page: a hash of the code that decides its bytes, never a commit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable

_ROOMS = ("schemas", "transforms")
_WRITERS = ("polars", "pyarrow", "duckdb", "lxml", "pylatexenc")
_SOURCES = (".py", ".j2", ".css", ".js")


@cache
def code() -> str:
    """A fingerprint of `schemas/`, `transforms/` and the libraries that parse and write."""
    return _fingerprint(_ROOMS, _WRITERS)


@cache
def rendering() -> str:
    """A fingerprint of `paperlake/render/`, its templates, what hands it its rows, and the libraries that render."""
    templates = _fingerprint(("paperlake.render",), ("jinja2", "markupsafe", "feedgenerator"))
    seen = sha256(templates.encode() + code().encode())
    for name in ("site.py", "issues.py"):
        seen.update((files("paperlake.outputs") / name).read_bytes())
    return seen.hexdigest()[:32]


def _fingerprint(rooms: Sequence[str], libraries: Sequence[str]) -> str:
    seen = sha256()
    for room in rooms:
        for name, source in sorted(_sources(files(room), room)):
            seen.update(f"{name}\n{len(source)}\n".encode() + source)
    for library in libraries:
        seen.update(f"{library} {metadata.version(library)}\n".encode())
    return seen.hexdigest()[:32]


def _sources(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    """Every source and template below `folder`, by its name."""
    found: list[tuple[str, bytes]] = []
    for item in folder.iterdir():
        path = f"{name}/{item.name}"
        if item.is_dir():
            found += _sources(item, path)
        elif item.name.endswith(_SOURCES):
            found.append((path, item.read_bytes()))
    return found
