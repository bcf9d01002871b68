"""Answers as bytes on a connection, sent as they should be or damaged as a fault has it."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from sandbox.answers import Answer, error
from sandbox.faults import Fault

if TYPE_CHECKING:
    import socket
    from datetime import datetime

# Waits for so many seconds; true when the server closes meanwhile and there is no point in going on.
Wait = Callable[[float], bool]

_PIECE_S = 0.05
_WORTH_PACKING = 512
_MIB = 1 << 20
_PAGE_HEADERS = {"Content-Type": "text/html; charset=utf-8"}
_PAGE = b"<!DOCTYPE html><html><head><title>Hold on</title></head><body><h1>Be right back</h1></body></html>\n"


def damaged(answer: Answer, fault: Fault) -> Answer:
    """What is answered instead of `answer`; the same where the fault is one of the sending."""
    headers = {**answer.headers, **fault.headers}
    packed_headers = {**headers, "Content-Encoding": "gzip"}
    body = answer.body
    match fault.kind:
        case "status":
            failed = error(status := fault.status or HTTPStatus.SERVICE_UNAVAILABLE, _reason(status))
            said = replace(failed, headers={**failed.headers, **fault.headers})
        case "html":
            said = Answer(fault.status or HTTPStatus.OK, _PAGE, {**_PAGE_HEADERS, **fault.headers})
        case "redirect":
            said = Answer(fault.status or HTTPStatus.FOUND, b"", {"Location": fault.location or "", **fault.headers})
        case "malformed":
            said = Answer(answer.status, body[: max(1, len(body) // 2)], headers)
        case "gzip_bomb":
            said = Answer(answer.status, bomb(fault.size_bytes), packed_headers)
        case "truncated_gzip":
            whole = gzip.compress(body, 6)
            said = Answer(answer.status, whole[: len(whole) // 2], packed_headers)
        case "oversize":
            # What is poured out later is not packed, so nothing may say that it is.
            said = Answer(answer.status, b"", headers)
        case _:
            said = Answer(answer.status, body, headers)
    return said


def packed(answer: Answer) -> Answer:
    """The same answer under gzip, where that is worth it."""
    if len(answer.body) < _WORTH_PACKING or "Content-Encoding" in answer.headers:
        return answer
    body = gzip.compress(answer.body, 1)
    return replace(answer, body=body, headers={**answer.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"})


@lru_cache(maxsize=4)
def bomb(size_bytes: int) -> bytes:
    """A gzip body that inflates to that many bytes of JSON: an array with nothing but blanks in it."""
    # Blocks that end in a full flush stand alone, so one packed mebibyte can be repeated without packing it again.
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
    """The status line and the headers; `length` None announces chunks."""
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


def send(connection: socket.socket, first: bytes, body: bytes, fault: Fault | None, wait: Wait) -> bool:
    """Send an answer whose head is `first`; whether the connection can be used again."""
    is_open = True
    match fault.kind if fault else None, fault:
        case "delay", Fault(seconds=seconds):
            is_open = not wait(seconds)
            connection.sendall(first + body if is_open else b"")
        case "drop", _:
            is_open = False
        case "drip_headers", Fault(seconds=seconds):
            is_open = drip(connection, first, seconds, wait)
            connection.sendall(body if is_open else b"")
        case "drip", Fault(seconds=seconds):
            connection.sendall(first)
            is_open = drip(connection, body, seconds, wait)
        case "oversize", Fault(size_bytes=size_bytes):
            connection.sendall(first)
            pour(connection, size_bytes)
        case "truncate", _:
            connection.sendall(first + body[: len(body) // 2])
            is_open = False
        case _:
            connection.sendall(first + body)
    return is_open


def drip(connection: socket.socket, data: bytes, seconds: float, wait: Wait) -> bool:
    """Send `data` in small pieces over so many seconds."""
    pieces = max(1, min(len(data), round(seconds / _PIECE_S)))
    size = -(-len(data) // pieces)
    for start in range(0, len(data), max(size, 1)):
        connection.sendall(data[start : start + size])
        if wait(seconds / pieces):
            return False
    return True


def pour(connection: socket.socket, size_bytes: int) -> None:
    """Send that many bytes of JSON in chunks: an array with nothing but blanks in it."""
    left = max(size_bytes, 2) - 2
    connection.sendall(b"1\r\n[\r\n")
    while left:
        size = min(left, _MIB)
        connection.sendall(b"%x\r\n%b\r\n" % (size, b" " * size))
        left -= size
    connection.sendall(b"1\r\n]\r\n0\r\n\r\n")
