"""An issue as a letter: text and HTML that say the same."""

from __future__ import annotations

from dataclasses import dataclass

from paperlake.render.editions import rules
from paperlake.render.issue import Issue
from paperlake.render.plain_text import plain
from paperlake.render.templating import render


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail of an issue holds; its headers are the post's business."""

    text: str
    html: str


def letter(issue: Issue, leave: str, site: str | None = None) -> Letter:
    """The letter of an issue for a reader who leaves by the address `leave`. `site` is the issue's page, if any."""
    footer = (*([f"On the web: {site}"] if site else []), f"Unsubscribe: {leave}")
    html = render("letter.html.j2", issue=issue, rules=list(rules(issue.edition)), leave=leave, site=site)
    return Letter(plain(issue, footer), html)
