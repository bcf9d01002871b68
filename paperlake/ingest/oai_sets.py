"""Whether arXiv knows a set. Nothing of these answers is stored: a mistyped set must leave no trace in the lake."""

from __future__ import annotations

import re
from difflib import get_close_matches
from http import HTTPStatus

from paperlake.errors import PaperlakeError
from paperlake.ingest.oai_harvest import HarvestForbidden
from paperlake.sources import arxiv
from paperlake.sources.answer import Answer, SourceUnreachable
from paperlake.sources.polite import PoliteClient
from transforms.arxiv.oai_page import OAI, OaiPage, parse_page

MAX_SET_PAGES = 20
"""arXiv lists its 200 sets on one page."""
_SPEC = re.compile(r"[\w.!~*'()-]+(?::[\w.!~*'()-]+)*", re.ASCII)
"""The form of a set in OAI-PMH."""
_REFUSALS = ("badArgument", "noSetHierarchy")


class UnknownSet(PaperlakeError):
    """arXiv has no such set. Nothing was stored."""

    def __init__(self, set_spec: str, reason: str) -> None:
        """The message names the set and the `reason`."""
        super().__init__(f"{set_spec!r} is not a set of arXiv's: {reason}; nothing was harvested")


def require_known_set(client: PoliteClient, set_spec: str) -> bool:
    """Ask the server whether it knows a set, in one or two requests. False if its answers do not tell.

    Raises UnknownSet, HarvestForbidden and SourceUnreachable.
    """
    if not _SPEC.fullmatch(set_spec):
        raise UnknownSet(set_spec, "a set is written like cs, physics:hep-th or math:math:NA")
    listed = _listed_sets(client)
    if set_spec in listed:
        return True
    # Servers are known to accept sets that they do not list, so the server itself decides.
    page = _parse(arxiv.first_page(client, "ListIdentifiers", set_spec))
    if page.error_code in _REFUSALS or (page.error_code == "noRecordsMatch" and listed):
        raise UnknownSet(set_spec, _reason(page, set_spec, listed))
    return page.record_count > 0


def is_refusal(error_code: str | None) -> bool:
    """Whether an error can mean that the set does not exist."""
    return error_code in _REFUSALS


def _listed_sets(client: PoliteClient) -> list[str]:
    """The sets that the server lists; none if it does not list them readably."""
    sets: list[str] = []
    token: str | None = None
    for _ in range(MAX_SET_PAGES):
        try:
            answer = arxiv.list_sets(client, token)
        except SourceUnreachable:
            if token is None:
                raise
            return []
        page = _parse(answer)
        if page.tree is None:
            return []
        sets += [spec.strip() for spec in (element.text for element in page.tree.iter(f"{OAI}setSpec")) if spec]
        if not page.resumption_token:
            return sets
        token = page.resumption_token
    return []


def _parse(answer: Answer) -> OaiPage:
    if answer.status_code == HTTPStatus.FORBIDDEN:
        raise HarvestForbidden(
            "arXiv answered 403 when asked for its sets; stop harvesting, and see what its operators say"
        )
    return parse_page(answer.body, answer.status_code)


def _reason(page: OaiPage, set_spec: str, listed: list[str]) -> str:
    if page.error_code == "noRecordsMatch":
        said = "it does not list it, and has no record in it"
    else:
        said = f"it answers {page.error_code} ({page.message or 'no reason given'})"
    by_lower = {spec.lower(): spec for spec in listed}
    # `AI` alone should lead to cs:cs:AI, too.
    tails = {spec.rpartition(":")[2].lower(): spec for spec in listed}
    wanted = set_spec.lower().replace(".", ":")
    near = [by_lower[found] for found in get_close_matches(wanted, by_lower, 3)]
    near += [tails[wanted]] if wanted in tails else []
    return f"{said}; did you mean {' or '.join(dict.fromkeys(near))}?" if near else said
