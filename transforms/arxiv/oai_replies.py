"""Rows from the answers of arXiv's OAI-PMH server: a pure function of the answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import polars as pl
from lxml import etree

from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_rejects import ARXIV_REJECTS
from schemas.source_days import ARXIV
from transforms.arxiv.oai_errors import (
    DATE_COLUMNS,
    REJECT_COLUMNS,
    excerpt,
    refusal_reason,
    refused_rows,
    repeated_elements,
    unnamed_authors,
    unreadable_values,
)
from transforms.arxiv.oai_page import OAI, OaiPage, parse_page
from transforms.arxiv.oai_tree import ElementColumns, Records
from transforms.arxiv.values import paper_columns, paper_id_of_oai, parse_date
from transforms.conform import conform
from transforms.paper_ids import filed_on

NAME = ARXIV
MAX_BATCH_PAGES = 25
MAX_BATCH_BYTES = 50_000_000
"""Limits of one batch of answers: parsing it takes about ten times its size in memory."""
MAX_PARSED_AHEAD = 4
"""Trees parsed ahead of the walk: each takes five times the size of its page."""
_REPLY = ["captured_at", "body_sha256"]
_PLACE = ["page_no", "position"]
_TIMESTAMP = pl.Datetime("us", "UTC")
_PAGE_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "page_no": pl.UInt32,
    "kind": pl.String,
    "record_count": pl.Int32,
    "resumption_token": pl.String,
    "expires_at": _TIMESTAMP,
    "cursor": pl.Int32,
    "complete_list_size": pl.Int32,
    "response_date": _TIMESTAMP,
    "error_code": pl.String,
    "error_message": pl.String,
    "fault": pl.String,
    "fault_message": pl.String,
}
_PAGE_COLUMNS = (
    "captured_at",
    "body_sha256",
    "verb",
    *(name for name in _PAGE_SCHEMA if name not in ("page_no", "fault_message")),
)
_HEADER_COLUMNS = ("captured_at", "body_sha256", "paper_id", "datestamp", "is_deleted")
_FAULT_COLUMNS = (*_PLACE, "paper_id", *REJECT_COLUMNS)


@dataclass(frozen=True, slots=True)
class ParsedOaiReplies:
    """Everything read from the answers.

    `records` and `rejects` are rows of `arxiv_records` and `arxiv_rejects`. `pages` has one row for each answer, with
    the values of its `OaiPage`. `headers` (captured_at, body_sha256, paper_id, datestamp, is_deleted) has one row for
    each header with an arXiv identifier, from lists of records and of identifiers alike.
    """

    records: pl.DataFrame
    rejects: pl.DataFrame
    pages: pl.DataFrame
    headers: pl.DataFrame


@dataclass(frozen=True, slots=True)
class WalkedBatch:
    """A batch of walked pages: their elements, their rows of `_PAGE_SCHEMA`, and the headers of ListIdentifiers."""

    elements: ElementColumns
    page_rows: list[tuple[object, ...]]
    headers: list[pl.DataFrame]


def parse_replies(replies: pl.DataFrame) -> ParsedOaiReplies:
    """Parse `replies` (columns of `arxiv_replies`, in any order; repeated rows count once)."""
    ordered = replies.sort(*_REPLY, "verb", "status_code")
    distinct = ordered.unique(subset=_REPLY, keep="first", maintain_order=True)
    with ThreadPoolExecutor(max_workers=2) as threads:
        parts = _parse_batches(distinct, threads)
    return ParsedOaiReplies(
        records=conform(pl.concat(part.records for part in parts), ARXIV_RECORDS),
        rejects=conform(pl.concat(part.rejects for part in parts), ARXIV_REJECTS),
        pages=pl.concat(part.pages for part in parts),
        headers=pl.concat(part.headers for part in parts),
    )


def _batches(replies: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Split `replies` into batches within the limits; one empty batch if there are none."""
    first, size = 0, 0
    for row, body_size in enumerate(replies["body"].bin.size()):
        if row > first and (row - first >= MAX_BATCH_PAGES or size + body_size > MAX_BATCH_BYTES):
            yield replies[first:row]
            first, size = row, 0
        size += body_size
    yield replies[first:]


def _parse_batches(replies: pl.DataFrame, threads: Executor) -> list[ParsedOaiReplies]:
    """Parse all batches. Only the walk needs the interpreter lock; other threads parse ahead and build rows."""
    parts: list[Future[ParsedOaiReplies]] = []
    for replies_of_batch in _batches(replies):
        batch = replies_of_batch.with_row_index("page_no")
        walked = _walk(batch, threads)
        wait(parts)  # so that there are never more than two batches at once
        parts.append(threads.submit(_build, batch, walked))
    return [part.result() for part in parts]


def _walk(batch: pl.DataFrame, threads: Executor) -> WalkedBatch:
    walked = WalkedBatch(ElementColumns(), [], [])
    for page_no, page in enumerate(_parse_ahead(batch, threads)):
        walked.page_rows.append(_page_row(page_no, page))
        if page.kind == "identifiers":
            walked.headers.append(page.headers.with_columns(page_no=pl.lit(page_no, pl.UInt32)))
        elif page.tree is not None:
            walked.elements.add(page_no, page.tree)
    return walked


