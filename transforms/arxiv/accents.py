r"""Replace TeX accent commands (`\'e`, `\v{s}`, `{\o}`) with letters; all other TeX stays unchanged.

Mathematics stays unchanged, and so does text that only resembles an accent: `Player\'s`, `2\^{r}`, `/\~name`, and
quoted `\"words\"`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import polars as pl
from pylatexenc.latex2text import LatexNodes2Text

_LETTERS = r"ss|[oO]|[lL]|ae|AE|oe|OE|aa|AA|dj|DJ|dh|DH|[ij]"
_BRACED = r"\{ ?\\?[A-Za-z] ?\}"
# Letters that may follow an accent without braces: those that some language accents in this way, without the letters
# of English contractions (we\'ll, you\'re, I\'m, Player\'s). After \" only vowels, because \"words\" are quotations.
_SYMBOL = (
    rf"\\(?:['`^~=.\"]{_BRACED}|['`^~=.\"]\\[ij](?:\{{\}}| )?|\"[AEIOUYaeiouy]|'[aceginopuwyzA-Z]|`[AEIOUaeiou]"
    r"|\^[aceghijosuwyzA-Z]|~[aeinouyA-Z]|=[aeiouAEIOU]|\.[cegzCEGIZ])|\\'s[a-z]"
)
_WORD = rf"\\[uvHcdkr](?: ?{_BRACED}| +[A-Za-z])"
_LETTER = rf"\\(?:{_LETTERS})(?:\{{\}}| |\b)"
_HALF_CONVERTED = r"\\+[\p{L}--[A-Za-z]]"
"""A converted letter that kept the backslash of its command; the new server sends these."""

_IN_TEXT = rf"{_SYMBOL}|{_WORD}|{_LETTER}"
_IN_A_NAME = rf"{_SYMBOL}|{_WORD}|\\(?:{_LETTERS})(?:\{{\}}| )?|\\[uvHcdkr]\\?[A-Za-z]"
r"""Accents in names, where arXiv lost the blank or brace after the command (`Fran\ccois`, `Stanis\law`)."""

_MATHEMATICS = r"\$\$(?:[^$\\]|\\.)*\$\$|\$(?:[^$\\]|\\.)*\$|\\\(.*?\\\)|\\\[.*?\\\]"
_PATH = r"/\\[~ij]"
_QUOTED = r"(?:\A|[ (\[])\\\"[^\\\"$]{1,80}\\\"(?:[^A-Za-z{\\]|\z)"
_ANYTHING_ELSE = r"\\[A-Za-z]+|\\.|[^\\$/{ (\[]+|."
_LETTER_GROUP = r"\{ ?([\p{N}.'\x{2019}\- ]*[\p{L}\p{M}][\p{L}\p{M}\p{N}.'\x{2019}\- ]*?) ?\}"
_ARGUMENTS = r"(?: ?(?:\[[^\]]*\]|\{[^{}]*\}))*"
_GROUPS_AND_OTHERS = (
    rf"(?s){_MATHEMATICS}|\\(?:[A-Za-z]+\*?|[^A-Za-z]){_ARGUMENTS}|[_^]{_ARGUMENTS}|{_LETTER_GROUP}|[^\\$_^{{]+|."
)
_MAX_NESTED = 3
_SQUASHED = re.compile(rf"(?!\\(?:{_LETTERS})\Z)\\([uvHcdkr])(\\?[A-Za-z])")


def accents_to_letters(texts: pl.Series) -> pl.Series:
    """Titles or abstracts, each on one line, with letters in place of TeX accents."""
    return _replace_accents(texts, _IN_TEXT)


def name_accents_to_letters(names: pl.Series) -> pl.Series:
    """Names of people with letters in place of TeX accents."""
    return _replace_accents(names, _IN_A_NAME)


def _replace_accents(texts: pl.Series, accent: str) -> pl.Series:
    # Only texts with an accent are split; they are few.
    accented = (
        texts.to_frame("text").with_row_index("row").filter(pl.col("text").str.contains(rf"{accent}|{_HALF_CONVERTED}"))
    )
    if accented.is_empty():
        return texts
    pieces = accented.select(
        "row",
        piece=pl.col("text").str.extract_all(
            rf"(?s){_MATHEMATICS}|{_PATH}|{_QUOTED}|\{{(?:{accent})\}}|{accent}|{_HALF_CONVERTED}|{_ANYTHING_ELSE}"
        ),
    ).explode("piece")
    is_command = pl.col("piece").str.contains(rf"\A(?:{accent}|\{{(?:{accent})\}}|{_HALF_CONVERTED})\z")
    commands = pieces.filter(is_command)["piece"].unique()
    letters = {command: _letter(command) for command in commands}
    replaced = (
        pieces.with_columns(pl.col("piece").replace(letters))
        .group_by("row", maintain_order=True)
        .agg(pl.col("piece").str.join(""))
    )
    return texts.clone().scatter(replaced["row"], replaced["piece"])


def without_letter_groups(texts: pl.Series) -> pl.Series:
    r"""Names or titles without braces that only group letters: `S{ø}ren`, `{BERT}`, `{{Smith}}`.

    Braces of mathematics, of an argument (`\emph{x}`), of an index (`F_{q}`) and of anything but letters stay.
    """
    for _ in range(_MAX_NESTED):
        grouped = texts.to_frame("text").with_row_index("row").filter(pl.col("text").str.contains(_LETTER_GROUP))
        if grouped.is_empty():
            break
        pieces = grouped.select("row", piece=pl.col("text").str.extract_all(_GROUPS_AND_OTHERS)).explode("piece")
        inner = pl.col("piece").str.extract(rf"\A{_LETTER_GROUP}\z")
        joined = (
            pieces.with_columns(piece=pl.coalesce(inner, "piece"))
            .group_by("row", maintain_order=True)
            .agg(pl.col("piece").str.join(""))
        )
        texts = texts.clone().scatter(joined["row"], joined["piece"])
    return texts


@cache
def _letter(command: str) -> str:
    """The letter for `command`; the command itself if it does not give exactly one letter."""
    if not command.isascii():
        return command.lstrip("\\")
    bare = command.removeprefix("{").removesuffix("}") if command.startswith("{") else command
    if bare.startswith("\\'s"):
        return "ś" + bare[3:]
    squashed = _SQUASHED.fullmatch(bare)
    if squashed:
        bare = f"\\{squashed[1]}{{{squashed[2]}}}"
    letter = unicodedata.normalize("NFC", _latex_converter().latex_to_text(bare)).strip()
    return letter if len(letter) == 1 and not letter.isascii() else command


@cache
def _latex_converter() -> LatexNodes2Text:
    return LatexNodes2Text(strict_latex_spaces=False)
