r"""TeX mathematics as plain Unicode text: `O(n^2)` becomes O(n²), `\tau` becomes τ.

Everything or nothing: a formula with a command that has no plain text is not rendered at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache

_MAX_DEPTH = 12
_PIECE = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)
_SUPERSCRIPTS = str.maketrans(
    "0123456789+-=()abcdefghijklmnoprstuvwxyzTN", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᴺ"
)
_SUBSCRIPTS = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_RAISED = frozenset("†‡*⋆\u2217\u2032\u2033°§¶")
"""Symbols that are raised already, or that everybody reads so."""
_FONTS = frozenset(
    r"""
    mathrm mathbf mathit mathcal mathscr mathfrak mathsf mathtt mathnormal underline boldsymbol bm pmb
    operatorname operatorname* mathbin mathrel mathop mathord
    """.split()  # noqa: SIM905 - words are easier to read without quotes
)
_TEXT = frozenset(
    """
    text textrm textbf textit textsf texttt textsc textnormal textup textmd mbox hbox emph
    """.split()  # noqa: SIM905 - words are easier to read without quotes
)
_NOTHING = frozenset(
    r"""
    \left \right \middle \big \Big \bigg \Bigg \bigl \bigr \Bigl \Bigr \biggl \biggr \displaystyle \textstyle
    \scriptstyle \limits \nolimits \! \/ \rm \bf \it \cal
    """.split()  # noqa: SIM905 - words are easier to read without quotes
)
_SPACES = frozenset([r"\,", r"\;", r"\:", "\\ ", r"\>", r"\quad", r"\qquad", r"\space", r"\thinspace", "~"])
_ESCAPED = {rf"\{character}": character for character in "%&$#_{}"} | {r"\|": "‖"}
_OPERATORS = frozenset(
    r"""
    log ln exp sin cos tan cot sinh cosh tanh arcsin arccos arctan min max sup inf lim argmin argmax arg det dim
    ker Pr gcd deg mod
    """.split()  # noqa: SIM905 - words are easier to read without quotes
)
_ACCENTS = {
    "hat": "\u0302",
    "widehat": "\u0302",
    "bar": "\u0304",
    "overline": "\u0304",
    "tilde": "\u0303",
    "widetilde": "\u0303",
    "vec": "\u20d7",
    "dot": "\u0307",
    "ddot": "\u0308",
    "check": "\u030c",
    "breve": "\u0306",
    "acute": "\u0301",
    "grave": "\u0300",
}
_DOUBLE_STRUCK = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))  # noqa: RUF001 - the letters that are meant
_MORE_SYMBOLS = {
    "ne": "≠",
    "deg": "°",
    "degree": "°",
    "textdegree": "°",
    "prime": "\u2032",
    "textgreater": ">",
    "textless": "<",
    "gt": ">",
    "lt": "<",
    "mid": "|",
    "vert": "|",
    "lvert": "|",
    "rvert": "|",
    "Vert": "‖",
    "lVert": "‖",
    "rVert": "‖",
    "lbrace": "{",
    "rbrace": "}",
    "colon": ":",
    "dots": "…",
    "ldots": "…",
    "dotsc": "…",
    "dotsb": "⋯",
    "textasciitilde": "~",
    "LaTeX": "LaTeX",
    "TeX": "TeX",
}
_PROSE = re.compile(r"(?:^|[^\\A-Za-z])[A-Za-z]{2,}\s+[A-Za-z]{2,}|(?:^|[^\\A-Za-z])[A-Za-z]{2,}\{")
_ARGUMENT = re.compile(r"\\(?:text[a-z]*|mbox|operatorname\*?|math[a-z]+)\s*\{[^{}]*\}")


class _NotRenderable(Exception):
    """The formula has something without a plain text."""


@cache
def symbols() -> dict[str, str]:
    """The commands that stand for one character, without their backslash."""
    # Imported late: most texts have no command.
    from pylatexenc.latex2text import get_default_latex_context_db  # noqa: PLC0415

    specs = [(s.macroname, s.simplify_repl) for s in get_default_latex_context_db().iter_macro_specs()]
    single = {name: text for name, text in specs if isinstance(text, str) and len(text) == 1 and not text.isascii()}
    return {**single, **_MORE_SYMBOLS}


def render_math(formula: str, render_text: Callable[[str], str]) -> str | None:
    r"""The plain text of a formula without its delimiters; None if it has anything that needs a guess.

    `render_text` renders the arguments of `\text` and its like. Sentences between dollar signs are no formula.
    """
    if _PROSE.search(_ARGUMENT.sub(" ", formula)):
        return None
    try:
        parser = _Parser(_PIECE.findall(formula), render_text)
        text = parser.sequence(0)
        if parser.pieces:
            return None
    except _NotRenderable:
        return None
    return re.sub(r" {2,}", " ", text).strip()


class _Parser:
    """A recursive parser; `pieces` are those that are left, last first."""

    def __init__(self, pieces: list[str], render_text: Callable[[str], str]) -> None:
        self.pieces = pieces[::-1]
        self._render_text = render_text

    def sequence(self, depth: int) -> str:
        """Render up to a closing brace, which stays, or to the end."""
        if depth > _MAX_DEPTH:
            raise _NotRenderable
        parts: list[str] = []
        while self.pieces and self.pieces[-1] != "}":
            piece = self.pieces.pop()
            if piece in ("^", "_"):
                parts.append(self._script(piece, depth))
            elif piece.isspace():
                parts.append(" ")
            else:
                parts.extend(self._spaced(parts, piece, self._atom(piece, depth)))
        return "".join(parts)

    def _spaced(self, parts: list[str], piece: str, text: str) -> Iterator[str]:
        """An operator such as log is a word of its own. The blank after a command is no blank of the formula."""
        if piece.startswith("\\") and piece[1:] in _OPERATORS and parts and parts[-1][-1:].isalnum():
            yield " "
        yield text
        following = self.pieces[-1:] + self.pieces[-2:-1]
        is_letter = piece.startswith("\\") and len(text) == 1 and text.isalpha()
        if is_letter and len(following) > 1 and following[0].isspace() and following[1].isalnum():
            self.pieces.pop()

    def _atom(self, piece: str, depth: int) -> str:
        if piece == "{":
            return self._group(depth)
        if piece == "'":
            return "\u2032"
        if piece in _SPACES:
            return " "
        if piece in _NOTHING:
            if piece in (r"\left", r"\right", r"\middle") and self.pieces[-1:] == ["."]:
                self.pieces.pop()
            return ""
        if piece.startswith("\\"):
            return _ESCAPED[piece] if piece in _ESCAPED else self._command(piece[1:], depth)
        if piece in "&#%$`\\":
            raise _NotRenderable
        return piece

    def _group(self, depth: int) -> str:
        """Render a group whose opening brace is gone."""
        text = self.sequence(depth + 1)
        if not self.pieces or self.pieces.pop() != "}":
            raise _NotRenderable
        return text

    def _argument(self, depth: int) -> str:
        """Render the next atom or group."""
        while self.pieces and self.pieces[-1].isspace():
            self.pieces.pop()
        if not self.pieces or self.pieces[-1] in ("}", "^", "_"):
            raise _NotRenderable
        return self._atom(self.pieces.pop(), depth + 1).strip()

    def _command(self, name: str, depth: int) -> str:
        if depth > _MAX_DEPTH:
            raise _NotRenderable
        if name in _TEXT:
            return self._text_argument()
        if name in _FONTS or name in _ACCENTS or name == "mathbb":
            return _styled(name, self._argument(depth))
        if name in ("frac", "tfrac", "dfrac"):
            return f"{_operand(self._argument(depth))}/{_operand(self._argument(depth))}"
        if name == "sqrt" and self.pieces[-1:] != ["["]:
            return f"√{_operand(self._argument(depth))}"
        if name not in _OPERATORS and name not in symbols():
            raise _NotRenderable
        return name if name in _OPERATORS else symbols()[name]

    def _text_argument(self) -> str:
        """Render the text between the next two braces, which may contain no others."""
        while self.pieces and self.pieces[-1].isspace():
            self.pieces.pop()
        if not self.pieces or self.pieces.pop() != "{" or "}" not in self.pieces:
            raise _NotRenderable
        taken: list[str] = []
        while (piece := self.pieces.pop()) != "}":
            if piece == "{":
                raise _NotRenderable
            taken.append(piece)
        text = self._render_text("".join(taken))
        if "\\" in text:
            raise _NotRenderable
        return text

    def _script(self, kind: str, depth: int) -> str:
        text = self._argument(depth)
        if not text or set(text) <= _RAISED:
            return text
        if kind == "^" and text in ("\u2218", "\u22a4"):  # ring and top: degrees, and a transposed matrix
            return "°" if text == "\u2218" else "ᵀ"
        raised = text.translate(_SUPERSCRIPTS if kind == "^" else _SUBSCRIPTS)
        is_short = len(text) == 1 or not any(map(str.isalpha, text))
        if is_short and not set(raised) & set(text):
            return raised
        is_word_alone = text.isalnum() and not (self.pieces and self.pieces[-1].isalnum())
        is_clear = is_word_alone or (len(text) == 1 and not text.isalnum())
        return f"{kind}{text}" if is_clear else f"{kind}({text})"


def _styled(name: str, text: str) -> str:
    """The text without the style, except for letters that Unicode has in it, and for accents."""
    if name == "mathbb":
        return _DOUBLE_STRUCK.get(text, text)
    if name in _FONTS:
        return text
    if len(text) != 1:
        raise _NotRenderable
    return unicodedata.normalize("NFC", text + _ACCENTS[name])


def _operand(text: str) -> str:
    return text if text.isalnum() else f"({text})"
