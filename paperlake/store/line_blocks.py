"""Read a large text file, plain, gzipped or zipped, in blocks of complete lines, so that memory use is bounded."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from paperlake.errors import PaperlakeError
from paperlake.text import plural

BLOCK_BYTES = 32 * 2**20
_LONGEST_LINE_BYTES = 64 * 2**20
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"


class LinesUnreadable(PaperlakeError):
    """The file is damaged or incomplete. The lines read before the error are valid."""


def line_blocks(path: Path, tick: Callable[[int], None], size: int = BLOCK_BYTES) -> Iterator[list[bytes]]:
    """Yield the lines of a file in blocks of about `size` bytes, without line ends, empty lines and byte order mark.

    `tick` receives the number of bytes of the (compressed) file read since its last call. Raises LinesUnreadable.
    """
    with path.open("rb") as raw:
        ticked = 0
        try:
            with _open_text(raw, path) as lines:
                rest, is_first = b"", True
                while block := lines.read(size):
                    head, newline, tail = (block.removeprefix(BOM_UTF8) if is_first else block).rpartition(b"\n")
                    is_first = False
                    if newline:
                        yield [line for line in (rest + head).split(b"\n") if line.strip()]
                        rest = tail
                    else:
                        rest += tail
                    if len(rest) > _LONGEST_LINE_BYTES:
                        raise LinesUnreadable(f"{path} holds a line of more than {_LONGEST_LINE_BYTES >> 20} MiB")
                    tick(raw.tell() - ticked)
                    ticked = raw.tell()
                if rest.strip():
                    yield [rest]
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise LinesUnreadable(f"{path} is cut off or damaged ({error}); get it again") from error


@contextmanager
def _open_text(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """The decompressed content of the file. Raises LinesUnreadable."""
    magic = raw.read(4)
    raw.seek(0)
    if magic.startswith(_GZIP):
        with gzip.GzipFile(fileobj=raw) as content:
            yield cast("IO[bytes]", content)
    elif magic == _ZIP:
        with zipfile.ZipFile(raw) as archive:
            names = [member.filename for member in archive.infolist() if not member.is_dir()]
            if len(names) != 1:
                raise LinesUnreadable(f"{path} holds {plural(len(names), 'file')}; it must hold the snapshot alone")
            with archive.open(names[0]) as content:
                yield content
    else:
        yield raw
