"""Pages of the site on the disk: whole at every moment, rewritten only where they changed.

They can be rendered again at any time, so a power cut may cost some: nothing is flushed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_COMING = ".coming"


@dataclass(frozen=True, slots=True)
class Unit:
    """Pages that are rendered together: a hash of what they were made from, and their paths."""

    inputs: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pages:
    """A folder of pages, and beside it (in `notes`) a note of each unit of them."""

    folder: Path
    notes: Path

    def unit(self, name: str) -> Unit | None:
        """What is noted of a unit; None where nothing is, or nothing that can be read."""
        try:
            said = json.loads((self.notes / f"{name}.json").read_bytes())
            return Unit(said["inputs"], tuple(said["paths"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def are_there(self, unit: Unit) -> bool:
        """Whether every page of a unit lies on the disk, and holds something."""
        # As text: there are tens of thousands, and making a Path of each would be most of a morning's site.
        folder = f"{self.folder}{os.sep}"
        try:
            return all(os.stat(folder + path).st_size for path in unit.paths)  # noqa: PTH116
        except OSError:
            return False

    def units(self) -> list[str]:
        """The names of all units noted."""
        return sorted(path.stem for path in self.notes.glob("*.json"))

    def put(self, path: str, text: str) -> bool:
        """Write a page, if it is not just so already; gives whether it was not."""
        return put_file(self.folder / path, text.encode())

    def note(self, name: str, unit: Unit) -> None:
        """Remember a unit, once all of its pages are written."""
        held = {"inputs": unit.inputs, "paths": sorted(unit.paths)}
        put_file(self.notes / f"{name}.json", json.dumps(held, indent=0).encode())

    def forget(self, name: str) -> None:
        """Drop the note of a unit that is no more."""
        (self.notes / f"{name}.json").unlink(missing_ok=True)

    def remove(self, paths: Iterable[str]) -> int:
        """Remove pages that no unit has any more; gives how many there were."""
        removed = 0
        for path in paths:
            with suppress(FileNotFoundError):
                (self.folder / path).unlink()
                removed += 1
        return removed


def put_file(path: Path, data: bytes) -> bool:
    """Make a file hold `data`, wholly or not at all; gives whether it did not before."""
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    coming = path.with_name(f".{path.name}{_COMING}")
    coming.write_bytes(data)
    coming.replace(path)
    return True


def put_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write some files into a folder; gives their paths."""
    for name, data in files.items():
        put_file(folder / name, data)
    return [folder / name for name in files]
