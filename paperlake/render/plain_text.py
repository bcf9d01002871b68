"""An issue as plain text: the part of a mail that every reader can show."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from paperlake.render.editions import rules
from paperlake.render.issue import Issue
from paperlake.render.paper import Paper, counted

_WIDTH = 76


def plain(issue: Issue, footer: tuple[str, ...] = ()) -> str:
    """The issue, a paper a paragraph, with `footer` below it."""
    return "\n".join(_lines(issue, footer)) + "\n"


def _lines(issue: Issue, footer: tuple[str, ...]) -> Iterator[str]:
    yield from (issue.edition.title, issue.period.title, "")
    if not issue.papers:
        yield from ("No paper of this time is new to this edition.", "")
    for number, one in enumerate(issue.papers, 1):
        yield from (*_paper(number, one), "")
    yield from ("-- ", *textwrap.wrap(f"This edition brings {'; '.join(rules(issue.edition))}.", _WIDTH), *footer)


def _paper(number: int, one: Paper) -> Iterator[str]:
    yield from textwrap.wrap(f"{number}. {one.title}", _WIDTH, subsequent_indent="   ")
    facts = [one.organization, one.byline, one.listed_on.isoformat()]
    yield from _indented(" | ".join(filter(None, facts)))
    yield from _indented(" | ".join(counted(one)))
    if one.summary:
        yield from _indented(f"AI summary: {one.summary}")
    if one.abstract:
        yield from _indented(one.short)
    yield from (f"   {one.page}", f"   {one.pdf}")
    if one.code:
        yield f"   {one.code}"


def _indented(text: str) -> list[str]:
    # An address is never broken, and a hyphen may be part of one.
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent="   ",
        subsequent_indent="   ",
        break_long_words=False,
        break_on_hyphens=False,
    )
