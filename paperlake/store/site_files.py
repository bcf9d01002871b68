"""Files of the site: each is written atomically, and only if its content changed.

They are not flushed, because they can be rendered again after a power failure.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_STAGED_SUFFIX = ".coming"


@dataclass(frozen=True, slots=True)
class RenderUnit:
    """Pages that are rendered together: a hash of their inputs, and their paths."""

    inputs: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteFolder:
    """A folder of pages. The folder `notes` has a JSON file for each render unit."""

    folder: Path
    notes: Path

    def unit(self, name: str) -> RenderUnit | None:
        """The stored render unit; None if there is none, or its file is unreadable."""
        try:
            values = json.loads((self.notes / f"{name}.json").read_bytes())
            return RenderUnit(values["inputs"], tuple(values["paths"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def has_pages(self, unit: RenderUnit) -> bool:
        """Whether every page of a unit exists and is not empty."""
        # Strings, not paths: there are tens of thousands, and creating a Path for each would take most of a run.
        folder = f"{self.folder}{os.sep}"
        try:
            return all(os.stat(folder + path).st_size for path in unit.paths)  # noqa: PTH116
        except OSError:
            return False

    def unit_names(self) -> list[str]:
        """The names of all stored units."""
        return sorted(path.stem for path in self.notes.glob("*.json"))

    def write_page(self, path: str, text: str) -> bool:
        """Write a page if its content changed. Returns whether it did."""
        return write_if_changed(self.folder / path, text.encode())

    def save_unit(self, name: str, unit: RenderUnit) -> None:
        """Store a unit. Call this after all of its pages are written."""
        values = {"inputs": unit.inputs, "paths": sorted(unit.paths)}
        write_if_changed(self.notes / f"{name}.json", json.dumps(values, indent=0).encode())

    def delete_unit(self, name: str) -> None:
        """Delete the stored unit, but not its pages."""
        (self.notes / f"{name}.json").unlink(missing_ok=True)

    def remove_pages(self, paths: Iterable[str]) -> int:
        """Delete pages, and folders that are empty then. Returns the number of pages that existed."""
        removed = 0
        for path in paths:
            with suppress(FileNotFoundError):
                (self.folder / path).unlink()
                removed += 1
            if (parent := (self.folder / path).parent) != self.folder:
                with suppress(OSError):  # it still has pages
                    parent.rmdir()
        return removed


def write_if_changed(path: Path, data: bytes) -> bool:
    """Replace the content of a file atomically if it differs from `data`. Returns whether it did."""
    try:
        if path.read_bytes() == data:
            return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}{_STAGED_SUFFIX}")
    staged.write_bytes(data)
    staged.replace(path)
    return True


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder. Returns their paths."""
    for name, data in files.items():
        write_if_changed(folder / name, data)
    return [folder / name for name in files]
