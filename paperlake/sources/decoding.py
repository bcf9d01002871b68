"""From the bytes on the wire to the whole body, within a size: httpx has no cap, and takes cut gzip."""

import zlib
from collections.abc import Iterable

from paperlake.errors import PaperlakeError

GZIP_WBITS = 16 + zlib.MAX_WBITS


class Truncated(PaperlakeError):
    """The body is not whole, or damaged: asking again may help."""


class TooLarge(PaperlakeError):
    """The body is over the cap, on the wire or decoded."""


class UnknownEncoding(PaperlakeError):
    """The body has a content encoding that was not asked for."""


def whole_body(chunks: Iterable[bytes], encoding: str, cap_bytes: int) -> bytes:
    """The decoded body. Never holds more than the cap and one chunk, whatever the chunks unfold to."""
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return b"".join(_capped(chunks, cap_bytes))
    if name in {"gzip", "x-gzip"}:
        return _gunzipped(_capped(chunks, cap_bytes), cap_bytes)
    raise UnknownEncoding(name)


def _capped(chunks: Iterable[bytes], cap_bytes: int) -> Iterable[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > cap_bytes:
            raise TooLarge
        yield chunk


def _gunzipped(chunks: Iterable[bytes], cap_bytes: int) -> bytes:
    """All members of a gzip stream, one after the other (RFC 1952 allows several)."""
    out = bytearray()
    member = zlib.decompressobj(GZIP_WBITS)
    is_between = False
    for chunk in chunks:
        rest = chunk
        while rest:
            if is_between:
                rest = rest.lstrip(b"\0")  # padding after the last member, as gzip itself allows
                if not rest:
                    break
                member, is_between = zlib.decompressobj(GZIP_WBITS), False
            try:
                # One byte over the cap is enough to know, and 0 would mean "no limit".
                out += member.decompress(rest, cap_bytes + 1 - len(out))
            except zlib.error as error:
                raise Truncated from error
            if len(out) > cap_bytes:
                raise TooLarge
            is_between = member.eof
            rest = member.unused_data if is_between else member.unconsumed_tail
    if not is_between:
        raise Truncated
    return bytes(out)
