"""Sanitize untrusted text and URLs before they are rendered.

Everything that readers see passes here once, when a row becomes a `Paper`. Each output format then escapes it.
"""

from __future__ import annotations

import re
import string
import unicodedata
from urllib.parse import quote, urlsplit

# Control characters, and characters that change text direction, separate lines, hide text, or are unassigned.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SPACE = re.compile(r"[\s\u2028\u2029\x85]+")
_MAX_COMBINING_MARKS = 4
_PAPER_ID = re.compile(r"[0-9]{4}\.[0-9]{4,5}|[a-z-]+(\.[A-Z]{2})?/[0-9]{7}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_URL_CHARACTERS = string.ascii_letters + string.digits + "-._~:/?#@!$&*+,;=%()"
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&@#:$^{}])")
_BLOCK = re.compile(r"^([-+=]|\d+(?=[.)]))")
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MAX_URL_LENGTH = 2000


def clean_line(text: str | None) -> str:
    """`text` as one line without hidden or direction-changing characters; letters of every script stay.

    A letter keeps at most four combining marks, so that it does not overlap the lines around it.
    """
    if not text:
        return ""
    if text.isascii() and text.isprintable():
        return _SPACE.sub(" ", text).strip()
    visible = _HIDDEN.sub("", _SPACE.sub(" ", text))
    return _limit_combining_marks(visible).strip()


def _limit_combining_marks(text: str) -> str:
    characters, mark_count = [], 0
    for character in text:
        mark_count = mark_count + 1 if unicodedata.combining(character) else 0
        if mark_count <= _MAX_COMBINING_MARKS:
            characters.append(character)
    return "".join(characters)


def safe_url(url: str | None) -> str | None:
    """An HTTP(S) URL as ASCII without quotes and angle brackets; None for any other text.

    URLs with a user name or password are refused, because they can disguise the host.
    """
    if not url or len(url) > _MAX_URL_LENGTH or _HIDDEN.search(url.strip()):
        return None
    try:
        parts = urlsplit(url.strip())
        host = parts.netloc.lower() if parts.netloc.isascii() else parts.netloc.lower().encode("idna").decode()
    except ValueError:  # an invalid host name too
        return None
    if parts.scheme.lower() not in {"http", "https"} or not _HOST.fullmatch(host):
        return None
    rest = url.strip()[len(parts.scheme) + 3 + len(parts.netloc) :]
    quoted = quote(rest, safe=_URL_CHARACTERS, errors="replace")
    return f"{parts.scheme.lower()}://{host}{re.sub(r'%(?![0-9A-Fa-f]{2})', '%25', quoted)}"


def is_paper_id(text: str) -> bool:
    """Whether it is an arXiv identifier of the new or the old scheme, which is safe in paths and URLs."""
    return _PAPER_ID.fullmatch(text) is not None


def escape_markdown(text: str) -> str:
    """Escape one line for CommonMark and GitHub: no markup, no mention, no automatic link."""
    escaped = _BLOCK.sub(_escape_block, _MARKDOWN.sub(r"\\\1", clean_line(text)))
    # GitHub links mentions, issues and URLs in spite of the escapes; an empty comment breaks them up.
    return re.sub(r"\\([@#:])(?=[\w/])", r"\\\1<!-- -->", escaped).replace("www.", "www<!-- -->.")


def _escape_block(start: re.Match[str]) -> str:
    """Escape the start of a list or a heading."""
    return f"{start[0]}\\" if start[0].isdigit() else f"\\{start[0]}"


def escape_cell(text: str) -> str:
    """Escape a text for a spreadsheet cell: a leading apostrophe keeps it from being run as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_START) else text


def shorten(text: str, length: int) -> str:
    """`text` cut to at most `length` characters, between words, with an ellipsis if it was cut."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    words = cut.rsplit(" ", 1)[0] if " " in cut[length // 2 :] else cut
    return words.rstrip(" ,;:.") + "…"
