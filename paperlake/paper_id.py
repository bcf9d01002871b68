"""arXiv identifiers as people write them: with prefix or version, as an address, with the subject class."""

from __future__ import annotations

import re
from urllib.parse import unquote

from paperlake.errors import PaperlakeError
from schemas.kinds import ARXIV_ID

_SITES = r"(?:[\w-]+\.)*(?:arxiv\.org|alphaxiv\.org|ar5iv\.org|huggingface\.co|hf\.co)"
_PAGES = "abs|pdf|html|ps|format|src|e-print|papers|overview"
_ID = r"(?P<new>[0-9]{4}\.[0-9]{4,5})|(?P<archive>[a-z]+(?:-[a-z]+)*)(?:\.[a-z]{2})?/(?P<number>[0-9]{7})"
_WRITTEN = re.compile(
    rf"""
    [\s<("'\[]*
    (?:https?://)?
    (?:{_SITES}/(?:{_PAGES})/ | (?:dx\.|www\.)?doi\.org/)?
    (?:doi:\s*)?
    (?:10\.48550/arxiv\. | oai:arxiv\.org: | arxiv:\s*)?
    (?:{_ID})
    (?:v[0-9]+)?
    (?:\.(?:pdf|html?|git))?
    (?:[/?\#]\S*)?
    (?:\s*\[[\w.-]+\])?
    [\s>)"'\],.;]*
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_SHOWN_CHARACTERS = 80


class InvalidPaperId(PaperlakeError):
    """A text is no arXiv identifier."""


def parse_paper_id(text: str) -> str:
    """The identifier in a text, without version and subject class: `2511.01234`, `hep-th/9901001`, `math/0309136`.

    Understands `arXiv:2511.01234v2 [cs.LG]`, `math.GT/0309136`, DOIs of arXiv, and addresses of a paper at arXiv,
    Hugging Face and mirrors. Raises InvalidPaperId.
    """
    match = _WRITTEN.fullmatch(unquote(text))
    paper_id = (match["new"] or f"{match['archive'].lower()}/{match['number']}") if match else ""
    if not re.fullmatch(ARXIV_ID.pattern, paper_id):
        shown = repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
        raise InvalidPaperId(
            f"{shown} is no arXiv identifier; write it like 2511.01234, hep-th/9901001 or "
            "https://arxiv.org/abs/2511.01234"
        )
    return paper_id
