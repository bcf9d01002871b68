"""Parse one answer of arXiv's OAI-PMH server safely, and classify it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any, Literal

import polars as pl
from lxml import etree

from schemas.arxiv_rejects import PAGE_FAULTS
from transforms.arxiv.damaged_records import empty_damaged_records
from transforms.arxiv.values import paper_id_of_oai, parse_date

Kind = Literal["records", "identifiers", "record", "about", "error", "fault"]

OAI = "{http://www.openarchives.org/OAI/2.0/}"
ARXIV = "{http://arxiv.org/OAI/arXiv/}"
MAX_PAGE_BYTES = 50_000_000
"""Ten times larger than any page so far."""

_KINDS: dict[str, Kind] = {
    f"{OAI}ListRecords": "records",
    f"{OAI}ListIdentifiers": "identifiers",
    f"{OAI}GetRecord": "record",
    f"{OAI}Identify": "about",
    f"{OAI}ListSets": "about",
    f"{OAI}ListMetadataFormats": "about",
    f"{OAI}error": "error",
}
_TRANSIENT_FAULTS = ("empty", "html", "not_xml", "truncated")
"""Faults that may not occur again if the request is retried."""
_RECORD_FAULTS = ("not_utf8", "control_characters")
"""Faults that one record may cause for its whole page."""
_TRANSIENT_STATUSES = (
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
NAMESPACES = {"o": OAI.strip("{}"), "a": ARXIV.strip("{}")}
_OTHER_FORMATS = etree.XPath("/*/*/o:record/o:metadata/*[not(self::a:arXiv)]", namespaces=NAMESPACES)
_RECORD_COUNT = etree.XPath("count(/*/*/o:record | /*/o:ListIdentifiers/o:header)", namespaces=NAMESPACES)


class _UnreadablePageError(Exception):
    """An answer that cannot be read. `fault` is one of `PAGE_FAULTS`."""

    def __init__(self, fault: str, details: str = "") -> None:
        super().__init__(f"{PAGE_FAULTS[fault]}: {details}" if details else PAGE_FAULTS[fault])
        self.fault = fault


@dataclass(frozen=True)
class OaiPage:
    """One answer.

    An unreadable answer has the `kind` `fault`, no `tree`, the reason (one of `PAGE_FAULTS`) in `fault`, and its text
    in `message`. An answer with damaged records has these too, and a `tree` without the contents of those records. A
    valid answer of kind `error` has the server's `error_code` and `message`. `resumption_token` is None where the
    answer has none, and "" on the last page of several. `record_count` is the number of records, or of headers for the
    verb ListIdentifiers.
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
    is_retryable: bool = False
    tree: Any = None

    @cached_property
    def headers(self) -> pl.DataFrame:
        """The headers with an arXiv identifier: paper_id, datestamp (null where it is no valid date), is_deleted."""
        rows = [
            (header.findtext(f"{OAI}identifier"), header.findtext(f"{OAI}datestamp"), header.get("status"))
            for header in ([] if self.tree is None else self.tree.iter(f"{OAI}header"))
        ]
        raw = pl.DataFrame(rows, schema=dict.fromkeys(("identifier", "day", "status"), pl.String), orient="row")
        return raw.select(
            paper_id=paper_id_of_oai(pl.col("identifier")),
            datestamp=parse_date(pl.col("day")),
            is_deleted=(pl.col("status") == "deleted").fill_null(value=False),
        ).drop_nulls("paper_id")


def parse_page(body: bytes, status_code: int | None) -> OaiPage:
    """Parse an answer. The `status_code` of an imported answer is None, and means 200."""
    try:
        root = _parse_xml(body, status_code)
        return _read_root(root)
    except _UnreadablePageError as error:
        if error.fault in _RECORD_FAULTS and (page := _parse_without_damaged_records(body, error.fault)):
            return page
        is_transient = error.fault in _TRANSIENT_FAULTS or (
            error.fault == "http_status" and status_code in _TRANSIENT_STATUSES
        )
        return OaiPage("fault", fault=error.fault, message=str(error), is_retryable=is_transient)


