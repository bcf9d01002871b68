"""One answer of arXiv's OAI-PMH server: parsed without danger, and told what it is or what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any, Literal

import polars as pl
from lxml import etree

from schemas.arxiv_rejects import PAGE_FAULTS
from transforms.arxiv.values import date_told, identified

Kind = Literal["records", "identifiers", "record", "about", "error", "fault"]

OAI = "{http://www.openarchives.org/OAI/2.0/}"
ARXIV = "{http://arxiv.org/OAI/arXiv/}"
MOST_BYTES = 50_000_000
"""No page was ever a tenth of this."""

_KINDS: dict[str, Kind] = {
    f"{OAI}ListRecords": "records",
    f"{OAI}ListIdentifiers": "identifiers",
    f"{OAI}GetRecord": "record",
    f"{OAI}Identify": "about",
    f"{OAI}ListSets": "about",
    f"{OAI}ListMetadataFormats": "about",
    f"{OAI}error": "error",
}
_MAY_PASS = ("empty", "html", "not_xml", "truncated")
"""Faults of an answer that another one to the same question need not have."""
_PASSING_STATUSES = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
_PROLOG = re.compile(rb"(?:\xef\xbb\xbf)?(?:<\?.*?\?>|<!--.*?-->|\s++)*+", re.DOTALL)
_HTML = re.compile(rb"<(?:!doctype\s+)?html\b", re.IGNORECASE)
_END = re.compile(rb"</(?:[\w.-]+:)?OAI-PMH\s*>")
_ERROR_FAULTS = {
    etree.ErrorTypes.ERR_INVALID_CHAR: "control_characters",
    etree.ErrorTypes.ERR_INVALID_ENCODING: "not_utf8",
    etree.ErrorTypes.ERR_UNDECLARED_ENTITY: "entities",
    etree.ErrorTypes.ERR_NAME_TOO_LONG: "too_large",
    114: "too_large",  # libxml2's resource limit, for which lxml has no name
}
SPACES = {"o": OAI.strip("{}"), "a": ARXIV.strip("{}")}
_OTHER_FORMATS = etree.XPath("/*/*/o:record/o:metadata/*[not(self::a:arXiv)]", namespaces=SPACES)
_UNITS = etree.XPath("count(/*/*/o:record | /*/o:ListIdentifiers/o:header)", namespaces=SPACES)


class _Refused(Exception):
    """An answer that nothing is read from."""

    def __init__(self, fault: str, found: str) -> None:
        super().__init__(found)
        self.fault = fault


@dataclass(frozen=True)
class Page:
    """One answer.

    `kind` is `fault` where it cannot be read: then `fault` names why (of `PAGE_FAULTS`) and `message` says it; of an
    `error`, which is a valid answer, `error_code` and `message` are the server's. `resumption_token` is None where none
    stands, and "" on the last page of several. `record_count` counts records, or headers where only those were asked
    for. `tree` is None where there is a fault.
    """

    kind: Kind
    record_count: int = 0
    resumption_token: str | None = None
    expires_at: datetime | None = None
    cursor: int | None = None
    complete_list_size: int | None = None
    response_date: datetime | None = None
    error_code: str | None = None
    message: str | None = None
    fault: str | None = None
    can_asking_again_help: bool = False
    tree: Any = None

    @cached_property
    def headers(self) -> pl.DataFrame:
        """What each header with an id tells: paper_id, datestamp (null where it is no date), is_deleted."""
        told = [
            (header.findtext(f"{OAI}identifier"), header.findtext(f"{OAI}datestamp"), header.get("status"))
            for header in ([] if self.tree is None else self.tree.iter(f"{OAI}header"))
        ]
        found = pl.DataFrame(told, schema=dict.fromkeys(("identifier", "day", "status"), pl.String), orient="row")
        return found.select(
            paper_id=identified(pl.col("identifier")),
            datestamp=date_told(pl.col("day")),
            is_deleted=(pl.col("status") == "deleted").fill_null(value=False),
        ).drop_nulls("paper_id")


def page(body: bytes, status_code: int | None) -> Page:
    """What the answer `body` is. `status_code` None is that of an imported answer, which is taken for a 200."""
    try:
        root = _parsed(body, status_code)
        return _told(root)
    except _Refused as refused:
        passes = refused.fault in _MAY_PASS or (refused.fault == "http_status" and status_code in _PASSING_STATUSES)
        return Page("fault", fault=refused.fault, message=str(refused), can_asking_again_help=passes)


def _parsed(body: bytes, status_code: int | None) -> Any:
    """The root of the answer's tree. A document type is refused before anything in it can be expanded."""
    if status_code not in (None, HTTPStatus.OK):
        raise _refused("http_status", f"it is {status_code}")
    if len(body) > MOST_BYTES:
        raise _refused("too_large", f"it has {len(body):,} bytes")
    text = body.lstrip()
    if not text:
        raise _refused("empty")
    prolog = _PROLOG.match(text)
    begins = prolog.end() if prolog else 0
    if _HTML.match(text, begins):
        raise _refused("html")
    if text.startswith(b"<!DOCTYPE", begins):
        raise _refused("entities", "it begins with a document type")
    try:
        return etree.fromstring(text, _parser())
    except etree.XMLSyntaxError as error:
        is_cut = b"OAI-PMH" in text[:2000] and not _END.search(text[-2000:])
        fault = "truncated" if is_cut else _ERROR_FAULTS.get(error.code, "not_xml")
        raise _refused(fault, " ".join(str(error.msg).split())) from error


def _parser() -> Any:
    """A parser that reads UTF-8 alone and asks nobody. Comments go, so that they do not cut a text in two."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=False,
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
    )


def _told(root: Any) -> Page:
    kinds = [_KINDS[child.tag] for child in root if child.tag in _KINDS]
    if root.tag != f"{OAI}OAI-PMH":
        raise _refused("not_oai", f"its root is {etree.QName(root).localname}")
    if len(set(kinds)) != 1:
        raise _refused("not_oai", f"it answers {len(set(kinds))} questions")
    (kind,) = set(kinds)
    response_date = _instant(root.findtext(f"{OAI}responseDate"))
    if kind == "error":
        return _error(root, response_date)
    others = _OTHER_FORMATS(root)
    if others:
        raise _refused("other_format", f"one is {etree.QName(others[0]).localname}")
    token = root.find(f"*/{OAI}resumptionToken")
    held = token if token is not None else {}
    return Page(
        kind,
        record_count=int(_UNITS(root)),
        resumption_token=None if token is None else (token.text or "").strip(),
        expires_at=_instant(held.get("expirationDate")),
        cursor=_count(held.get("cursor")),
        complete_list_size=_count(held.get("completeListSize")),
        response_date=response_date,
        tree=root,
    )


def _error(root: Any, response_date: datetime | None) -> Page:
    """An answer may hold several errors; the first decides, and the others are told with it."""
    errors = root.findall(f"{OAI}error")
    said = ("".join(error.itertext()) for error in errors)
    return Page(
        "error",
        response_date=response_date,
        error_code=errors[0].get("code", ""),
        message="; ".join(" ".join(text.split()) for text in said),
    )


def _refused(fault: str, found: str = "") -> _Refused:
    return _Refused(fault, f"{PAGE_FAULTS[fault]}: {found}" if found else PAGE_FAULTS[fault])


def _instant(text: str | None) -> datetime | None:
    """An instant as OAI-PMH writes it (2026-11-24T00:00:00Z); None where it is none."""
    try:
        told = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return told.astimezone(UTC) if told.tzinfo else None


def _count(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else None
