"""What was judged last, on one page that needs no network: Data Docs take their looks and their lists from one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from paperlake.quality.finding import Finding

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #ddd}"
    "td.n{text-align:right}.bad{color:#b00020;font-weight:600}.ok{color:#1b7f3b}"
    "caption{text-align:left;padding:1rem 0 .5rem}"
)


def page(judged: Sequence[Finding], docs: str) -> str:
    """The page: what is not met first, then each suite in a line. `docs` is where Data Docs begin, from here."""
    return "\n".join(_lines(judged, docs)) + "\n"


def _lines(judged: Sequence[Finding], docs: str) -> Iterator[str]:
    unmet = [one for one in judged if not one.success]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>What was judged</title>'
    yield f"<style>{_STYLE}</style></head><body><h1>What was judged</h1>"
    outcome = f'<span class="bad">{len(unmet)} not met</span>' if unmet else '<span class="ok">all met</span>'
    months = sorted({one.month for one in judged})
    span = months[0] if months[:1] == months[-1:] else f"{months[0]} to {months[-1]}"
    yield f"<p>{len(judged)} expectations of {escape(span)}: {outcome}. "
    yield f'In detail: <a href="{escape(docs)}">Data Docs</a> (their looks come from the network).</p>'
    if unmet:
        heads = ("suite", "month", "column", "rows", "for example", "what it does")
        yield "<table><caption>Not met</caption><tr>" + "".join(f"<th>{head}" for head in heads) + "</tr>"
        for one in unmet:
            cells = (one.suite, one.month, one.column)
            shown = escape(", ".join(one.examples))
            yield "<tr>" + "".join(f"<td>{escape(cell)}" for cell in cells)
            yield f'<td class="n">{one.unexpected_count}<td>{shown}<td>{escape(one.severity.replace("_", " "))}</tr>'
        yield "</table>"
    yield "<table><caption>By suite</caption><tr><th>suite<th>expectations<th>met</tr>"
    for suite in dict.fromkeys(one.suite for one in judged):
        held = [one for one in judged if one.suite == suite]
        met = sum(one.success for one in held)
        mark = "ok" if met == len(held) else "bad"
        yield f'<tr><td>{escape(suite)}<td class="n">{len(held)}<td class="n {mark}">{met}</tr>'
    yield "</table></body></html>"
