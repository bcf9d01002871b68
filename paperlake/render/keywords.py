r"""The rule `keywords` of an edition as a condition on rows: whole words, whatever their hyphens, number and case.

- A hyphen or a blank in a keyword also stands for the other, or for nothing: `fine-tuning`, `fine tuning`,
  `finetuning`. A hyphen in the text is ignored: `multimodal` matches `multi-modal`.
- A word matches its regular plural, and a plural its singular: `LLM` and `LLMs`, `policy` and `policies`.
- `*` stands for any letters and digits: `LLM*` matches `LLMOps`. `\*` is a star.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

import polars as pl

_MIN_LETTERS_WITH_STAR = 2
_KEYWORDS_PER_PATTERN = 20
"""Polars refuses patterns that compile to more than 10 MB; letters of every script take most of it."""
_STAR = re.compile(r"(?<!\\)\*")
# Dashes, the minus sign, and characters that only mark where a line may break.
_DASHES = r"\p{Pd}\x{2212}\x{ad}\x{200b}\x{200d}\x{2060}\x{feff}"
_SEPARATORS = re.compile(r"[\s\u2010-\u2015\u2212\u00ad\u200b\u200d\u2060\ufeff\ufe58\ufe63\uff0d-]+")
_APOSTROPHES = "[\u2018\u2019\u02bc\uff07]"
_LETTERS = r"\pL\pN\pM"
# Words whose singular is another word; of those in -ics it is an adjective (`dynamics`, `dynamic`).
_NO_PLURALS = re.compile(r"(ss|us|is|ics|\bnews|\blens)$", re.IGNORECASE)


def keyword_problem(keyword: str) -> str | None:
    """What is wrong with a keyword; None if it can be used."""
    words = _words(keyword)
    if not words:
        return "which has no word to look for"
    for word in words:
        letters = sum(character.isalnum() for character in word)
        if _STAR.search(word) and letters < _MIN_LETTERS_WITH_STAR:
            return (
                "which would match too much; put at least two letters or digits next to a *, "
                "or write '\\*' (in single quotes) for the star itself"
            )
    return None


def readable(keyword: str) -> str:
    r"""The keyword as readers see it: `\*` is a star."""
    return keyword.replace(r"\*", "*")


def has_keyword(columns: Sequence[str], keywords: Sequence[str]) -> pl.Expr:
    """Whether the text of one of `columns` has one of `keywords`; false for null."""
    starts = range(0, len(keywords), _KEYWORDS_PER_PATTERN)
    patterns = [_pattern(keywords[start : start + _KEYWORDS_PER_PATTERN]) for start in starts]
    return pl.any_horizontal(
        _plain_text(column).str.contains(pattern).fill_null(value=False) for column in columns for pattern in patterns
    )


def _pattern(keywords: Sequence[str]) -> str:
    alternatives = "|".join(map(_keyword_pattern, keywords))
    return rf"(?i)(^|[^{_LETTERS}])({alternatives})($|[^{_LETTERS}])"


def _plain_text(column: str) -> pl.Expr:
    """The text in composed form (NFC), with one hyphen for any dashes, one blank for any other separator."""
    text = pl.col(column).str.normalize("NFC").str.replace_all(_APOSTROPHES, "'")
    return text.str.replace_all(f"[{_DASHES}]+", "-").str.replace_all(r"[\s-]*\s[\s-]*", " ")


def _words(keyword: str) -> list[str]:
    composed = re.sub(_APOSTROPHES, "'", unicodedata.normalize("NFC", keyword))
    return [word for word in _SEPARATORS.split(composed) if word]


def _keyword_pattern(keyword: str) -> str:
    return "[ -]?".join(_word_pattern(word) for word in _words(keyword))


def _word_pattern(word: str) -> str:
    if _STAR.search(word):
        parts = (_spelled(readable(part)) for part in _STAR.split(word))
        return f"[{_LETTERS}]*".join(parts)
    forms = dict.fromkeys(_forms(readable(word)))
    return f"(?:{'|'.join(_form_pattern(form, word) for form in forms)})"


def _form_pattern(form: str, word: str) -> str:
    # `GPS` is no plural of `GP`, and `CLS` none of `CL`; with three letters such pairs are rare.
    if form == f"{word}s" and len(word) == 2:  # noqa: PLR2004
        return f"{_spelled(word)}-?(?-i:s)"
    return _spelled(form)


def _spelled(text: str) -> str:
    """The pattern of a text with or without hyphens between its characters."""
    return "-?".join(map(pl.escape_regex, text))


def _forms(word: str) -> Iterator[str]:
    yield word
    if len(word) > 1 and word[-1].isalnum():
        yield from _plurals(word)
        yield from _singulars(word)


def _plurals(word: str) -> Iterator[str]:
    lowered = word.lower()
    if re.search(r"[^aeiou]y$", lowered):
        yield f"{word[:-1]}ies"
    if re.search(r"(s|x|z|ch|sh|o)$", lowered):
        yield f"{word}es"
    if lowered.endswith("is"):
        yield f"{word[:-2]}es"
    if re.search(r"..[ei]x$", lowered):
        yield f"{word[:-2]}ices"
    if not lowered.endswith("s"):
        yield f"{word}s"


def _singulars(word: str) -> Iterator[str]:
    lowered = word.lower()
    is_abbreviation = word[-2].isupper() and word[-1] == "s"
    if not lowered.endswith("s") or _NO_PLURALS.search(word) or not (is_abbreviation or len(word) > 3):  # noqa: PLR2004
        return
    yield word[:-1]
    if lowered.endswith("ies"):
        yield f"{word[:-3]}y"
    if re.search(r"(s|x|z|ch|sh|o)es$", lowered):
        yield word[:-2]
    if lowered.endswith("ses"):
        yield f"{word[:-2]}is"
    if re.search(r"..ices$", lowered):
        yield from (f"{word[:-4]}ix", f"{word[:-4]}ex")
