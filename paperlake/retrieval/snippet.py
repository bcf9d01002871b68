"""The part of an abstract that shows why a paper was found."""

from __future__ import annotations

import re
from collections.abc import Collection

from paperlake.retrieval.analysis import stems

_LENGTH = 200
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def snippet(text: str | None, terms: Collection[str], length: int = _LENGTH) -> str:
    """The part of `text`, of about `length` characters, with most of the `terms` (stems), from a beginning of a word.

    Of two equal parts it is the first; one that starts with a sentence is preferred.
    """
    text = text or ""
    if len(text) <= length:
        return text
    starts = {0, *(match.end() for match in _SENTENCE_END.finditer(text))}
    found = [(word.start(), term) for word in _WORD.finditer(text) for term in stems(word[0]) if term in terms]
    starts |= {text.rfind(" ", 0, max(at - 40, 0)) + 1 for at, _ in found}
    sentences = {match.end() for match in _SENTENCE_END.finditer(text)} | {0}

    def worth(start: int) -> tuple[int, int, bool, int]:
        inside = [term for at, term in found if start <= at < start + length - 10]
        return len(set(inside)), len(inside), start in sentences, -start

    best = max(starts, key=worth)
    end = text.rfind(" ", best, best + length) if best + length < len(text) else len(text)
    before, after = "… " if best else "", " …" if end < len(text) else ""
    return f"{before}{text[best:end].strip()}{after}"


def matches(text: str, terms: Collection[str]) -> list[tuple[int, int]]:
    """The places (start, end) of words in `text` whose stem is among the `terms`."""
    return [word.span() for word in _WORD.finditer(text) if any(term in terms for term in stems(word[0]))]
