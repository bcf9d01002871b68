"""`editions.toml`: which issues there are, of what, for whom."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from paperlake.errors import PaperlakeError
from paperlake.render.period import SPANS, Span

ORDERS = ("trend", "votes")
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
MOST_PAPERS = 200
_ADDRESS = re.compile(r"[^\s@,;:<>()\"\\]+@[^\s@,;:<>()\"\\]+")


class EditionWrong(PaperlakeError):
    """An edition is not as it may be; the message says which, what, and what would do."""


@dataclass(frozen=True, slots=True)
class Edition:
    """The rules of one edition. An empty filter lets everything through; of each filter given, one entry must match.

    `keywords` are sought in title and abstract as whole words, without regard to case; `authors` and `organizations`
    are compared with names and slugs, also without; `categories` are arXiv's (`cs.CL`; `cs` stands for all of them).
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


def editions(text: str, source: str = "editions.toml") -> dict[str, Edition]:
    """The editions that `text` declares, by name. Raises EditionWrong, whose message begins with `source`."""
    try:
        declared = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EditionWrong(f"{source} is no TOML: {error}") from error
    return {name: _edition(name, rules, source) for name, rules in declared.items()}


def _edition(name: str, rules: object, source: str) -> Edition:
    where = f"{source}: [{name}]"
    if not NAME.fullmatch(name):
        raise EditionWrong(f"{where} is no name of an edition; it takes a-z, 0-9 and hyphens, at most 40")
    if not isinstance(rules, Mapping):
        raise EditionWrong(f"{source}: {name!r} stands outside of any edition; begin one with [{name}]")
    known = [one.name for one in fields(Edition) if one.name != "name"]
    if strange := [key for key in rules if key not in known]:
        raise EditionWrong(f"{where} has {strange[0]!r}, which is no rule; there are {', '.join(known)}")
    said = {key: _CHECKS[key](rules[key], f"{where} {key}") for key in rules}
    if "every" not in said:
        raise EditionWrong(f'{where} does not say how often it comes: every = "day", "week" or "month"')
    return Edition(**{"name": name, "title": f"Paperlake {name}", "window": said["every"], **said})


def _span(value: object, where: str) -> Span:
    if value not in SPANS:
        raise EditionWrong(f'{where} is {value!r}; it takes "day", "week" or "month"')
    return value


def _order(value: object, where: str) -> str:
    if value not in ORDERS:
        raise EditionWrong(f'{where} is {value!r}; it takes "trend" or "votes"')
    return str(value)


def _title(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise EditionWrong(f"{where} is {value!r}; it takes one line of text")
    return value.strip()


def _number(least: int, most: int) -> Callable[[object, str], int]:
    def check(value: object, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise EditionWrong(f"{where} is {value!r}; it takes a whole number from {least} to {most}")
        return value

    return check


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(_is_word(one) for one in value):
        raise EditionWrong(f'{where} is {value!r}; it takes a list of texts, such as ["one", "two"]')
    return tuple(one.strip() for one in value)


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _addresses(value: object, where: str) -> tuple[str, ...]:
    for address in (held := _texts(value, where)):
        if not _ADDRESS.fullmatch(address):
            raise EditionWrong(f"{where} has {address!r}, which is no mail address")
    return held


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "title": _title,
    "every": _span,
    "window": _span,
    "papers": _number(1, MOST_PAPERS),
    "order": _order,
    "min_votes": _number(0, 10**6),
    "recipients": _addresses,
    **dict.fromkeys(("keywords", "authors", "organizations", "categories"), _texts),
}


def rules(edition: Edition) -> Iterator[str]:
    """What an edition picks, in words, for its readers."""
    best = "gaining most attention" if edition.order == "trend" else "with most votes"
    yield f"the {edition.papers} papers {best} of a {edition.window}"
    for head, held in (
        ("about", edition.keywords),
        ("by", edition.authors),
        ("from", edition.organizations),
        ("in", edition.categories),
    ):
        if held:
            yield f"{head} {', '.join(held)}"
    if edition.min_votes:
        yield f"with at least {edition.min_votes} votes"


def sentence(edition: Edition) -> str:
    """The rules as a sentence. Names keep their capitals."""
    said = "; ".join(rules(edition))
    return f"{said[:1].upper()}{said[1:]}."
