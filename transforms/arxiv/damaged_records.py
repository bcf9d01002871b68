"""Records that make a whole answer unreadable: the answer can be parsed without their contents."""

from __future__ import annotations

import re

_RECORD = re.compile(rb"<((?:[\w.-]+:)?record)[\s>].*?</\1\s*>|<((?:[\w.-]+:)?header)[\s>].*?</\2\s*>", re.DOTALL)
_HEADER = re.compile(rb"<((?:[\w.-]+:)?header)[\s>].*?</\1\s*>", re.DOTALL)
_FORBIDDEN_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]|\xed[\xa0-\xbf]")
_CHARACTER_REFERENCE = re.compile(rb"&#(?:x([0-9a-fA-F]{1,8})|([0-9]{1,10}));")
_LAST_CHARACTER, _SURROGATES = 0x10FFFF, range(0xD800, 0xE000)
_ALLOWED_CONTROLS = (0x09, 0x0A, 0x0D)
_FIRST_PRINTABLE = 0x20
_NOT_CHARACTERS = (0xFFFE, 0xFFFF)


def empty_damaged_records(body: bytes) -> tuple[bytes, int]:
    """`body` with each record that XML forbids reduced to its header, and how many there were.

    A header that is damaged itself is emptied too. Records keep their places.
    """
    count = 0

    def reduce(match: re.Match[bytes]) -> bytes:
        nonlocal count
        text = match[0]
        if not _is_damaged(text):
            return text
        count += 1
        if match[2]:  # a header of ListIdentifiers
            return b"<" + match[2] + b"/>"
        header = _HEADER.search(text)
        kept = header[0] if header and not _is_damaged(header[0]) else b""
        return b"<" + match[1] + b">" + kept + b"</" + match[1] + b">"

    return _RECORD.sub(reduce, body), count


def _is_damaged(text: bytes) -> bool:
    """Whether it has bytes that are not UTF-8, or characters that XML 1.0 forbids, as such or as references."""
    if _FORBIDDEN_BYTES.search(text):
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return True
    return any(
        _is_forbidden(int(hexadecimal, 16) if hexadecimal else int(decimal))
        for hexadecimal, decimal in _CHARACTER_REFERENCE.findall(text)
    )


def _is_forbidden(code: int) -> bool:
    is_control = code < _FIRST_PRINTABLE and code not in _ALLOWED_CONTROLS
    return is_control or code in _SURROGATES or code in _NOT_CHARACTERS or code > _LAST_CHARACTER
