"""Render an issue as a letter, with the same content as plain text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass

from paperlake.render.editions import rule_phrases
from paperlake.render.issue import Issue
from paperlake.render.plain_text import render_plain_text
from paperlake.render.templating import render_template


@dataclass(frozen=True, slots=True)
class Letter:
    """The two bodies of a letter; `paperlake.mail` adds the headers."""

    text: str
    html: str


def render_letter(issue: Issue, unsubscribe_link: str, page_url: str | None = None) -> Letter:
    """The letter of an issue. `unsubscribe_link` is the reader's own; `page_url` is the issue's web page, if any."""
    footer = (*([f"On the web: {page_url}"] if page_url else []), f"Unsubscribe: {unsubscribe_link}")
    html = render_template(
        "letter.html.j2",
        issue=issue,
        rules=list(rule_phrases(issue.edition)),
        unsubscribe_link=unsubscribe_link,
        page_url=page_url,
    )
    return Letter(render_plain_text(issue, footer), html)
