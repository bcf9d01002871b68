"""Render an issue as plain text: the part of a letter that every mail client can show."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from paperlake.render.editions import rule_phrases
from paperlake.render.issue import Issue
from paperlake.render.paper import Paper, metric_labels

WIDTH = 76


def render_plain_text(
    issue: Issue, header: Sequence[str] = (), rest: Sequence[str] = (), footer: Sequence[str] = ()
) -> str:
    """The issue with one paragraph for each paper.

    The lines of `header` follow the title, those of `rest` the papers, and those of `footer` are at the end.
    """
    return "\n".join(_lines(issue, header, rest, footer)) + "\n"


def _lines(issue: Issue, header: Sequence[str], rest: Sequence[str], footer: Sequence[str]) -> Iterator[str]:
    yield from (issue.edition.title, issue.period.title, *header, "")
    if not issue.papers:
        yield from ("No paper of this period is new to this edition.", "")
    for number, paper in enumerate(issue.papers, 1):
        yield from (*_paper_lines(number, paper), "")
    if rest:
        yield from (*rest, "")
    yield from ("-- ", *textwrap.wrap(f"This edition lists {'; '.join(rule_phrases(issue.edition))}.", WIDTH), *footer)


def _paper_lines(number: int, paper: Paper) -> Iterator[str]:
    yield from textwrap.wrap(f"{number}. {paper.title}", WIDTH, subsequent_indent="   ")
    details = [paper.organization, paper.byline, paper.listed_on.isoformat()]
    yield from _indented(" | ".join(filter(None, details)))
    yield from _indented(" | ".join(metric_labels(paper)))
    if paper.summary:
        yield from _indented(f"AI summary: {paper.summary}")
    if paper.abstract:
        yield from _indented(paper.short)
    yield from (f"   {paper.page}", f"   {paper.pdf}")
    if paper.code:
        yield f"   {paper.code}"


def _indented(text: str) -> list[str]:
    # Do not break inside a URL, and a hyphen can be part of one.
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="   ",
        subsequent_indent="   ",
        break_long_words=False,
        break_on_hyphens=False,
    )
