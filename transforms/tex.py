r"""TeX in one text as plain Unicode, for people to read: `$\tau$` is τ, `R\&D` is R&D.

Only what gives plain text without guessing is replaced; everything else stays as it was written.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from pylatexenc.latex2text import LatexNodes2Text

_ESCAPED = re.compile(r"(?<!\\)\\([&%#_$])")
_EMPHASIS = re.compile(r"\\(?:textbf|textit|textsc|texttt|textrm|textsf|emph|underline|mbox|text)\{([^{}\\$]*)\}")
# As in Pandoc: no blank inside the signs.
_MATHEMATICS = re.compile(r"(?<![\\$])\$(?!\s|\$)([^$]{1,200}?)(?<![\s\\])\$(?!\$)")
_RAISED = re.compile(r"\^(?:\{([^{}]*)\}|([0-9A-Za-z*+]))")
_LOWERED = re.compile(r"_(?:\{([^{}]*)\}|([0-9A-Za-z]))")
_ABOVE = str.maketrans("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", " ")
_BELOW = str.maketrans("0123456789+-=()aeoxhklmnpst", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₒₓₕₖₗₘₙₚₛₜ", " ")
_LEFT_OVER = re.compile(r"[\\^_{}$&~]|%")
_FONTS = "mathrm|mathbf|mathit|mathsf|mathtt|mathcal|boldsymbol|bm|operatorname|text|textbf|mathbb"
_PLAIN_FONTS = re.compile(rf"\\(?:{_FONTS})\s*\{{([A-Za-z0-9 .+-]*)\}}")
_STRUCTURE = re.compile(
    r"[\^_{}]|\\(?:frac|sqrt|over|binom|begin|left|right|sum|int|prod|hat|tilde|bar|vec|overline|dot)\b"
)
"""Mathematics that has no plain form in one line."""
_DOUBLE_STRUCK_LETTERS = {
    "C": "\u2102",
    "N": "\u2115",
    "P": "\u2119",
    "Q": "\u211a",
    "R": "\u211d",
    "Z": "\u2124",
    "E": "\U0001d53c",
}
_DOUBLE_STRUCK = re.compile(r"\\mathbb\s*\{?([CNPQRZE])\}?")


def tex_to_text(text: str) -> str:
    """`text` with plain Unicode in place of its TeX. Never fails."""
    if "\\" not in text and "$" not in text:
        return text
    shown = _MATHEMATICS.sub(_shown, text)
    shown = _EMPHASIS.sub(r"\1", shown)
    return _ESCAPED.sub(r"\1", shown)


def _shown(found: re.Match[str]) -> str:
    """The plain form of what is certainly TeX; two dollar signs may as well belong to amounts (`5$, 10$`)."""
    is_tex = re.search(r"[\\^_]", found[1])
    return (_mathematics(found[1]) or found[0]) if is_tex else found[0]


@lru_cache(maxsize=20_000)
def _mathematics(tex: str) -> str | None:
    """Mathematics as plain text; None where that would lose something."""
    tex = _DOUBLE_STRUCK.sub(lambda found: _DOUBLE_STRUCK_LETTERS[found[1]], tex)
    tex = _PLAIN_FONTS.sub(r"\1", tex)
    tex = _script(_RAISED, _ABOVE, _script(_LOWERED, _BELOW, tex))
    if _STRUCTURE.search(tex):
        return None
    try:
        plain = _converter().latex_to_text(tex)
    except Exception:  # noqa: BLE001 - whatever the reader of TeX makes of it, the text can still be shown as it is
        return None
    plain = " ".join(plain.split())
    return None if not plain or _LEFT_OVER.search(plain.replace("%", "") if r"\%" in tex else plain) else plain


def _script(pattern: re.Pattern[str], table: dict[int, Any], tex: str) -> str:
    """Replace raised or lowered characters that Unicode has; the others stay."""

    def replace(found: re.Match[str]) -> str:
        script = found[1] if found[1] is not None else found[2]
        return script.translate(table) if script and all(ord(c) in table for c in script) else found[0]

    return pattern.sub(replace, tex)


@cache
def _converter() -> LatexNodes2Text:
    return LatexNodes2Text(math_mode="text", keep_comments=True, strict_latex_spaces=False)
