"""Text of others, made fit for one line of a mail: it can end no header, turn no direction and pass for no code."""

from __future__ import annotations

import unicodedata

# Joiners are part of how some scripts and emoji are written; other format characters only hide things.
_JOINERS = frozenset("\u200c\u200d")
LONGEST = 200


def one_line(text: str, longest: int = LONGEST) -> str:
    """`text` as one line of at most so many characters: blanks folded, the invisible and the broken left out."""
    kept = "".join(" " if _is_blank(character) else character for character in text if not _is_hidden(character))
    # What looks like an encoded word (RFC 2047) would be decoded, whatever is in it.
    folded = " ".join(kept.split()).replace("=?", "= ?")
    return folded if len(folded) <= longest else folded[: longest - 1].rstrip() + "…"


def _is_blank(character: str) -> bool:
    # U+0085, U+2028 and U+2029 end a line for Python's mail library, and for some readers of mail.
    return character.isspace() or unicodedata.category(character) in ("Cc", "Zl", "Zp", "Zs")


def _is_hidden(character: str) -> bool:
    # Format characters (Cf) turn the direction, or hide; half a surrogate pair (Cs) cannot be written.
    return character not in _JOINERS and unicodedata.category(character) in ("Cf", "Cs")
