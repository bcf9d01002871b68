"""Writes that survive a kill and a power failure: flush the file, rename it into place, flush the folder."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def flush(path: Path) -> None:
    """Flush the content of a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_all(paths: Iterable[Path]) -> None:
    """Flush files and folders, several at a time: a disk takes little longer for many than for one."""
    distinct = sorted({*paths})
    if len(distinct) <= 1:
        for path in distinct:
            flush(path)
        return
    with ThreadPoolExecutor(min(len(distinct), _FLUSHES_AT_A_TIME)) as threads:
        for _ in threads.map(flush, distinct):
            pass


_FLUSHES_AT_A_TIME = 8
_Folder = tuple[Path, int, int]
_flushed_folders: set[_Folder] = set()
"""Path, device and inode of each folder whose name this process has flushed."""


def make_folder(path: Path) -> None:
    """Create `path` and its parents, and flush the name of each, also of those that exist: once per process."""
    make_folders([path])


def make_folders(paths: Iterable[Path]) -> None:
    """`make_folder` for several, with one flush for each folder that contains some of them."""
    unflushed: dict[_Folder, Path] = {}
    for path in {*paths}:
        _create_folder(path, unflushed)
    flush_all(unflushed.values())
    _flushed_folders.update(unflushed)


def _create_folder(path: Path, unflushed: dict[_Folder, Path]) -> None:
    if not path.parent.is_dir():
        _create_folder(path.parent, unflushed)
    path.mkdir(exist_ok=True)
    status = path.stat()
    folder = (path, status.st_dev, status.st_ino)
    if folder not in _flushed_folders:
        unflushed[folder] = path.parent


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
