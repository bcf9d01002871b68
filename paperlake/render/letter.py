"""Render an issue as a letter, with the same content as plain text and as HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from paperlake.render.editions import rule_phrases
from paperlake.render.issue import Issue
from paperlake.render.paper import Paper
from paperlake.render.plain_text import WIDTH, render_plain_text
from paperlake.render.sanitize import shorten
from paperlake.render.templating import render_template
from paperlake.text import plural

Link = tuple[str, str]
"""A text and its URL."""


@dataclass(frozen=True, slots=True)
class Letter:
    """The two bodies of a letter; `paperlake.mail` adds the headers."""

    text: str
    html: str


def render_letter(
    issue: Issue,
    unsubscribe_link: str | None,
    page_url: str | None = None,
    *,
    shown: int | None = None,
    rest_links: Sequence[Link] = (),
) -> Letter:
    """The letter of an issue. `unsubscribe_link` is the reader's own; `page_url` is the issue's web page, if any.

    `shown` is the number of papers in the letter, by default all. `rest_links` lead to the others.
    """
    letter_issue = replace(issue, papers=tuple(map(_limit_lengths, issue.papers[:shown])))
    rest = _rest_sentence(len(issue.papers) - len(letter_issue.papers))
    links = [
        *([("On the web", page_url)] if page_url else []),
        *([("Unsubscribe", unsubscribe_link)] if unsubscribe_link else []),
    ]
    html = render_template(
        "letter.html.j2",
        issue=letter_issue,
        rules=list(rule_phrases(issue.edition)),
        links=links,
        rest=rest,
        rest_links=rest_links,
    )
    lines = tuple(f"{text}: {url}" for text, url in links)
    return Letter(render_plain_text(letter_issue, lines, tuple(_rest_lines(rest, rest_links)), lines), html)


def _limit_lengths(paper: Paper) -> Paper:
    """The paper with texts of reasonable length, so that any paper fits into a letter."""
    return replace(
        paper,
        title=shorten(paper.title, 300),
        summary=shorten(paper.summary, 1000),
        organization=shorten(paper.organization, 100),
        authors=tuple(shorten(name, 100) for name in paper.authors),
    )


def _rest_sentence(count: int) -> str:
    if not count:
        return ""
    are = "is" if count == 1 else "are"
    return f"{plural(count, 'more paper')} of this issue {are} not in this letter, because mail services cut long ones."


def _rest_lines(rest: str, links: Sequence[Link]) -> Iterator[str]:
    if rest:
        yield from (*textwrap.wrap(f"{rest} Read on:", WIDTH), *(f"{text}: {url}" for text, url in links))
