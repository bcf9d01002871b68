"""Detect withdrawn papers from their comments and abstract. arXiv has no flag for withdrawal."""

from __future__ import annotations

import polars as pl

_PAPER = (
    r"(?:papers?i?|articles?|submissions?|manuscripts?|documents?|drafts?|pre-?prints?|e-?prints?|works?|versions?"
    r"|reports?|notes?)"
)
_WITHDRAWN = r"withdr(?:aw|awn|awed|wan)\b"
_HERE = r"(?i)\bfrom (?:the )?(?:arxiv(?:\.org)?|archive|(?:this )?(?:web ?)?site|this server)\b"
"""A paper withdrawn from arXiv is withdrawn; one withdrawn from a conference or a journal is not."""
_ELSEWHERE = (
    r"(?i)\bwithdr[a-z]+ (?:it |(?:the|this|our) \w+ )?(?:from|after)\b"
    r"|\b(?:but|and) (?:it )?(?:was |has been |is )?withdrawn\b"
    r"|\b(?:a|an|of the|of our|of my|replac\w+|supersed\w+|revis\w+|earlier|previously|originally)"
    rf"(?: {_PAPER})? withdrawn\b"
    r"|\boriginal submission [^;]*?withdrawn\b"
)
"""Phrases where another paper is withdrawn, or this one is withdrawn from elsewhere."""
_IS_WITHDRAWN = rf"(?:is|was|are|were|has|have|had|been|be|beenbeen)\b[^.;]{{0,30}}?\b{_WITHDRAWN}"
_IN_COMMENTS = (
    rf"(?i)\b(?:{_PAPER}|it|this|all)\b[^.;]{{0,70}}?\b{_IS_WITHDRAWN}"
    rf"|\b{_PAPER} (?:temporarily )?withdrawn\b"
    r"|\A\W*(?:(?:arxiv )?admin note\W+)?(?:\w+ly )?withdraw(?:n|ing)?\b"
    r"|\brequest(?:s|ed)? (?:a |the )?withdrawal\b"
    r"|\b(?:I|we|authors?)\b[^.;]{0,70}?\bwithdraw(?:n|ing)?\b"
    r"|(?-i:[^\w] ?Withdrawn\b)|[.,;:!?)\d] withdrawn\b"
)
_IN_ABSTRACT = (
    rf"(?i)\A\W*(?:(?:arxiv )?admin note\W+)?(?:(?:this|the|our) )?(?:\w+ )?(?:{_PAPER} )?(?:temporarily )?withdrawn\b"
    rf"|\A\W*(?:(?:this|the|our) )?(?:\w+ ){{0,2}}{_PAPER} (?:{_IS_WITHDRAWN})"
    rf"|\b(?:this|the present)(?: \w+)? {_PAPER}(?: of (?:the|this) {_PAPER})?"
    r" (?:is|was|has been|had been|have been) (?:\w+ )?withdrawn\b"
    rf"|\b(?:update|note)\W+(?:\w+ )?{_PAPER} (?:is |was |has been )?withdrawn\b"
    rf"|\b(?:I|we|authors?)\b[^.;]{{0,50}}?\bwithdraw (?:this|the|our) (?:\w+ )?{_PAPER}\b"
)


def withdrawn_by(comments: pl.Series, abstracts: pl.Series) -> pl.Series:
    """`comments` or `abstract`, whichever states the withdrawal; null where neither does."""
    matches = pl.DataFrame(
        {"comments": _matches(comments, _IN_COMMENTS), "abstract": _matches(abstracts, _IN_ABSTRACT)}
    )
    return matches.select(
        withdrawn_by=pl.when("comments").then(pl.lit("comments")).when("abstract").then(pl.lit("abstract"))
    ).to_series()


def _matches(texts: pl.Series, pattern: str) -> pl.Series:
    """Whether each text states a withdrawal. Only the few texts with the word are matched against `pattern`."""
    has_word = texts.str.contains_any(["withdr", "Withdr", "WITHDR"]).fill_null(value=False)
    if not has_word.any():
        return has_word
    rest = texts.filter(has_word).str.replace_all(_HERE, "").str.replace_all(_ELSEWHERE, " ")
    return has_word.clone().scatter(has_word.arg_true(), rest.str.contains(pattern))
