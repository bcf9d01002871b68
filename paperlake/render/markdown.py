"""An issue as Markdown, for chats and repositories."""

from __future__ import annotations

from collections.abc import Iterator

from paperlake.render.editions import rules
from paperlake.render.issue import Issue
from paperlake.render.paper import Paper, counted
from paperlake.render.sanitize import markdown as escaped


def markdown(issue: Issue) -> str:
    """The issue: a heading, then a numbered list."""
    return "\n".join(_lines(issue)) + "\n"


def _lines(issue: Issue) -> Iterator[str]:
    yield from (f"# {escaped(issue.title)}", "")
    if not issue.papers:
        yield from ("No paper of this time is new to this edition.", "")
    for number, one in enumerate(issue.papers, 1):
        yield from _paper(number, one)
    yield from ("", f"*This edition brings {escaped('; '.join(rules(issue.edition)))}.*")


def _paper(number: int, one: Paper) -> Iterator[str]:
    indent = " " * (len(str(number)) + 2)
    yield f"{number}. **[{escaped(one.title)}]({one.page})**  "
    facts = [one.organization, one.byline, *counted(one)]
    yield f"{indent}{' · '.join(escaped(fact) for fact in facts if fact)}  "
    links = {"arXiv": one.arxiv, "PDF": one.pdf, "code": one.code, "project": one.project}
    yield indent + " · ".join(f"[{name}](<{url}>)" for name, url in links.items() if url)
    if one.summary:
        yield f"\n{indent}*AI summary:* {escaped(one.summary)}"
    yield ""
