"""Render an issue as Markdown, for chats and repositories."""

from __future__ import annotations

from collections.abc import Iterator

from paperlake.render.editions import rule_phrases
from paperlake.render.issue import Issue
from paperlake.render.paper import Paper, metric_labels
from paperlake.render.sanitize import escape_markdown


def render_markdown(issue: Issue) -> str:
    """The issue as a heading and a numbered list."""
    return "\n".join(_lines(issue)) + "\n"


def _lines(issue: Issue) -> Iterator[str]:
    yield from (f"# {escape_markdown(issue.title)}", "")
    if not issue.papers:
        yield from ("No paper of this period is new to this edition.", "")
    for number, paper in enumerate(issue.papers, 1):
        yield from _paper_lines(number, paper)
    yield from ("", f"*This edition lists {escape_markdown('; '.join(rule_phrases(issue.edition)))}.*")


def _paper_lines(number: int, paper: Paper) -> Iterator[str]:
    indent = " " * (len(str(number)) + 2)
    yield f"{number}. **[{escape_markdown(paper.title)}]({paper.page})**  "
    details = [paper.organization, paper.byline, *metric_labels(paper)]
    yield f"{indent}{' · '.join(escape_markdown(detail) for detail in details if detail)}  "
    links = {"arXiv": paper.arxiv, "PDF": paper.pdf, "code": paper.code, "project": paper.project}
    yield indent + " · ".join(f"[{name}](<{url}>)" for name, url in links.items() if url)
    if paper.summary:
        yield f"\n{indent}*AI summary:* {escape_markdown(paper.summary)}"
    yield ""
