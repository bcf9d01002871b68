"""Send answers as bytes on a connection, intact or damaged by a fault."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from sandbox.http.answer import Answer, json_error
from sandbox.http.faults import HttpFault

if TYPE_CHECKING:
    import socket
    from datetime import datetime

Wait = Callable[[float], bool]
"""Waits for a number of seconds; true if the server closes during the wait, so that the caller stops sending."""

_PIECE_S = 0.05
_LEAST_GZIP_BYTES = 512
_MIB = 1 << 20
_PAGE_HEADERS = {"Content-Type": "text/html; charset=utf-8"}
_JSON_HEADERS = {"Content-Type": "application/json; charset=utf-8"}
_PAGE = b"<!DOCTYPE html><html><head><title>Hold on</title></head><body><h1>Be right back</h1></body></html>\n"


def damaged(answer: Answer, fault: HttpFault) -> Answer:
    """The answer to send instead of `answer`. A fault that only affects the sending adds its headers."""
    headers = {**answer.headers, **fault.headers}
    gzip_headers = {**headers, "Content-Encoding": "gzip"}
    body = answer.body
    match fault.kind:
        case "status":
            failed = json_error(status := fault.status or HTTPStatus.SERVICE_UNAVAILABLE, _reason(status))
            return replace(failed, headers={**failed.headers, **fault.headers})
        case "html":
            return Answer(fault.status or HTTPStatus.OK, _PAGE, {**_PAGE_HEADERS, **fault.headers})
        case "redirect":
            return Answer(fault.status or HTTPStatus.FOUND, b"", {"Location": fault.location or "", **fault.headers})
        case "empty" | "torn":
            entries = json.loads(body)[: 1 if fault.kind == "torn" else 0]
            return Answer(HTTPStatus.OK, json.dumps(entries).encode(), _JSON_HEADERS)
        case "capped":
            headers.pop("Link", None)
        case "malformed":
            body = body[: max(1, len(body) // 2)]
        case "gzip_bomb":
            body, headers = bomb(fault.size_bytes), gzip_headers
        case "truncated_gzip":
            whole = gzip.compress(body, 6)
            body, headers = whole[: len(whole) // 2], gzip_headers
        case "oversize":
            body = b""  # `send` writes the body, uncompressed: no Content-Encoding here
    return Answer(answer.status, body, headers)


def compressed(answer: Answer) -> Answer:
    """The same answer under gzip. A short or already encoded answer stays as it is."""
    if len(answer.body) < _LEAST_GZIP_BYTES or "Content-Encoding" in answer.headers:
        return answer
    body = gzip.compress(answer.body, 1)
    return replace(answer, body=body, headers={**answer.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"})


@lru_cache(maxsize=4)
def bomb(size_bytes: int) -> bytes:
    """A gzip body that inflates to `size_bytes` bytes of JSON: an array that holds only blanks."""
    # A block that ends in a full flush is independent, so one compressed mebibyte can be repeated.
    blank = b" " * _MIB
    size = max(size_bytes, 2)
    whole, rest = divmod(size - 2, _MIB)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)

    def block(data: bytes) -> bytes:
        return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)

    opening, repeated = block(b"["), block(blank)
    ending = packer.compress(blank[:rest] + b"]") + packer.flush(zlib.Z_FINISH)
    checksum = zlib.crc32(b"[")
    for _ in range(whole):
        checksum = zlib.crc32(blank, checksum)
    checksum = zlib.crc32(blank[:rest] + b"]", checksum)
    trailer = struct.pack("<II", checksum, size & 0xFFFFFFFF)
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + opening + repeated * whole + ending + trailer


def head(answer: Answer, common: Mapping[str, str], at: datetime, length: int | None) -> bytes:
    """The status line and the headers; `length` None announces a chunked body."""
    size = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
    date = format_datetime(at, usegmt=True)
    headers = {"Date": date, **common, **size, **answer.headers}
    lines = [f"HTTP/1.1 {int(answer.status)} {_reason(answer.status)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unusual"


def send(connection: socket.socket, first: bytes, body: bytes, fault: HttpFault | None, wait: Wait) -> bool:
    """Send an answer whose head is `first`. Returns whether the connection can be used again."""
    is_open = True
    match fault.kind if fault else None, fault:
        case "delay", HttpFault(seconds=seconds):
            is_open = not wait(seconds)
            connection.sendall(first + body if is_open else b"")
        case "drop", _:
            is_open = False
        case "drip_headers", HttpFault(seconds=seconds):
            is_open = drip(connection, first, seconds, wait)
            connection.sendall(body if is_open else b"")
        case "drip", HttpFault(seconds=seconds):
            connection.sendall(first)
            is_open = drip(connection, body, seconds, wait)
        case "oversize", HttpFault(size_bytes=size_bytes):
            connection.sendall(first)
            pour(connection, size_bytes)
        case "truncate", _:
            connection.sendall(first + body[: len(body) // 2])
            is_open = False
        case _:
            connection.sendall(first + body)
    return is_open


def drip(connection: socket.socket, data: bytes, seconds: float, wait: Wait) -> bool:
    """Send `data` in small pieces over `seconds`. False if the server closed meanwhile."""
    pieces = max(1, min(len(data), round(seconds / _PIECE_S)))
    size = -(-len(data) // pieces)
    for start in range(0, len(data), max(size, 1)):
        connection.sendall(data[start : start + size])
        if wait(seconds / pieces):
            return False
    return True


def pour(connection: socket.socket, size_bytes: int) -> None:
    """Send `size_bytes` bytes of JSON in chunks: an array that holds only blanks."""
    left = max(size_bytes, 2) - 2
    connection.sendall(b"1\r\n[\r\n")
    while left:
        size = min(left, _MIB)
        connection.sendall(b"%x\r\n%b\r\n" % (size, b" " * size))
        left -= size
    connection.sendall(b"1\r\n]\r\n0\r\n\r\n")
