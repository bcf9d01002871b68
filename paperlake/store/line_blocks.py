"""A large file of lines, plain, gzipped or zipped, in blocks of whole lines: never all of it in memory."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from paperlake.errors import PaperlakeError

BLOCK_BYTES = 32 * 2**20
_LONGEST_LINE_BYTES = 64 * 2**20
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"


class LinesUnreadable(PaperlakeError):
    """The file is not what its beginning promises, or not whole; what was read of it before may be used."""


def line_blocks(path: Path, tick: Callable[[int], None], size: int = BLOCK_BYTES) -> Iterator[list[bytes]]:
    """The lines of a file without their ends, empty ones left out, in blocks of about `size` bytes.

    `tick` hears how many bytes of the file itself have been read since it was called last. Raises LinesUnreadable.
    """
    with path.open("rb") as raw:
        told = 0
        try:
            with _opened(raw, path) as lines:
                rest = b""
                while block := lines.read(size):
                    head, newline, tail = block.rpartition(b"\n")
                    if newline:
                        yield [line for line in (rest + head).split(b"\n") if line.strip()]
                        rest = tail
                    else:
                        rest += tail
                    if len(rest) > _LONGEST_LINE_BYTES:
                        raise LinesUnreadable(f"{path} holds a line of more than {_LONGEST_LINE_BYTES >> 20} MiB")
                    tick(raw.tell() - told)
                    told = raw.tell()
                if rest.strip():
                    yield [rest]
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise LinesUnreadable(f"{path} is cut off or damaged ({error}); get it again") from error


@contextmanager
def _opened(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """The lines within, whatever they are packed in. Raises LinesUnreadable."""
    begins = raw.read(4)
    raw.seek(0)
    if begins.startswith(_GZIP):
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield cast("IO[bytes]", unpacked)
    elif begins == _ZIP:
        with zipfile.ZipFile(raw) as archive:
            names = [one.filename for one in archive.infolist() if not one.is_dir()]
            if len(names) != 1:
                raise LinesUnreadable(f"{path} holds {len(names)} files; it must hold the snapshot alone")
            with archive.open(names[0]) as unpacked:
                yield unpacked
    else:
        yield raw
