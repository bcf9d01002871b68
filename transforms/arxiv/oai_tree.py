"""Trees of records to columns: all records of many pages at once, with the raw text of each of their elements.

A page is walked once, in the order of the document, into two parallel lists; which record and which author an element
belongs to is then a matter of counting those that have begun before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import polars as pl
from lxml import etree

from transforms.arxiv.authors import PARTS, Authors, authors
from transforms.arxiv.oai_page import ARXIV, OAI, SPACES

ELEMENTS = (
    *("identifier", "datestamp", "id", "created", "updated", "title", "categories", "comments", "report-no"),
    *("journal-ref", "doi", "msc-class", "acm-class", "license", "abstract"),
)
"""What a record holds once, beside its authors."""
_OF_PAPER = ELEMENTS[2:]
_CONTAINERS = ("record", "author")
_IN_HEADER = ("record", "identifier", "datestamp")
_NAMES = (*_CONTAINERS, "affiliation", "deleted", *ELEMENTS, *PARTS)
_OF_OURS = "{urn:x-paperlake}"
_SPACES = {"deleted": _OF_OURS} | dict.fromkeys(_IN_HEADER, OAI)
_CODES = {f"{_SPACES.get(name, ARXIV)}{name}": code for code, name in enumerate(_NAMES)}
_FIRST_VALUE = len(_CONTAINERS)
_DELETED = f"{_OF_OURS}deleted"
"""Stands in a tree, once it is about to be walked, beside the identifier of a record with that status."""
_AT_RECORD: Final[dict[str, Any]] = {"on": "record", "how": "left", "maintain_order": "left"}
_OF_THE_DELETED = etree.XPath("/*/*/o:record/o:header[@status='deleted']/o:identifier", namespaces=SPACES)


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
        """Walk the tree of a page."""
        for identifier in _OF_THE_DELETED(tree):
            identifier.addnext(etree.Element(_DELETED))
        texts: list[str | None] = []
        begun = len(self._codes)
        # A loop, not a comprehension of pairs: pairs by the million are a third of the time, for the garbage collector.
        see_code, see_text, code_of = self._codes.append, texts.append, _CODES.__getitem__
        for element in tree.iter(*_CODES):
            code = code_of(element.tag)
            see_code(code)
            # What stands in a value that is marked up would else be cut off where the first mark begins.
            is_plain = code < _FIRST_VALUE or not len(element)
            see_text(element.text if is_plain else "".join(element.itertext()))
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
        for name in ELEMENTS:
            rows = rows.join(_once(by_name[name], name), **_AT_RECORD)
        return Records(
            rows.join(found.lists, **_AT_RECORD).with_columns(
                is_deleted=pl.col("record").is_in(by_name["deleted"]["record"].implode()),
                has_metadata=pl.any_horizontal(pl.col("authors", *_OF_PAPER).is_not_null()),
            ),
            repeated=pl.concat(_repeated(by_name[name], name) for name in ELEMENTS),
            nameless=found.nameless,
        )


def _joined(parts: list[pl.Series], dtype: type[pl.DataType]) -> pl.Series:
    return pl.concat([pl.Series([], dtype=dtype), *parts])


def _once(elements: pl.DataFrame, name: str) -> pl.DataFrame:
    """The text of an element by record. Of several that a record holds the first counts, but several DOIs all do."""
    texts = elements.select("record", pl.col("text").alias(name))
    if not _is_repeated(texts):
        return texts
    if name == "doi":
        return texts.group_by("record", maintain_order=True).agg(pl.col(name).str.join(" "))
    return texts.unique("record", keep="first", maintain_order=True)


def _repeated(elements: pl.DataFrame, name: str) -> pl.DataFrame:
    """The records that hold an element more than once."""
    held = elements.select("record", field=pl.lit(name))
    is_repeated = name != "doi" and _is_repeated(elements)
    return held.filter(~pl.col("record").is_first_distinct()).unique() if is_repeated else held.clear()


def _is_repeated(elements: pl.DataFrame) -> bool:
    """Whether any record holds more than one of `elements`, which are in order."""
    return bool((elements["record"].diff() == 0).any())


def _authors(by_name: dict[str, pl.DataFrame]) -> Authors:
    people = by_name["author"].select("record", "author")
    for name in PARTS:
        part = by_name[name].select("author", pl.col("text").alias(name)).unique("author", keep="first")
        people = people.join(part, on="author", how="left", maintain_order="left")
    return authors(people, by_name["affiliation"].select("author", "text"))
