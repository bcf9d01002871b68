"""Writes that survive a kill and a power failure: flush the file, rename it into place, flush the folder."""

from __future__ import annotations

import hashlib
import os
import uuid
from pathlib import Path


def flush(path: Path) -> None:
    """Flush the content of a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_flushed_folders: set[tuple[Path, int, int]] = set()
"""Path, device and inode of each folder whose name this process has flushed."""


def make_folder(path: Path) -> None:
    """Create `path` and its parents, and flush the name of each, also of those that exist: once per process."""
    if not path.parent.is_dir():
        make_folder(path.parent)
    path.mkdir(exist_ok=True)
    status = path.stat()
    if (path, status.st_dev, status.st_ino) not in _flushed_folders:
        flush(path.parent)
        _flushed_folders.add((path, status.st_dev, status.st_ino))


def write_new(path: Path, data: bytes) -> None:
    """Write and flush a file. Its name is not flushed: `replace` does that."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(staged: Path, final: Path) -> None:
    """Move `staged` over `final` atomically, and flush the name."""
    staged.replace(final)
    flush(final.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Replace the content of a file that no journal protects. A kill leaves the former content or the new one."""
    make_folder(path.parent)
    staged = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    write_new(staged, data)
    replace(staged, path)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
