"""Text and addresses from the internet, made harmless before anything is rendered from them.

Everything that digests show passes here once, when `Paper` is made of a row; then each output escapes in its own way.
"""

from __future__ import annotations

import re
import string
import unicodedata
from urllib.parse import quote, urlsplit

# Beside the controls: what turns the direction of text, separates lines, hides (tags, variation), or is no character.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SPACE = re.compile(r"[\s\u2028\u2029\x85]+")
_MOST_MARKS = 4
_PAPER_ID = re.compile(r"[0-9]{4}\.[0-9]{4,5}|[a-z-]+(\.[A-Z]{2})?/[0-9]{7}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_IN_URL = string.ascii_letters + string.digits + "-._~:/?#@!$&*+,;=%()"
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&@#:$^{}])")
_BLOCK = re.compile(r"^([-+=]|\d+(?=[.)]))")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LONGEST_URL = 2000


def line(text: str | None) -> str:
    """One line that neither hides anything nor turns its direction; letters of every script stay.

    A letter keeps at most four combining marks, so that none climbs over the lines around it.
    """
    if not text:
        return ""
    if text.isascii() and text.isprintable():
        return _SPACE.sub(" ", text).strip()
    shown = _HIDDEN.sub("", _SPACE.sub(" ", text))
    return _without_towers(shown).strip()


def _without_towers(text: str) -> str:
    kept, marks = [], 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks <= _MOST_MARKS:
            kept.append(letter)
    return "".join(kept)


def link(url: str | None) -> str | None:
    """An address of the web as pure ASCII without quotes and brackets, or None where it is anything else.

    Addresses that carry a user's name or password are refused: they are there to deceive.
    """
    if not url or len(url) > _LONGEST_URL or _HIDDEN.search(url.strip()):
        return None
    try:
        parts = urlsplit(url.strip())
        host = parts.netloc.lower() if parts.netloc.isascii() else parts.netloc.lower().encode("idna").decode()
    except ValueError:  # also what is no name of a host
        return None
    if parts.scheme.lower() not in {"http", "https"} or not _HOST.fullmatch(host):
        return None
    rest = url.strip()[len(parts.scheme) + 3 + len(parts.netloc) :]
    quoted = quote(rest, safe=_IN_URL, errors="replace")
    return f"{parts.scheme.lower()}://{host}{re.sub(r'%(?![0-9A-Fa-f]{2})', '%25', quoted)}"


def is_paper_id(text: str) -> bool:
    """Whether it is an arXiv identifier, of the new or the old form: safe in paths and addresses."""
    return _PAPER_ID.fullmatch(text) is not None


def markdown(text: str) -> str:
    """A line as the same words in Markdown (CommonMark and GitHub's): no markup, no mention, no address that links."""
    escaped = _BLOCK.sub(_held, _MARKDOWN.sub(r"\\\1", line(text)))
    # GitHub finds mentions, issues and addresses in what the escapes leave; an empty comment cannot be in them.
    return re.sub(r"\\([@#:])(?=[\w/])", r"\\\1<!-- -->", escaped).replace("www.", "www<!-- -->.")


def _held(begun: re.Match[str]) -> str:
    """What would begin a list or a heading, as text."""
    return f"{begun[0]}\\" if begun[0].isdigit() else f"\\{begun[0]}"


def cell(text: str) -> str:
    """A text for a spreadsheet: one that would be run as a formula begins with an apostrophe, and is shown."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def shortened(text: str, length: int) -> str:
    """At most `length` characters, cut between words, with an ellipsis where anything was cut."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    words = cut.rsplit(" ", 1)[0] if " " in cut[length // 2 :] else cut
    return words.rstrip(" ,;:.") + "…"
