"""The manifest: every published file, its content, and the files it was built from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

from paperlake.errors import PaperlakeError
from paperlake.store.lake import part_name
from schemas.table import WindowedInputs

FORMAT = 1

_JSON_KEYS = {"missing_dates": "wanting"}
"""Keys of stored manifests that differ from the fields of `Entry`."""
_OMITTED_IF_EMPTY = frozenset({"code", "inputs", "missing_dates"})


class ManifestUnreadable(PaperlakeError):
    """The manifest is not in the format that a publish writes. The table files themselves are unaffected."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One published file. `inputs` are the SHA-256 of the files it was built from, by file name.

    `code` is the fingerprint of the code that built it. Both are empty for evidence, which is not built.
    `missing_dates` are the dates of the month without a final answer (in `source_days` only): they make it
    possible to find gaps without reading every month.
    """

    rows: int
    bytes: int
    sha256: str
    schema_version: str
    code: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    missing_dates: Sequence[str] = ()

    def encode(self) -> dict[str, object]:
        """The entry as a JSON object, without empty fields."""
        # Not `asdict`, which copies every value: for a manifest of several years that would dominate a commit.
        values = {column.name: getattr(self, column.name) for column in fields(self)}
        return {
            _JSON_KEYS.get(name, name): value
            for name, value in values.items()
            if value or name not in _OMITTED_IF_EMPTY
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """The published files, by file name relative to the root."""

    files: Mapping[str, Entry] = field(default_factory=dict)
    _lines: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """A cache of the encoded lines by file name: a commit changes few of them."""

    def entry(self, table: str, month: str) -> Entry | None:
        """The entry of one month of a table; None if that month is not published."""
        return self.files.get(part_name(table, month))

    def months(self, table: str) -> list[str]:
        """The published months of a table, oldest first."""
        start, end = part_name(table, "*").split("*")
        return sorted(name[len(start) : -len(end)] for name in self.files if name.startswith(start))

    def with_files(self, files: Mapping[str, Entry]) -> Manifest:
        """A copy of the manifest with `files` added or replaced."""
        lines = {name: line for name, line in self._lines.items() if name not in files}
        return Manifest({**self.files, **files}, lines)

    def encode(self) -> bytes:
        """The manifest as JSON. The same files always give the same bytes."""
        # One line per file: it is readable, and the indenting encoder is ten times slower.
        for name, entry in self.files.items():
            if name not in self._lines:
                self._lines[name] = f"{json.dumps(name)}: {json.dumps(entry.encode(), sort_keys=True)}"
        lines = ",\n".join(self._lines[name] for name in sorted(self.files))
        text = f'{{"format": {FORMAT}, "files": {{\n{lines}\n}}}}\n'.encode()
        _cache(text, self)
        return text


def windowed_inputs(manifest: Manifest, window: WindowedInputs, month: str) -> dict[str, str]:
    """The SHA-256 of every published file that a month of a windowed table is built from, by file name."""
    partitions = ((table, input_month) for input_month in window.months(month) for table in window.tables)
    return {part_name(*partition): entry.sha256 for partition in partitions if (entry := manifest.entry(*partition))}


def inputs_hash(inputs: Mapping[str, str]) -> str:
    """One SHA-256 over an entry's `inputs`, whatever their order; empty if there are none."""
    text = "".join(f"{name} {digest}\n" for name, digest in sorted(inputs.items()))
    return sha256(text.encode()).hexdigest() if text else ""


def load(path: Path) -> Manifest:
    """Read the manifest at `path`; an empty one if the file does not exist. Raises ManifestUnreadable."""
    try:
        status = path.stat()
        # A publish replaces the file, so another content has another inode or time.
        state = (status.st_ino, status.st_mtime_ns, status.st_size)
        if path not in _loaded or _loaded[path][0] != state:
            _loaded[path] = (state, decode(path.read_bytes(), path))
        return _loaded[path][1]
    except FileNotFoundError:
        return Manifest()


_loaded: dict[Path, tuple[tuple[int, int, int], Manifest]] = {}
"""The manifest that each path had last, and the state of the file before it was read."""


def decode(text: bytes | None, path: Path) -> Manifest:
    """Parse a manifest; None gives the empty manifest of a new lake. Raises ManifestUnreadable, which names `path`."""
    if text is None:
        return Manifest()
    manifest = _parsed_manifests.get(text)
    if manifest is None:
        _cache(text, manifest := _parse(text, path))
    return manifest


_parsed_manifests: dict[bytes, Manifest] = {}
"""A writer reads its manifest repeatedly, and the manifest grows with the lake: recent ones are not parsed again."""
_CACHE_SIZE = 4


def _cache(text: bytes, manifest: Manifest) -> None:
    _parsed_manifests[text] = manifest
    for oldest in list(_parsed_manifests)[:-_CACHE_SIZE]:
        _parsed_manifests.pop(oldest, None)


def _parse(text: bytes, path: Path) -> Manifest:
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ManifestUnreadable(f"{path} has the format {document['format']}, this version reads {FORMAT}")
        return Manifest({name: _parse_entry(values) for name, values in document["files"].items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestUnreadable(
            f"{path} is damaged ({error}); restore it from a backup. Until then nothing is published"
        ) from error


def _parse_entry(values: Mapping[str, Any]) -> Entry:
    """Raises TypeError for an unknown or missing field."""
    others = {name: value for name, value in values.items() if name != "wanting"}
    return Entry(**others, missing_dates=tuple(values.get("wanting", ())))
