"""Decode response bodies up to a size limit: httpx has no limit, and accepts truncated gzip."""

import zlib
from collections.abc import Iterable

from paperlake.errors import PaperlakeError

GZIP_WBITS = 16 + zlib.MAX_WBITS


class Truncated(PaperlakeError):
    """The body is incomplete or damaged: a retry may help."""


class TooLarge(PaperlakeError):
    """The body exceeds the limit, on the wire or decoded."""


class UnknownEncoding(PaperlakeError):
    """The body has a content encoding that the request did not allow."""


def decode_body(chunks: Iterable[bytes], encoding: str, cap_bytes: int) -> bytes:
    """The decoded body. Memory use never exceeds the limit and one chunk, whatever the compression ratio.

    Raises Truncated, TooLarge and UnknownEncoding.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return b"".join(_capped(chunks, cap_bytes))
    if name in {"gzip", "x-gzip"}:
        return _gunzip(_capped(chunks, cap_bytes), cap_bytes)
    raise UnknownEncoding(name)


def _capped(chunks: Iterable[bytes], cap_bytes: int) -> Iterable[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > cap_bytes:
            raise TooLarge
        yield chunk


def _gunzip(chunks: Iterable[bytes], cap_bytes: int) -> bytes:
    """Decompress all members of a gzip stream in order (RFC 1952 allows several)."""
    decoded = bytearray()
    member = zlib.decompressobj(GZIP_WBITS)
    is_between_members = False
    for chunk in chunks:
        rest = chunk
        while rest:
            if is_between_members:
                rest = rest.lstrip(b"\0")  # gzip itself allows zero padding after the last member
                if not rest:
                    break
                member, is_between_members = zlib.decompressobj(GZIP_WBITS), False
            try:
                # One byte over the limit is enough to detect the excess; 0 would mean "no limit".
                decoded += member.decompress(rest, cap_bytes + 1 - len(decoded))
            except zlib.error as error:
                raise Truncated from error
            if len(decoded) > cap_bytes:
                raise TooLarge
            is_between_members = member.eof
            rest = member.unused_data if is_between_members else member.unconsumed_tail
    if not is_between_members:
        raise Truncated
    return bytes(decoded)
