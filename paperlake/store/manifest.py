"""The manifest: every published file with what it holds, and what it was built from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path

from paperlake.errors import PaperlakeError
from paperlake.store.lake import part_name
from schemas.table import WindowedInputs

FORMAT = 1


class ManifestUnreadable(PaperlakeError):
    """The manifest is not what a publish writes. The files of the tables are not touched by that."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One published file. `inputs` are the SHA-256 of the files it was built from, by their names.

    `code` is the fingerprint of what built it; both are empty for evidence, which is not built. `wanting` are
    the dates of the month that have no final answer (of `source_days` only): so nobody need read every month
    to find the gaps.
    """

    rows: int
    bytes: int
    sha256: str
    schema_version: str
    code: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    wanting: Sequence[str] = ()

    def encode(self) -> dict[str, object]:
        """The entry as JSON holds it, without what is empty."""
        # Not `asdict`, which copies every value: with the manifest of years that would be most of a commit.
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in told.items() if value or name not in {"code", "inputs", "wanting"}}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is published, by file name relative to the root."""

    files: Mapping[str, Entry] = field(default_factory=dict)
    _lines: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    """The files' lines of the text, as far as they are known: a commit changes few of them."""

    def entry(self, table: str, month: str) -> Entry | None:
        """What is published of one month of a table."""
        return self.files.get(part_name(table, month))

    def months(self, table: str) -> list[str]:
        """The months published of a table, oldest first."""
        start, end = part_name(table, "*").split("*")
        return sorted(name[len(start) : -len(end)] for name in self.files if name.startswith(start))

    def with_files(self, files: Mapping[str, Entry]) -> Manifest:
        """The manifest with `files` added or replaced."""
        lines = {name: line for name, line in self._lines.items() if name not in files}
        return Manifest({**self.files, **files}, lines)

    def encode(self) -> bytes:
        """The text of the manifest; the same files always give the same text."""
        # A file a line: to read, and because the encoder that indents takes ten times as long.
        for name, entry in self.files.items():
            if name not in self._lines:
                self._lines[name] = f"{json.dumps(name)}: {json.dumps(entry.encode(), sort_keys=True)}"
        lines = ",\n".join(self._lines[name] for name in sorted(self.files))
        text = f'{{"format": {FORMAT}, "files": {{\n{lines}\n}}}}\n'.encode()
        _remember(text, self)
        return text


def published_inputs(published: Manifest, reads: WindowedInputs, month: str) -> dict[str, str]:
    """The SHA-256 of every published file that a month of a table is built from, by its name."""
    found = ((table, one) for one in reads.months(month) for table in reads.tables)
    return {part_name(*at): entry.sha256 for at in found if (entry := published.entry(*at))}


def inputs_hash(inputs: Mapping[str, str]) -> str:
    """One SHA-256 over `inputs` of an entry, whatever their order; empty where there are none."""
    said = "".join(f"{name} {digest}\n" for name, digest in sorted(inputs.items()))
    return sha256(said.encode()).hexdigest() if said else ""


def load(path: Path) -> Manifest:
    """The manifest at `path`; an empty one where there is none yet. Raises ManifestUnreadable."""
    try:
        return decode(path.read_bytes(), path)
    except FileNotFoundError:
        return Manifest()


def decode(text: bytes | None, path: Path) -> Manifest:
    """The manifest that `text` holds, None being that of a new lake. `path` is named in ManifestUnreadable."""
    if text is None:
        return Manifest()
    known = _known.get(text)
    if known is None:
        _remember(text, known := _decoded(text, path))
    return known


_known: dict[bytes, Manifest] = {}
"""A writer asks for its manifest again and again, and that grows with the lake. What it wrote, it need not read."""
_REMEMBERED = 4


def _remember(text: bytes, said: Manifest) -> None:
    _known[text] = said
    for oldest in list(_known)[:-_REMEMBERED]:
        _known.pop(oldest, None)


def _decoded(text: bytes, path: Path) -> Manifest:
    try:
        said = json.loads(text)
        if said["format"] != FORMAT:
            raise ManifestUnreadable(f"{path} has the format {said['format']}, this version reads {FORMAT}")
        files = {name: {**entry, "wanting": tuple(entry.get("wanting", ()))} for name, entry in said["files"].items()}
        return Manifest({name: Entry(**entry) for name, entry in files.items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestUnreadable(
            f"{path} is damaged ({error}); restore it from a backup. Until then nothing is published"
        ) from error
