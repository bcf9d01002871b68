"""How text becomes the terms of the index, and a query the same terms."""

from __future__ import annotations

from functools import cache

import polars as pl
import tantivy

ENGLISH = "english"
"""Words in lower case without accents, reduced to their stem."""
PLAIN = "plain"
"""Words in lower case without accents: for names, and to find words that were misspelt."""
_LONGEST_WORD = 80
# Spellings that have different stems: -our, -ise and -yse of British English become those of American English.
_BRITISH = (
    (r"(?i)\b(\w{3,}?)is(e[ds]?|ing|ers?|ations?|able)\b", "${1}iz${2}"),
    (r"(?i)\b(\w{2,}?)ys(e[ds]?|ing|ers?)\b", "${1}yz${2}"),
    (r"(?i)\b(behavi|col|fav|lab|neighb|hon|hum|flav|vap|rum|harb)our", "${1}or"),
    (r"(?i)\b(mod|lab|trav|canc|chann|sign|quarr)(e?l)l(ed|ing|ers?|ings)\b", "${1}${2}${3}"),
)


@cache
def analyzers() -> dict[str, tantivy.TextAnalyzer]:
    """The analyzers by name."""

    def words() -> tantivy.TextAnalyzerBuilder:
        builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        for step in (
            tantivy.Filter.remove_long(_LONGEST_WORD),
            tantivy.Filter.lowercase(),
            tantivy.Filter.ascii_fold(),
        ):
            builder = builder.filter(step)
        return builder

    return {ENGLISH: words().filter(tantivy.Filter.stemmer("english")).build(), PLAIN: words().build()}


def american_spelling(text: pl.Expr) -> pl.Expr:
    """Texts with frequent British spellings as Americans write them."""
    for pattern, replacement in _BRITISH:
        text = text.str.replace_all(pattern, replacement)
    return text


def american(text: str) -> str:
    """`american_spelling` of one text."""
    return str(pl.select(american_spelling(pl.lit(text))).item())


def stems(text: str) -> list[str]:
    """The terms of a text in American spelling, in a field that is analyzed as ENGLISH."""
    return list(analyzers()[ENGLISH].analyze(text))


def plain_words(text: str) -> list[str]:
    """The terms of a text in a field that is analyzed as PLAIN."""
    return list(analyzers()[PLAIN].analyze(text))
