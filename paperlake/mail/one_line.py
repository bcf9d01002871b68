"""Untrusted text as one safe line of a mail: it cannot end a header, change text direction, or pass as encoded."""

from __future__ import annotations

import unicodedata

# Some scripts and emoji need joiners; every other format character only hides or reorders text.
_JOINERS = frozenset("\u200c\u200d")
MAX_LENGTH = 200


def one_line(text: str, max_length: int = MAX_LENGTH) -> str:
    """`text` as one line of at most `max_length` characters: white space collapsed, invisible characters removed."""
    visible = "".join(" " if _is_blank(character) else character for character in text if not _is_hidden(character))
    # A mail client would decode text that reads like an encoded word (RFC 2047).
    collapsed = " ".join(visible.split()).replace("=?", "= ?")
    return collapsed if len(collapsed) <= max_length else collapsed[: max_length - 1].rstrip() + "…"


def _is_blank(character: str) -> bool:
    # U+0085, U+2028 and U+2029 end a line for Python's mail library and for some mail clients.
    return character.isspace() or unicodedata.category(character) in ("Cc", "Zl", "Zp", "Zs")


def _is_hidden(character: str) -> bool:
    # Format characters (Cf) hide text or change its direction; lone surrogates (Cs) cannot be encoded.
    return character not in _JOINERS and unicodedata.category(character) in ("Cf", "Cs")
