"""Parse `editions.toml`: which editions there are, what they select, and who gets them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from paperlake.errors import PaperlakeError
from paperlake.render.keywords import keyword_problem, readable
from paperlake.render.period import SPANS, Span
from paperlake.text import plural

ORDERS = ("trend", "votes")
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
MAX_PAPERS = 200
_ADDRESS = re.compile(r"[^\s@,;:<>()\"\\]+@[^\s@,;:<>()\"\\]+")


class InvalidEdition(PaperlakeError):
    """An edition declaration is invalid; the message gives its name, the error, and what is valid."""


@dataclass(frozen=True, slots=True)
class Edition:
    """The rules of one edition. An empty filter matches every paper; otherwise one of its entries must match.

    `keywords` match words in title and abstract (`paperlake.render.keywords`); `authors` and `organizations` match
    names and slugs, ignoring case; `categories` are arXiv categories (`cs.CL`; `cs` matches all of its categories).
    """

    name: str
    title: str
    every: Span
    window: Span
    papers: int = 20
    order: Literal["trend", "votes"] = "trend"
    min_votes: int = 0
    keywords: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


def parse_editions(text: str, source: str = "editions.toml") -> dict[str, Edition]:
    """The editions that `text` declares, by name. Raises InvalidEdition; its message begins with `source`."""
    try:
        declared = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidEdition(f"{source} is not valid TOML: {error}") from error
    return {name: _edition(name, rules, source) for name, rules in declared.items()}


def _edition(name: str, rules: object, source: str) -> Edition:
    where = f"{source}: [{name}]"
    if not NAME.fullmatch(name):
        raise InvalidEdition(f"{where} is not an edition name; use a-z, 0-9 and hyphens, at most 40 characters")
    if not isinstance(rules, Mapping):
        raise InvalidEdition(f"{source}: {name!r} is outside of any edition; begin one with [{name}]")
    rule_names = [field.name for field in fields(Edition) if field.name != "name"]
    if unknown := [key for key in rules if key not in rule_names]:
        raise InvalidEdition(f"{where} has {unknown[0]!r}, which is not a rule; the rules are {', '.join(rule_names)}")
    values = {key: _PARSERS[key](rules[key], f"{where} {key}") for key in rules}
    if "every" not in values:
        raise InvalidEdition(f'{where} has no cadence; add every = "day", "week" or "month"')
    return Edition(**{"name": name, "title": f"Paperlake {name}", "window": values["every"], **values})


def _span(value: object, where: str) -> Span:
    if value not in SPANS:
        raise InvalidEdition(f'{where} is {value!r}; expected "day", "week" or "month"')
    return value


def _order(value: object, where: str) -> str:
    if value not in ORDERS:
        raise InvalidEdition(f'{where} is {value!r}; expected "trend" or "votes"')
    return str(value)


def _title(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise InvalidEdition(f"{where} is {value!r}; expected one line of text")
    return value.strip()


def _integer(low: int, high: int) -> Callable[[object, str], int]:
    def parse(value: object, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InvalidEdition(f"{where} is {value!r}; expected a whole number from {low} to {high}")
        return value

    return parse


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(_is_text(entry) for entry in value):
        raise InvalidEdition(f'{where} is {value!r}; expected a list of texts, such as ["one", "two"]')
    return tuple(entry.strip() for entry in value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _keywords(value: object, where: str) -> tuple[str, ...]:
    keywords = _texts(value, where)
    for keyword in keywords:
        if problem := keyword_problem(keyword):
            raise InvalidEdition(f"{where} has {keyword!r}, {problem}")
    return keywords


def _addresses(value: object, where: str) -> tuple[str, ...]:
    addresses = _texts(value, where)
    for address in addresses:
        if not _ADDRESS.fullmatch(address):
            raise InvalidEdition(f"{where} has {address!r}, which is not a mail address")
    return addresses


_PARSERS: dict[str, Callable[[Any, str], Any]] = {
    "title": _title,
    "every": _span,
    "window": _span,
    "papers": _integer(1, MAX_PAPERS),
    "order": _order,
    "min_votes": _integer(0, 10**6),
    "recipients": _addresses,
    "keywords": _keywords,
    **dict.fromkeys(("authors", "organizations", "categories"), _texts),
}


def rule_phrases(edition: Edition) -> Iterator[str]:
    """The rules of an edition as English phrases, for its readers."""
    best = "gaining the most attention" if edition.order == "trend" else "with the most votes"
    papers = "the paper" if edition.papers == 1 else f"the {edition.papers} papers"
    yield f"{papers} {best} in a {edition.window}"
    for preposition, entries in (
        ("about", tuple(map(readable, edition.keywords))),
        ("by", edition.authors),
        ("from", edition.organizations),
        ("in", edition.categories),
    ):
        if entries:
            yield f"{preposition} {', '.join(entries)}"
    if edition.min_votes:
        yield f"with at least {plural(edition.min_votes, 'vote')}"


def rules_sentence(edition: Edition) -> str:
    """The rules as one sentence. Names keep their case."""
    text = "; ".join(rule_phrases(edition))
    return f"{text[:1].upper()}{text[1:]}."