def _parse_without_damaged_records(body: bytes, fault: str) -> OaiPage | None:
    """The answer with its damaged records reduced to their headers; None if that does not help."""
    reduced, count = empty_damaged_records(body)
    if not count:
        return None
    try:
        page = _read_root(_parse_xml(reduced, None))
    except _UnreadablePageError:
        return None
    lost = "1 record is reduced to its header" if count == 1 else f"{count} records are reduced to their headers"
    return replace(page, fault=fault, message=f"{PAGE_FAULTS[fault]}: {lost}")


def _parse_xml(body: bytes, status_code: int | None) -> Any:
    """The root of the answer's tree. A document type is refused before its entities can be expanded."""
    if status_code not in (None, HTTPStatus.OK):
        raise _UnreadablePageError("http_status", f"it is {status_code}")
    if len(body) > MAX_PAGE_BYTES:
        raise _UnreadablePageError("too_large", f"it has {len(body):,} bytes")
    text = body.lstrip()
    if not text:
        raise _UnreadablePageError("empty")
    prolog = _PROLOG.match(text)
    start = prolog.end() if prolog else 0
    if _HTML.match(text, start):
        raise _UnreadablePageError("html")
    if text.startswith(b"<!DOCTYPE", start):
        raise _UnreadablePageError("entities", "it begins with a document type")
    try:
        return etree.fromstring(text, _parser())
    except etree.XMLSyntaxError as error:
        is_cut = b"OAI-PMH" in text[:2000] and not _END.search(text[-2000:])
        fault = "truncated" if is_cut else _ERROR_FAULTS.get(error.code, "not_xml")
        raise _UnreadablePageError(fault, " ".join(str(error.msg).split())) from error


def _parser() -> Any:
    """A parser for UTF-8 without network access. Comments are removed, because they would split a text in two."""
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


def _read_root(root: Any) -> OaiPage:
    kinds = [_KINDS[child.tag] for child in root if child.tag in _KINDS]
    if root.tag != f"{OAI}OAI-PMH":
        raise _UnreadablePageError("not_oai", f"its root is {etree.QName(root).localname}")
    if len(set(kinds)) != 1:
        raise _UnreadablePageError("not_oai", f"it answers {len(set(kinds))} questions")
    (kind,) = set(kinds)
    response_date = _timestamp(root.findtext(f"{OAI}responseDate"))
    if kind == "error":
        return _error(root, response_date)
    others = _OTHER_FORMATS(root)
    if others:
        raise _UnreadablePageError("other_format", f"one is {etree.QName(others[0]).localname}")
    token = root.find(f"*/{OAI}resumptionToken")
    attributes = token if token is not None else {}
    return OaiPage(
        kind,
        record_count=int(_RECORD_COUNT(root)),
        resumption_token=None if token is None else (token.text or "").strip(),
        expires_at=_timestamp(attributes.get("expirationDate")),
        cursor=_count(attributes.get("cursor")),
        complete_list_size=_count(attributes.get("completeListSize")),
        response_date=response_date,
        tree=root,
    )


def _error(root: Any, response_date: datetime | None) -> OaiPage:
    """An error answer. Of several errors, the first gives the code; the message contains all of them."""
    errors = root.findall(f"{OAI}error")
    texts = ("".join(error.itertext()) for error in errors)
    return OaiPage(
        "error",
        response_date=response_date,
        error_code=errors[0].get("code", ""),
        message="; ".join(" ".join(text.split()) for text in texts),
    )


def _timestamp(text: str | None) -> datetime | None:
    """Parse a timestamp of OAI-PMH (2026-11-24T00:00:00Z); None where it is invalid."""
    try:
        timestamp = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return timestamp.astimezone(UTC) if timestamp.tzinfo else None


def _count(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else None
