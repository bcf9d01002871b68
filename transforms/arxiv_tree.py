"""Trees of records to columns: all records of many pages at once, with the raw text of each of their elements.

A page is walked once, in the order of the document, into two parallel lists; which record and which author an element
belongs to is then a matter of counting those that have begun before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from lxml import etree

from transforms.arxiv_authors import Authors, authors
from transforms.arxiv_page import ARXIV, OAI

ELEMENTS = (
    *("identifier", "datestamp", "id", "created", "updated", "title", "categories", "comments", "report-no"),
    *("journal-ref", "doi", "msc-class", "acm-class", "license", "abstract"),
)
"""What a record holds once, beside its authors."""
_PARTS = ("keyname", "forenames", "suffix")
_IN_HEADER = ("record", "header", "identifier", "datestamp")
_NAMES = ("record", "header", "arXiv", "authors", "author", "affiliation", *ELEMENTS, *_PARTS)
_CODES = {f"{OAI if name in _IN_HEADER else ARXIV}{name}": code for code, name in enumerate(_NAMES)}
_AT_RECORD: Final[dict[str, Any]] = {"on": "record", "how": "left", "maintain_order": "left"}
_SPACES = {"o": OAI.strip("{}"), "a": ARXIV.strip("{}")}
_DELETED = etree.XPath("//o:header[@status='deleted']", namespaces=_SPACES)
_WITH_MARKUP = etree.XPath(
    "//a:arXiv/*[not(self::a:authors)][*] | //a:author/*[*] | //o:header/*[*]", namespaces=_SPACES
)


@dataclass(frozen=True, slots=True)
class Records:
    """What was read of the records.

    `rows` has a row for each record: page_no, position (from 1 in its page), `record` (its number), is_deleted,
    has_metadata, the raw text of each of `ELEMENTS`, and `authors`, read already. `repeated` (record, field) tells what
    stood there more than once, `nameless` (record, place) of whom no name can be read.
    """

    rows: pl.DataFrame
    repeated: pl.DataFrame
    nameless: pl.DataFrame


class Unrolled:
    """Pages walked so far: where each element of interest stands, which it is, and its text."""

    def __init__(self) -> None:
        """No pages."""
        self._page_nos: list[pl.Series] = []
        self._codes = bytearray()
        self._texts: list[pl.Series] = []

    def add(self, page_no: int, tree: Any) -> None:
        """Walk the tree of a page. It is changed by that: the text of marked-up values becomes plain."""
        for element in _WITH_MARKUP(tree):
            text = "".join(element.itertext())
            del element[:]
            element.text = text
        for header in _DELETED(tree):
            header.text = "deleted"
        texts: list[str | None] = []
        begun = len(self._codes)
        # A loop, not a comprehension of pairs: pairs by the million are a third of the time, for the garbage collector.
        see_code, see_text, code_of = self._codes.append, texts.append, _CODES.__getitem__
        for element in tree.iter(*_CODES):
            see_code(code_of(element.tag))
            see_text(element.text)
        self._texts.append(pl.Series(texts, dtype=pl.String))
        self._page_nos.append(pl.repeat(page_no, len(self._codes) - begun, dtype=pl.UInt32, eager=True))

    def records(self) -> Records:
        """Every record of the pages, in their order."""
        elements = pl.DataFrame(
            {"page_no": _joined(self._page_nos, pl.UInt32), "text": _joined(self._texts, pl.String)}
        )
        code = pl.col("code")
        counted = elements.with_columns(code=pl.Series(list(self._codes), dtype=pl.UInt8)).with_columns(
            record=(code == _NAMES.index("record")).cum_sum(), author=(code == _NAMES.index("author")).cum_sum()
        )
        parts = counted.partition_by("code", as_dict=True, include_key=False)
        none = counted.clear().drop("code")
        by_name = {name: parts.get((number,), none) for number, name in enumerate(_NAMES)}
        found = _authors(by_name)
        first = pl.col("record").min().over("page_no")
        rows = by_name["record"].select("page_no", "record", position=(pl.col("record") - first + 1).cast(pl.Int32))
        rows = rows.join(_flag(by_name["arXiv"], "has_metadata"), **_AT_RECORD)
        rows = rows.join(_flag(by_name["header"].filter(pl.col("text") == "deleted"), "is_deleted"), **_AT_RECORD)
        for name in ELEMENTS:
            rows = rows.join(_once(by_name[name], name), **_AT_RECORD)
        rows = rows.join(found.lists, **_AT_RECORD)
        return Records(
            rows.with_columns(pl.col("has_metadata", "is_deleted").fill_null(value=False)),
            repeated=pl.concat(_repeated(by_name[name], name) for name in ELEMENTS),
            nameless=found.nameless,
        )


def _joined(parts: list[pl.Series], dtype: type[pl.DataType]) -> pl.Series:
    return pl.concat([pl.Series([], dtype=dtype), *parts])


def _flag(elements: pl.DataFrame, name: str) -> pl.DataFrame:
    return elements.select("record", pl.lit(value=True).alias(name)).unique("record")


def _once(elements: pl.DataFrame, name: str) -> pl.DataFrame:
    """The text of an element by record. Of several that a record holds the first counts, but several DOIs all do."""
    texts = elements.select("record", pl.col("text").alias(name))
    if name == "doi" and texts["record"].is_duplicated().any():
        return texts.group_by("record", maintain_order=True).agg(pl.col(name).str.join(" "))
    return texts.unique("record", keep="first", maintain_order=True)


def _repeated(elements: pl.DataFrame, name: str) -> pl.DataFrame:
    """The records that hold an element more than once."""
    often = elements.filter(~pl.col("record").is_first_distinct() & pl.lit(name != "doi"))
    return often.select("record", field=pl.lit(name)).unique()


def _authors(by_name: dict[str, pl.DataFrame]) -> Authors:
    people = by_name["author"].select("record", "author")
    for name in _PARTS:
        part = by_name[name].select("author", pl.col("text").alias(name)).unique("author", keep="first")
        people = people.join(part, on="author", how="left", maintain_order="left")
    owners = by_name["authors"].select("record").unique(maintain_order=True)
    return authors(owners, people, by_name["affiliation"].select("author", "text"))
