r"""TeX in titles and abstracts as plain Unicode text: `\&`, `$\tau$`, `\textbf{word}`, `Pok\'emon`, ``quoted''.

What cannot be rendered without a guess stays as it is: prices, Windows paths, commands that only the paper defines
(`\ours`), braces without a partner, references. The tables keep what the source sent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from paperlake.render.tex_math import render_math, symbols

_MAX_DEPTH = 12
_MARKS = re.compile(r"[\\$~]|``")
_WRAPPERS = (
    "textbf|textit|textsl|textrm|textsf|texttt|textsc|textmd|textup|textnormal|emph|underline|mbox|mathrm|mathbf|mathit"
)
_SWITCHES = "em|bf|it|tt|sc|sl|rm|sf|bfseries|itshape|scshape|ttfamily"
_ACCENTS = dict(
    zip(
        "'`^\"~=.uvHcdkr",
        (chr(0x300 + offset) for offset in (1, 0, 2, 8, 3, 4, 7, 6, 0xC, 0xB, 0x27, 0x23, 0x28, 0xA)),
        strict=True,
    )
)
_LETTERS = {
    "o": "\u00f8",
    "O": "\u00d8",
    "l": "\u0142",
    "L": "\u0141",
    "i": "\u0131",
    "ss": "\u00df",
    "ae": "\u00e6",
    "AE": "\u00c6",
    "oe": "\u0153",
    "OE": "\u0152",
    "aa": "\u00e5",
    "AA": "\u00c5",
}
_OUTSIDE_FORMULAS = frozenset(
    """
    alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi
    varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega times pm mp sim approx leq le geq ge
    neq ne infty rightarrow leftarrow cdot circ deg degree textdegree textgreater textless ldots dots textasciitilde
    LaTeX TeX propto ell partial nabla dagger textmu checkmark
    """.split()  # noqa: SIM905 - a list of fifty quoted words is harder to read
)
"""Commands without an argument that are rendered outside of formulas; papers define others, such as `models`."""
_CONSTRUCT: Final = re.compile(
    rf"""
      (?P<path>     (?:(?<![A-Za-z])[A-Za-z]:\\|\\\\(?=[A-Za-z]))\S* | \\\\ | /\\~ )
    | (?P<quoted>   (?<![A-Za-z{{}}]) (?:\\"[^\\"$]{{1,80}}\\" | \\'[^\\'$]{{1,80}}\\')(?![A-Za-z{{\\]))
    | \$\$          (?P<display>(?:[^$\\]|\\.){{1,400}})  \$\$
    | \$            (?P<dollars>(?:[^$\\]|\\.){{1,400}})  \$ (?!\{{[A-Za-z])
    | \\\(          (?P<round>(?:[^$\\]|\\[^()]){{1,400}})  \\\)
    | \\\[          (?P<square>(?:[^$\\]|\\[^\[\]]){{1,400}}) \\\]
    | \\            (?P<escaped>[&%#_${{}}])
    | \\            (?P<wrapper>{_WRAPPERS}) \s* (?P<open>\{{)
    | \{{\\         (?P<switch>{_SWITCHES}) \s+
    | \{{\\         (?P<symbol>[A-Za-z]+) \}}
    | \\            (?P<script>textsuperscript|textsubscript) \s* \{{ (?P<raised>[^{{}}\\$]{{1,20}}) \}}
    | \\url \s* \{{ (?P<url>[^{{}}\s\\]{{1,500}}) \}}
    | \\href\s* \{{ (?P<target>[^{{}}\s\\]{{1,500}}) \}} \s* \{{ (?P<label>[^{{}}\\$]{{1,200}}) \}}
    | \\            (?P<accent>['`^"~=.uvHcdkr]) \{{ \\? (?P<braced>[A-Za-z]) \}}
    | \\            (?P<over>['`^"~]) (?:\{{ \\(?P<dotted>[ij]) \}} | \\(?P<dotless>[ij]) (?:\{{\}}|\ |\b))
    | \{{\\          (?P<grouped>['`^"~=.](?:\\?[A-Za-z]|\{{[A-Za-z]\}}) | [uvHcdkr]\ [A-Za-z]) \}}
    | \\            (?P<letter>{"|".join(sorted(_LETTERS, key=len, reverse=True))}) \{{\}}
    | \\            (?P<bare>"[AEIOUYaeiouy] | '[aceginopuwyzA-Z] | `[AEIOUaeiou] | \^[aceghijosuwyzA-Z]
                          | ~[aeinouyA-Z])
    | (?<![A-Za-z]{{2}}|\.\.) \\ (?P<command>[A-Za-z]{{2,}}) (?:\{{\}}|(?![A-Za-z{{@*\[]))
    | \\            (?P<blank>[ ,;:])
    | (?<=[A-Za-z0-9.,)%]) (?P<tie>~) (?=[(\\A-Za-z0-9])
    | ``            (?P<quotation>(?:[^`']|'(?!')){{1,300}}) ''
    """,
    re.VERBOSE,
)
_PLAIN_FORMULA = re.compile(r"[\w.,+\-*/=<>()\[\]|@%!:;'…± ]+")
_IN_A_SENTENCE = re.compile(r"\A[,.:;!%)\]]|[-+*/,.:;(=<>|]\Z|\s[A-Za-z]{2,}\s")
_BLANKS = frozenset([r"\,", r"\;", r"\:", "\\ ", r"\quad"])
_SHELL = re.compile(r"\A\{[A-Z_]+\}|(?<![\\A-Za-z])[A-Za-z]{2,}_[A-Za-z]")
"""Variables of a shell (`${HOME}`, `$my_name`): TeX would lower one letter only."""
_MARKDOWN = re.compile(r"\s*(?:[\d,; -]+|[A-Za-z][A-Za-z ,.-]+)\s*")
"""What may stand between brackets that are escaped for Markdown, such as `\\[1\\]` and `\\(RL\\)`."""
_NO_WORD = re.compile(r"[^\w.%-]")
_CALENDAR = re.compile(
    r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b"
    r"|(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)(?:\b|r?uary|ch|il|ust|t?ember|ober)\b",
    re.IGNORECASE,
)


def tex_to_text(text: str) -> str:
    """`text` with plain Unicode text in place of TeX. It never raises, and takes linear time."""
    return _render(text, 0) if _MARKS.search(text) else text


def _render(text: str, depth: int) -> str:
    if depth > _MAX_DEPTH:
        return text
    partners = _partners(text)
    parts: list[str] = []
    position = 0
    while match := _CONSTRUCT.search(text, position):
        parts.append(text[position : match.start()])
        rendered, end = _construct(match, partners, depth)
        if rendered is None:  # as it is, up to its second character, because another construct may begin there
            end = match.start() + 1
            rendered = text[match.start() : end]
        parts.append(rendered)
        position = end
    parts.append(text[position:])
    return "".join(parts)


def _partners(text: str) -> dict[int, int]:
    """The position of the closing brace of each opening one; braces without a partner are missing."""
    partners: dict[int, int] = {}
    if "{" in text:
        opened: list[int] = []
        for brace in re.finditer(r"\\.|[{}]", text, re.DOTALL):
            if brace[0] == "{":
                opened.append(brace.start())
            elif brace[0] == "}" and opened:
                partners[opened.pop()] = brace.start()
    return partners


def _construct(match: re.Match[str], partners: dict[int, int], depth: int) -> tuple[str | None, int]:
    """The plain text of a construct and where it ends; None for what stays as it is."""
    text, values = match.string, {name: value for name, value in match.groupdict().items() if value is not None}
    kind = next(iter(values))
    if kind in ("path", "quoted"):
        return match[0], match.end()
    if kind in ("wrapper", "switch"):
        opening = match.start("open") if kind == "wrapper" else match.start()
        closing = partners.get(opening)
        if closing is None:
            return None, 0
        return _render(text[match.end() : closing], depth + 1), closing + 1
    return _simple(kind, values, match, depth), match.end()


def _simple(kind: str, values: dict[str, str], match: re.Match[str], depth: int) -> str | None:
    """The plain text of a construct that ends where its match ends."""
    value = values[kind]
    if kind in ("display", "dollars", "round", "square"):
        return _formula(match, kind, depth)
    if kind in ("accent", "over"):
        return _accented(value, next(text for name, text in values.items() if name != kind))
    if kind == "tie":
        return _tie(match)
    return _WITHOUT_CONTEXT[kind](value, values) if kind != "quotation" else f"“{_render(value, depth + 1)}”"


_SCRIPTS = {"textsuperscript": "^", "textsubscript": "_"}
_WITHOUT_CONTEXT: dict[str, Callable[[str, dict[str, str]], str | None]] = {
    "escaped": lambda value, _: value,
    "url": lambda value, _: value,
    "blank": lambda *_: " ",
    "symbol": lambda value, _: _LETTERS.get(value) or _symbol(value),
    "command": lambda value, _: _symbol(value),
    "letter": lambda value, _: _LETTERS[value],
    "bare": lambda value, _: _accented(value[0], value[1]),
    "grouped": lambda value, _: _accented(value[0], value.rstrip("}")[-1]),
    "target": lambda value, values: f"{values['label']} ({value})",
    "script": lambda value, values: render_math(
        f"{'^' if value[4:] == 'superscript' else '_'}{{{values['raised']}}}", str
    ),
}


def _symbol(name: str) -> str | None:
    return symbols().get(name) if name in _OUTSIDE_FORMULAS else None


def _accented(accent: str, letter: str) -> str | None:
    """The letter with its accent; None if Unicode has no such letter."""
    composed = unicodedata.normalize("NFC", letter + _ACCENTS[accent])
    return composed if len(composed) == 1 else None


def _tie(match: re.Match[str]) -> str | None:
    """A blank, unless the tilde means a range (`5~10`, `Q1~Q4`, `a~z`, `Mon~Fri`) or belongs to an address."""
    text, at = match.string, match.start()
    before = text[max(0, at - 200) : at].rpartition(" ")[2]
    after = text[at + 1 : at + 200].partition(" ")[0]
    left, right = _NO_WORD.split(before)[-1], _NO_WORD.split(after)[0]
    is_range = _has_digit(left) and (right[:1].isdigit() or (left[0].isalpha() and _has_digit(right)))
    is_address = "://" in before or "@" in after
    is_alone = len(left) == 1 and left.isalpha()
    is_time = _CALENDAR.match(left) and _CALENDAR.match(right)
    return None if is_range or is_alone or is_time or is_address else " "


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _formula(match: re.Match[str], kind: str, depth: int) -> str | None:
    content = match[kind]
    has_tex = any(mark in content for mark in "\\^_{")
    if kind == "dollars" and not _is_delimited(match, content, has_tex=has_tex):
        return None
    before = match.string[match.start() - 1 : match.start()]
    if kind in ("round", "square") and not has_tex and (before.isalnum() or _MARKDOWN.fullmatch(content)):
        return None
    if content in _BLANKS:
        return " "
    return render_math(content, lambda text: _render(text, depth + 1)) or None


def _is_delimited(match: re.Match[str], content: str, *, has_tex: bool) -> bool:
    """Whether single dollar signs delimit a formula, and are not signs of currency, or of variables of a shell."""
    before, after = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
    if content in ("<", ">"):
        return not before.isalnum()
    spaced = content[0].isspace() + content[-1].isspace()
    if has_tex:
        return spaced != 1 and not _SHELL.search(content)
    if spaced or not _PLAIN_FORMULA.fullmatch(content) or _IN_A_SENTENCE.search(content):
        return False
    if before.isdigit() or (after.isdigit() and not content.isalpha()):
        return False
    if content[0].isdigit() and (before.isalnum() or re.search(r"[A-Za-z]{2}", content)):
        return False
    return len(content) <= 2 or not after.isalnum()  # noqa: PLR2004 - `$k$NN`, `$10$th`