def _parse_ahead(batch: pl.DataFrame, threads: Executor) -> Iterator[OaiPage]:
    """The pages in order; a few are parsed ahead."""
    ahead: deque[Future[OaiPage]] = deque()
    for body, status_code in batch.select("body", "status_code").iter_rows():
        ahead.append(threads.submit(parse_page, body, status_code))
        if len(ahead) > MAX_PARSED_AHEAD:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _build(batch: pl.DataFrame, walked: WalkedBatch) -> ParsedOaiReplies:
    pages = pl.DataFrame(walked.page_rows, schema=_PAGE_SCHEMA, orient="row")
    records = walked.elements.records()
    rows = records.rows.with_columns(
        *(parse_date(pl.col(name)).alias(column) for name, column in DATE_COLUMNS.items()),
        paper_id=paper_id_of_oai(pl.col("identifier")),
    ).with_columns(refusal=refusal_reason())
    valid = rows.filter(pl.col("refusal").is_null())
    values = paper_columns(valid)
    faults = [
        _page_faults(pages),
        _with_entries(pl.concat([_record_faults(rows), _value_faults(valid, records)]), batch),
    ]
    reply = batch.select("page_no", "captured_on", *_REPLY)
    return ParsedOaiReplies(
        records=_identity(valid).hstack(values).join(reply, on="page_no", maintain_order="left"),
        rejects=pl.concat(faults).join(reply, on="page_no", maintain_order="left"),
        pages=batch.select("page_no", *_REPLY, "verb")
        .join(pages, on="page_no", maintain_order="left")
        .select(_PAGE_COLUMNS),
        headers=_headers(rows, walked.headers).join(reply, on="page_no", maintain_order="left").select(_HEADER_COLUMNS),
    )


def _page_row(page_no: int, page: OaiPage) -> tuple[object, ...]:
    is_fault = page.fault is not None
    return (
        *(page_no, page.kind, page.record_count, page.resumption_token, page.expires_at, page.cursor),
        *(page.complete_list_size, page.response_date, page.error_code),
        *(None if is_fault else page.message, page.fault, page.message if is_fault else None),
    )


def _identity(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        *("page_no", "position", "paper_id", "is_deleted"),
        filed_on=filed_on(pl.col("paper_id")),
        datestamp="modified_on",
    )


def _headers(rows: pl.DataFrame, of_identifiers: list[pl.DataFrame]) -> pl.DataFrame:
    """The headers with an arXiv identifier, of records and of ListIdentifiers, in the order of the pages."""
    of_records = rows.filter(pl.col("paper_id").is_not_null()).select(
        "page_no", "paper_id", "is_deleted", datestamp="modified_on"
    )
    headers = pl.concat([of_records, *(part.select(of_records.columns) for part in of_identifiers)])
    return headers.sort("page_no", maintain_order=True)


def _record_faults(rows: pl.DataFrame) -> pl.DataFrame:
    """Faults for the refused records."""
    is_contradicted = pl.col("refusal") == "id_contradicted"
    shown_text = excerpt(pl.when(is_contradicted).then("id").otherwise("identifier"))
    return refused_rows(rows, shown_text).select(_FAULT_COLUMNS)


def _value_faults(valid: pl.DataFrame, records: Records) -> pl.DataFrame:
    """Faults for unreadable values of the valid records."""
    live = valid.filter(~pl.col("is_deleted")).select("record", *_PLACE, "paper_id")
    faults = [
        unreadable_values(valid, {}),
        repeated_elements(records.repeated.join(live, on="record")),
        unnamed_authors(records.unnamed_authors.join(live, on="record"), "author"),
    ]
    return pl.concat(part.select(_FAULT_COLUMNS) for part in faults)


def _page_faults(pages: pl.DataFrame) -> pl.DataFrame:
    return pages.filter(pl.col("fault").is_not_null()).select(
        "page_no",
        position=pl.lit(0, pl.Int32),
        paper_id=pl.lit(None, pl.String),
        field=pl.lit("$"),
        reason=pl.col("fault"),
        message=pl.col("fault_message"),
        is_row_kept=pl.lit(value=False),
        entry=pl.lit(None, pl.String),
    )


def _with_entries(faults: pl.DataFrame, batch: pl.DataFrame) -> pl.DataFrame:
    """`faults` with the raw XML of their records. Pages with a fault are rare, so they are parsed a second time."""
    entries: list[tuple[int, int, str]] = []
    for (page_no,), faults_of_page in faults.select(_PLACE).unique().partition_by("page_no", as_dict=True).items():
        body, status_code = batch.row(page_no, named=True)["body"], batch.row(page_no, named=True)["status_code"]
        records = list(parse_page(body, status_code).tree.iter(f"{OAI}record"))
        for position in faults_of_page["position"]:
            text = etree.tostring(records[position - 1], encoding="unicode", with_tail=False)
            entries.append((page_no, position, text))
    schema = {"page_no": pl.UInt32, "position": pl.Int32, "entry": pl.String}
    return faults.join(pl.DataFrame(entries, schema=schema, orient="row"), on=_PLACE, maintain_order="left")
