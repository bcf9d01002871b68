"""From what a person typed to a query of the index.

A paper scores for each word of the query, more in the title, and most where the words stand together. A word that no
paper has is taken for misspelt. Text in double quotes must be there as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import tantivy

from paperlake.errors import PaperlakeError
from paperlake.paper_id import InvalidPaperId, parse_paper_id
from paperlake.retrieval.analysis import american, plain_words, stems
from paperlake.retrieval.spelling import nearest_word
from paperlake.retrieval.word_index import day_number

Sort = Literal["relevance", "votes", "date"]
_TITLE_BOOST = 0.25
_PHRASE_BOOST = 2.0
_PHRASE_WORDS = range(2, 7)
_PHRASE_SLOP = 1
_NAME_BOOST = 1.0
_NAME_WORDS = range(2, 5)
_NAME_FIELDS = ("authors", "organization")
_MAX_WORDS = 64
_QUOTED = re.compile(r'"([^"]+)"')


class NothingAsked(PaperlakeError):
    """A query has neither words nor filters."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to search for. Dates are inclusive; they are those of a paper's first list, or of its publication."""

    text: str = ""
    since: date | None = None
    until: date | None = None
    organization: str | None = None
    author: str | None = None
    topic: str | None = None
    category: str | None = None
    min_votes: int | None = None
    sort: Sort = "relevance"

    @property
    def phrases(self) -> list[str]:
        """The quoted parts of the text."""
        return [phrase for phrase in _QUOTED.findall(self.text) if phrase.strip()]

    @property
    def paper_id(self) -> str | None:
        """The identifier, if the text is one."""
        try:
            return parse_paper_id(self.text)
        except InvalidPaperId:
            return None


@dataclass(frozen=True, slots=True)
class BuiltQuery:
    """A query of the index. `terms` are the stems that it looks for, `corrected` the words read for misspelt ones."""

    query: tantivy.Query
    terms: frozenset[str]
    corrected: Mapping[str, str]


def build_query(query: SearchQuery, index: tantivy.Index) -> BuiltQuery:
    """The query of the index. Raises NothingAsked."""
    schema, searcher = index.schema, index.searcher()
    must = [tantivy.Query.const_score_query(each, 0.0) for each in _filters(query, schema)]
    terms: frozenset[str] = frozenset()
    corrected: dict[str, str] = {}
    if query.paper_id:
        must.append(tantivy.Query.term_query(schema, "paper_id", query.paper_id))
    elif query.text.strip():
        free_text = american(_QUOTED.sub(" ", query.text))
        words, corrected = _correct(plain_words(free_text)[:_MAX_WORDS], searcher)
        phrases = [stems(american(phrase)) for phrase in query.phrases]
        # Where the order is not by relevance, a paper with only some of the words would stand as high as one with all.
        must.append(_text_query(words, phrases, schema, searcher, needs_all=query.sort != "relevance"))
        terms = frozenset((*stems(" ".join(words)), *(term for phrase in phrases for term in phrase)))
    if not must:
        raise NothingAsked("nothing to search for: give words or a filter, such as an author or an organization")
    return BuiltQuery(tantivy.Query.boolean_query([(tantivy.Occur.Must, each) for each in must]), terms, corrected)


def _correct(words: Sequence[str], searcher: tantivy.Searcher) -> tuple[list[str], dict[str, str]]:
    """The words, with those that no paper has replaced by the nearest ones; and which were replaced by which."""
    nearest = {word: nearest_word(word, searcher) for word in words if not _is_known(word, searcher)}
    corrected = {word: known for word, known in nearest.items() if known}
    return [corrected.get(word, word) for word in words], corrected


def _is_known(word: str, searcher: tantivy.Searcher) -> bool:
    return any(searcher.doc_freq("text", term) for term in stems(word)) or any(
        searcher.doc_freq(field, word) for field in _NAME_FIELDS
    )


