"""The newest validation results on one offline page; Data Docs load their styles and scripts from the network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from paperlake.quality.finding import Finding
from paperlake.text import plural

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #ddd}"
    "td.n{text-align:right}.bad{color:#b00020;font-weight:600}.ok{color:#1b7f3b}"
    "caption{text-align:left;padding:1rem 0 .5rem}"
)


def render_quality_page(findings: Sequence[Finding], docs: str) -> str:
    """The page: unmet expectations first, then a line for each suite. `docs` is the relative URL of Data Docs."""
    return "\n".join(_lines(findings, docs)) + "\n"


def _lines(findings: Sequence[Finding], docs: str) -> Iterator[str]:
    unmet = [finding for finding in findings if not finding.success]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Validation results</title>'
    yield f"<style>{_STYLE}</style></head><body><h1>Validation results</h1>"
    result = f'<span class="bad">{len(unmet)} not met</span>' if unmet else '<span class="ok">all met</span>'
    months = sorted({finding.month for finding in findings})
    span = months[0] if months[:1] == months[-1:] else f"{months[0]} to {months[-1]}"
    yield f"<p>{plural(len(findings), 'expectation')} of {escape(span)}: {result}. "
    yield f'In detail: <a href="{escape(docs)}">Data Docs</a> (they need a network connection).</p>'
    if unmet:
        heads = ("suite", "month", "column", "rows", "examples", "effect")
        yield "<table><caption>Not met</caption><tr>" + "".join(f"<th>{head}" for head in heads) + "</tr>"
        for finding in unmet:
            cells = (finding.suite, finding.month, finding.column)
            examples = escape(", ".join(finding.examples))
            yield "<tr>" + "".join(f"<td>{escape(cell)}" for cell in cells)
            effect = escape(finding.severity.replace("_", " "))
            yield f'<td class="n">{finding.unexpected_count}<td>{examples}<td>{effect}</tr>'
        yield "</table>"
    yield "<table><caption>By suite</caption><tr><th>suite<th>expectations<th>met</tr>"
    for suite in dict.fromkeys(finding.suite for finding in findings):
        of_suite = [finding for finding in findings if finding.suite == suite]
        met_count = sum(finding.success for finding in of_suite)
        mark = "ok" if met_count == len(of_suite) else "bad"
        yield f'<tr><td>{escape(suite)}<td class="n">{len(of_suite)}<td class="n {mark}">{met_count}</tr>'
    yield "</table></body></html>"
