"""Fingerprints of the code that decides the bytes of a partition or a page. They do not depend on a commit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable

_DECIDES_ROWS = (
    "schemas",
    "transforms",
    "paperlake/build",  # which evidence, and which months of other tables, a partition is built from
    "paperlake/quality/engine.py",  # which captures are refused
    "paperlake/quality/suite.py",
    "paperlake/quality/validator.py",
    "paperlake/store/parquet.py",
)
"""Packages and modules that decide the bytes of a partition."""
_LIBRARIES = ("polars", "pyarrow", "duckdb", "lxml", "pylatexenc", "great-expectations")
_RENDERS = (
    "paperlake/render",
    "paperlake/outputs/feed_state.py",
    "paperlake/outputs/feeds.py",
    "paperlake/outputs/issues.py",
    "paperlake/outputs/site.py",
)
_RENDER_LIBRARIES = ("jinja2", "markupsafe", "feedgenerator", "pylatexenc")
_DIGITS = 32
_SUFFIXES = (".py", ".j2", ".css", ".js")


@cache
def code_fingerprint() -> str:
    """A hash of all code that decides the bytes of a partition, and of the versions of the libraries that it uses."""
    return _fingerprint(_DECIDES_ROWS, _LIBRARIES)


@cache
def render_fingerprint() -> str:
    """A hash of all code that decides the bytes of a page: what renders it, and what builds the rows that it shows."""
    rendering = _fingerprint(_RENDERS, _RENDER_LIBRARIES)
    return sha256((rendering + code_fingerprint()).encode()).hexdigest()[:_DIGITS]


def _fingerprint(paths: Sequence[str], libraries: Sequence[str]) -> str:
    fingerprint = sha256()
    for path in paths:
        package, _, rest = path.partition("/")
        for name, source in sorted(_sources(files(package) / rest, path)):
            fingerprint.update(f"{name}\n{len(source)}\n".encode() + source)
    for library in libraries:
        fingerprint.update(f"{library} {metadata.version(library)}\n".encode())
    return fingerprint.hexdigest()[:_DIGITS]


def _sources(place: Traversable, name: str) -> list[tuple[str, bytes]]:
    """Path and content of every source file and template at or below `place`."""
    if place.is_dir():
        return [source for item in place.iterdir() for source in _sources(item, f"{name}/{item.name}")]
    return [(name, place.read_bytes())] if name.endswith(_SUFFIXES) else []