def _text_query(
    words: Sequence[str],
    phrases: Sequence[Sequence[str]],
    schema: tantivy.Schema,
    searcher: tantivy.Searcher,
    *,
    needs_all: bool,
) -> tantivy.Query:
    clauses = [(tantivy.Occur.Must, _phrase(schema, "text", phrase, slop=0)) for phrase in phrases if phrase]
    each_word = tantivy.Occur.Must if needs_all else tantivy.Occur.Should
    clauses += [(each_word, _word_query(word, schema, searcher)) for word in words]
    if len(terms := stems(" ".join(words))) in _PHRASE_WORDS:
        together = _phrase(schema, "text", terms, _PHRASE_SLOP)
        clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(together, _PHRASE_BOOST)))
    if len(words) in _NAME_WORDS:
        name = _phrase(schema, "authors", words, slop=0)
        clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(name, _NAME_BOOST)))
    return tantivy.Query.boolean_query(clauses) if clauses else tantivy.Query.empty_query()


def _word_query(word: str, schema: tantivy.Schema, searcher: tantivy.Searcher) -> tantivy.Query:
    """One word anywhere in a paper; the text counts most."""
    terms = stems(word) or [word]
    named = [tantivy.Query.term_query(schema, field, word) for field in _NAME_FIELDS if searcher.doc_freq(field, word)]
    if named and not searcher.doc_freq("text", terms[0]):
        return _any_of(named)
    in_text = tantivy.Query.term_query(schema, "text", terms[0])
    in_title = tantivy.Query.boost_query(tantivy.Query.term_query(schema, "title", terms[0]), _TITLE_BOOST)
    return _any_of([in_text, in_title, *(tantivy.Query.boost_query(each, _TITLE_BOOST) for each in named)])


def _filters(query: SearchQuery, schema: tantivy.Schema) -> list[tantivy.Query]:
    filters = []
    if query.since or query.until:
        ends = (day_number(query.since), day_number(query.until))
        filters.append(tantivy.Query.range_query(schema, "day", tantivy.FieldType.Integer, *ends))
    if query.min_votes is not None:
        filters.append(tantivy.Query.range_query(schema, "votes", tantivy.FieldType.Integer, query.min_votes))
    if query.organization:
        slug = tantivy.Query.term_query(schema, "slug", query.organization.strip().lower())
        filters.append(_any_of([slug, _name(schema, "organization", query.organization)]))
    if query.author:
        filters.append(_name(schema, "authors", _forename_first(query.author)))
    if query.topic:
        filters.append(_phrase(schema, "topics", stems(american(query.topic)), slop=0))
    if query.category:
        filters.append(_category(schema, query.category.strip()))
    return filters


def _category(schema: tantivy.Schema, category: str) -> tantivy.Query:
    """A category such as cs.LG, or all of an archive such as cs or cond-mat."""
    if "." in category:
        return tantivy.Query.term_query(schema, "categories", category)
    of_archive = tantivy.Query.regex_query(schema, "categories", rf"{re.escape(category)}\..*")
    return _any_of([tantivy.Query.term_query(schema, "categories", category), of_archive])


def _name(schema: tantivy.Schema, field: str, name: str) -> tantivy.Query:
    """A name, whose initials stand for any forename: "Y. LeCun" finds "Yann LeCun"."""
    words = plain_words(name)
    if not words:
        return tantivy.Query.empty_query()
    patterns = [f"{word}.*" if len(word) == 1 else word for word in words]
    if len(patterns) == 1:
        return tantivy.Query.regex_query(schema, field, patterns[0])
    if patterns == words:
        return tantivy.Query.phrase_query(schema, field, [*words])
    return tantivy.Query.regex_phrase_query(schema, field, [*patterns])


def _forename_first(name: str) -> str:
    keyname, comma, forenames = name.partition(",")
    return f"{forenames} {keyname}" if comma else name


def _phrase(schema: tantivy.Schema, field: str, terms: Sequence[str], slop: int) -> tantivy.Query:
    if not terms:
        return tantivy.Query.empty_query()
    if len(terms) == 1:
        return tantivy.Query.term_query(schema, field, terms[0])
    return tantivy.Query.phrase_query(schema, field, list(terms), slop)


def _any_of(queries: Sequence[tantivy.Query]) -> tantivy.Query:
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])
