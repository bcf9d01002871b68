r"""Accents that TeX writes as commands (`\'e`, `\v{s}`, `{\o}`) become letters; all other TeX stays as it is.

Mathematics is left alone. So is what only looks like an accent: `Player\'s`, `2\^{r}`, `/\~name`, quoted `\"words\"`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import polars as pl
from pylatexenc.latex2text import LatexNodes2Text

_LETTERS = r"ss|[oO]|[lL]|ae|AE|oe|OE|aa|AA|dj|DJ|dh|DH|[ij]"
_BRACED = r"\{ ?\\?[A-Za-z] ?\}"
# Which letters may follow without braces: all that some language writes so, but none by which English cuts words
# (we\'ll, you\'re, I\'m, Player\'s), and after two strokes vowels alone, for \"words\" are quoted like that.
_SYMBOL = (
    rf"\\(?:['`^~=.\"]{_BRACED}|['`^~=.\"]\\[ij](?:\{{\}}| )?|\"[AEIOUYaeiouy]|'[aceginopuwyzA-Z]|`[AEIOUaeiou]"
    r"|\^[aceghijosuwyzA-Z]|~[aeinouyA-Z]|=[aeiouAEIOU]|\.[cegzCEGIZ])|\\'s[a-z]"
)
_WORD = rf"\\[uvHcdkr](?: ?{_BRACED}| +[A-Za-z])"
_LETTER = rf"\\(?:{_LETTERS})(?:\{{\}}| |\b)"
_HALF = r"\\+[\p{L}--[A-Za-z]]"
"""A letter that already was converted, with the backslash of its command left before it: seen on the new server."""

_IN_TEXT = rf"{_SYMBOL}|{_WORD}|{_LETTER}"
_IN_A_NAME = rf"{_SYMBOL}|{_WORD}|\\(?:{_LETTERS})(?:\{{\}}| )?|\\[uvHcdkr]\\?[A-Za-z]"
r"""In names arXiv lost the blank or brace after the command (`Fran\ccois`, `Stanis\law`). No others stand there."""

_MATHEMATICS = r"\$\$(?:[^$\\]|\\.)*\$\$|\$(?:[^$\\]|\\.)*\$|\\\(.*?\\\)|\\\[.*?\\\]"
_PATH = r"/\\[~ij]"
_QUOTED = r"(?:\A|[ (\[])\\\"[^\\\"$]{1,80}\\\"(?:[^A-Za-z{\\]|\z)"
_ANYTHING_ELSE = r"\\[A-Za-z]+|\\.|[^\\$/{ (\[]+|."
_SQUASHED = re.compile(rf"(?!\\(?:{_LETTERS})\Z)\\([uvHcdkr])(\\?[A-Za-z])")


def lettered(texts: pl.Series) -> pl.Series:
    """Titles or abstracts with their accents as letters. They stand on one line already."""
    return _lettered(texts, _IN_TEXT)


def lettered_names(names: pl.Series) -> pl.Series:
    """Names of people with their accents as letters."""
    return _lettered(names, _IN_A_NAME)


def _lettered(texts: pl.Series, accent: str) -> pl.Series:
    # Taken to pieces are only the texts that hold an accent, which are few.
    concerned = texts.to_frame("text").with_row_index("row").filter(pl.col("text").str.contains(rf"{accent}|{_HALF}"))
    if concerned.is_empty():
        return texts
    pieces = concerned.select(
        "row",
        piece=pl.col("text").str.extract_all(
            rf"(?s){_MATHEMATICS}|{_PATH}|{_QUOTED}|\{{(?:{accent})\}}|{accent}|{_HALF}|{_ANYTHING_ELSE}"
        ),
    ).explode("piece")
    is_command = pl.col("piece").str.contains(rf"\A(?:{accent}|\{{(?:{accent})\}}|{_HALF})\z")
    commands = pieces.filter(is_command)["piece"].unique()
    letters = {command: _letter(command) for command in commands}
    mended = (
        pieces.with_columns(pl.col("piece").replace(letters))
        .group_by("row", maintain_order=True)
        .agg(pl.col("piece").str.join(""))
    )
    return texts.clone().scatter(mended["row"], mended["piece"])


@cache
def _letter(command: str) -> str:
    """The one letter that `command` writes; the command itself where it writes none, or several."""
    if not command.isascii():
        return command.lstrip("\\")
    bare = command.removeprefix("{").removesuffix("}") if command.startswith("{") else command
    if bare.startswith("\\'s"):
        return "ś" + bare[3:]
    squashed = _SQUASHED.fullmatch(bare)
    if squashed:
        bare = f"\\{squashed[1]}{{{squashed[2]}}}"
    letter = unicodedata.normalize("NFC", _reader().latex_to_text(bare)).strip()
    return letter if len(letter) == 1 and not letter.isascii() else command


@cache
def _reader() -> LatexNodes2Text:
    return LatexNodes2Text(strict_latex_spaces=False)
