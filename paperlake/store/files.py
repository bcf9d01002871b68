"""Writes that survive a kill and a power cut: flushed, renamed into place, and the folder flushed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def flush(path: Path) -> None:
    """Bring a file's bytes, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_lasting: set[tuple[Path, int, int]] = set()


def make_folder(path: Path) -> None:
    """`path` and its parents, each flushed into the folder above it, whoever made it; by each process once."""
    if not path.parent.is_dir():
        make_folder(path.parent)
    path.mkdir(exist_ok=True)
    made = path.stat()
    if (path, made.st_dev, made.st_ino) not in _lasting:
        flush(path.parent)
        _lasting.add((path, made.st_dev, made.st_ino))


def write_new(path: Path, data: bytes) -> None:
    """A flushed file of `data`. Its name is not flushed: that is the rename's part."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(staged: Path, final: Path) -> None:
    """Move `staged` over `final`, wholly or not at all, and flush the name."""
    staged.replace(final)
    flush(final.parent)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
