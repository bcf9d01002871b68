"""Trees of records to columns: all records of many pages at once, with the raw text of each of their elements.

Each page is walked once, in document order, into two parallel lists. The record and the author of an element then
follow from the number of records and authors before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from lxml import etree

from transforms.arxiv.authors import PARTS, ParsedAuthors, parse_authors
from transforms.arxiv.oai_page import ARXIV, NAMESPACES, OAI

ELEMENTS = (
    *("identifier", "datestamp", "id", "created", "updated", "title", "categories", "comments", "report-no"),
    *("journal-ref", "doi", "msc-class", "acm-class", "license", "abstract"),
)
"""Elements that occur once in a record, other than its authors."""
_METADATA_ELEMENTS = ELEMENTS[2:]
_CONTAINERS = ("record", "author")
_IN_HEADER = ("record", "identifier", "datestamp")
_NAMES = (*_CONTAINERS, "affiliation", "deleted", *ELEMENTS, *PARTS)
_OWN_NAMESPACE = "{urn:x-paperlake}"
_SPACES = {"deleted": _OWN_NAMESPACE} | dict.fromkeys(_IN_HEADER, OAI)
_CODES = {f"{_SPACES.get(name, ARXIV)}{name}": code for code, name in enumerate(_NAMES)}
_FIRST_VALUE = len(_CONTAINERS)
_DELETED = f"{_OWN_NAMESPACE}deleted"
"""Element added to a tree before its walk, after the identifier of each record with the status deleted."""
_BY_RECORD: Final[dict[str, Any]] = {"on": "record", "how": "left", "maintain_order": "left"}
_DELETED_IDENTIFIERS = etree.XPath("/*/*/o:record/o:header[@status='deleted']/o:identifier", namespaces=NAMESPACES)


@dataclass(frozen=True, slots=True)
class Records:
    """The records of the walked pages.

    `rows` has one row for each record: page_no, position (from 1 in its page), `record` (its number), is_deleted,
    has_metadata, the raw text of each of `ELEMENTS`, and the parsed `authors`. `repeated` (record, field) lists
    elements that occur more than once, `unnamed_authors` (record, place) authors without a readable name.
    """

    rows: pl.DataFrame
    repeated: pl.DataFrame
    unnamed_authors: pl.DataFrame


class ElementColumns:
    """The elements of the pages walked so far: the page, name and text of each."""

    def __init__(self) -> None:
        """Start without pages."""
        self._page_nos: list[pl.Series] = []
        self._codes = bytearray()
        self._texts: list[pl.Series] = []

    def add(self, page_no: int, tree: Any) -> None:
        """Walk the tree of a page."""
        for identifier in _DELETED_IDENTIFIERS(tree):
            identifier.addnext(etree.Element(_DELETED))
        texts: list[str | None] = []
        first = len(self._codes)
        # Two lists instead of pairs: the garbage collector would spend a third of the time on millions of pairs.
        add_code, add_text, code_of = self._codes.append, texts.append, _CODES.__getitem__
        for element in tree.iter(*_CODES):
            code = code_of(element.tag)
            add_code(code)
            # An element's `text` ends at its first child element, so values with markup need itertext.
            is_plain = code < _FIRST_VALUE or not len(element)
            add_text(element.text if is_plain else "".join(element.itertext()))
        self._texts.append(pl.Series(texts, dtype=pl.String))
        self._page_nos.append(pl.repeat(page_no, len(self._codes) - first, dtype=pl.UInt32, eager=True))

    def records(self) -> Records:
        """All records of the pages, in document order."""
        elements = pl.DataFrame(
            {"page_no": _concat(self._page_nos, pl.UInt32), "text": _concat(self._texts, pl.String)}
        )
        code = pl.col("code")
        counted = elements.with_columns(code=pl.Series(list(self._codes), dtype=pl.UInt8)).with_columns(
            record=(code == _NAMES.index("record")).cum_sum(), author=(code == _NAMES.index("author")).cum_sum()
        )
        parts = counted.partition_by("code", as_dict=True, include_key=False)
        empty = counted.clear().drop("code")
        by_name = {name: parts.get((number,), empty) for number, name in enumerate(_NAMES)}
        authors = _authors(by_name)
        first = pl.col("record").min().over("page_no")
        rows = by_name["record"].select("page_no", "record", position=(pl.col("record") - first + 1).cast(pl.Int32))
        for name in ELEMENTS:
            rows = rows.join(_text_of_each(by_name[name], name), **_BY_RECORD)
        return Records(
            rows.join(authors.by_record, **_BY_RECORD).with_columns(
                is_deleted=pl.col("record").is_in(by_name["deleted"]["record"].implode()),
                has_metadata=pl.any_horizontal(pl.col("authors", *_METADATA_ELEMENTS).is_not_null()),
            ),
            repeated=pl.concat(_repeated(by_name[name], name) for name in ELEMENTS),
            unnamed_authors=authors.unnamed,
        )


def _concat(parts: list[pl.Series], dtype: type[pl.DataType]) -> pl.Series:
    return pl.concat([pl.Series([], dtype=dtype), *parts])


def _text_of_each(elements: pl.DataFrame, name: str) -> pl.DataFrame:
    """The text of an element by record: of several in one record the first, but all of several DOIs."""
    texts = elements.select("record", pl.col("text").alias(name))
    if not _is_repeated(texts):
        return texts
    if name == "doi":
        return texts.group_by("record", maintain_order=True).agg(pl.col(name).str.join(" "))
    return texts.unique("record", keep="first", maintain_order=True)


def _repeated(elements: pl.DataFrame, name: str) -> pl.DataFrame:
    """The records that contain an element more than once."""
    records = elements.select("record", field=pl.lit(name))
    is_repeated = name != "doi" and _is_repeated(elements)
    return records.filter(~pl.col("record").is_first_distinct()).unique() if is_repeated else records.clear()


def _is_repeated(elements: pl.DataFrame) -> bool:
    """Whether any record contains more than one of `elements`, which must be sorted by record."""
    return bool((elements["record"].diff() == 0).any())


def _authors(by_name: dict[str, pl.DataFrame]) -> ParsedAuthors:
    people = by_name["author"].select("record", "author")
    for name in PARTS:
        part = by_name[name].select("author", pl.col("text").alias(name)).unique("author", keep="first")
        people = people.join(part, on="author", how="left", maintain_order="left")
    return parse_authors(people, by_name["affiliation"].select("author", "text"))
