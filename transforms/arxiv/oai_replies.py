"""Answers of arXiv's OAI-PMH server to the rows of its tables: a pure function of the answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import polars as pl
from lxml import etree

from schemas.arxiv_records import ARXIV_RECORDS
from schemas.arxiv_rejects import ARXIV_REJECTS
from transforms.arxiv.oai_errors import DATES, SAID, nameless, refusal, refused, repeated, shown, unread
from transforms.arxiv.oai_page import OAI, Page, page
from transforms.arxiv.oai_tree import Records, Unrolled
from transforms.arxiv.values import date_told, filed_on, identified, told
from transforms.conform import conform

NAME = "arxiv"
MOST_PAGES = 25
MOST_BYTES = 50_000_000
"""So much of the answers is read at a time: what is made of them meanwhile takes about ten times that in memory."""
MOST_AHEAD = 4
"""So many trees wait to be walked: each takes five times the page."""
_REPLY = ["captured_at", "body_sha256"]
_PLACE = ["page_no", "position"]
_AT = pl.Datetime("us", "UTC")
_PAGE_FACTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "page_no": pl.UInt32,
    "kind": pl.String,
    "record_count": pl.Int32,
    "resumption_token": pl.String,
    "expires_at": _AT,
    "cursor": pl.Int32,
    "complete_list_size": pl.Int32,
    "response_date": _AT,
    "error_code": pl.String,
    "error_message": pl.String,
    "fault": pl.String,
    "fault_message": pl.String,
}
_PAGES = (
    "captured_at",
    "body_sha256",
    "verb",
    *(name for name in _PAGE_FACTS if name not in ("page_no", "fault_message")),
)
_HEADERS = ("captured_at", "body_sha256", "paper_id", "datestamp", "is_deleted")
_FAULT = (*_PLACE, "paper_id", *SAID)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the answers tell.

    `records` and `rejects` are rows of `arxiv_records` and `arxiv_rejects`. `pages` has a row for each answer, with the
    facts of a `Page`. `headers` (captured_at, body_sha256, paper_id, datestamp, is_deleted) has a row for each header
    with an id, of lists of records and of identifiers alike.
    """

    records: pl.DataFrame
    rejects: pl.DataFrame
    pages: pl.DataFrame
    headers: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Walked:
    """A batch of pages, before anything is made of them: their elements, their facts, and headers asked for alone."""

    elements: Unrolled
    facts: list[tuple[object, ...]]
    listed: list[pl.DataFrame]


def read(replies: pl.DataFrame) -> Reading:
    """All that `replies` tell (columns of `arxiv_replies`, any order, any repetition)."""
    ordered = replies.sort(*_REPLY, "verb", "status_code")
    chosen = ordered.unique(subset=_REPLY, keep="first", maintain_order=True)
    with ThreadPoolExecutor(max_workers=2) as others:
        parts = _parts(chosen, others)
    return Reading(
        records=conform(pl.concat(part.records for part in parts), ARXIV_RECORDS),
        rejects=conform(pl.concat(part.rejects for part in parts), ARXIV_REJECTS),
        pages=pl.concat(part.pages for part in parts),
        headers=pl.concat(part.headers for part in parts),
    )


def _batches(replies: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """`replies` in their order, so many at a time as memory is meant for; one empty batch where there are none."""
    first, size = 0, 0
    for row, more in enumerate(replies["body"].bin.size()):
        if row > first and (row - first >= MOST_PAGES or size + more > MOST_BYTES):
            yield replies[first:row]
            first, size = row, 0
        size += more
    yield replies[first:]


def _parts(replies: pl.DataFrame, others: Executor) -> list[Reading]:
    """What is read of each batch. Only walking needs the interpreter: parsing goes ahead of it, rows come after it."""
    parts: list[Future[Reading]] = []
    for replied in _batches(replies):
        batch = replied.with_row_index("page_no")
        walked = _walked(batch, others)
        wait(parts)  # so that there are never more than two batches at once
        parts.append(others.submit(_read, batch, walked))
    return [part.result() for part in parts]


def _walked(batch: pl.DataFrame, others: Executor) -> Walked:
    walked = Walked(Unrolled(), [], [])
    for page_no, found in enumerate(_parsed(batch, others)):
        walked.facts.append(_facts(page_no, found))
        if found.kind == "identifiers":
            walked.listed.append(found.headers.with_columns(page_no=pl.lit(page_no, pl.UInt32)))
        elif found.tree is not None:
            walked.elements.add(page_no, found.tree)
    return walked


def _parsed(batch: pl.DataFrame, others: Executor) -> Iterator[Page]:
    """The pages in their order, a few of them parsed ahead."""
    ahead: deque[Future[Page]] = deque()
    for body, status_code in batch.select("body", "status_code").iter_rows():
        ahead.append(others.submit(page, body, status_code))
        if len(ahead) > MOST_AHEAD:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()


def _read(batch: pl.DataFrame, walked: Walked) -> Reading:
    pages = pl.DataFrame(walked.facts, schema=_PAGE_FACTS, orient="row")
    records = walked.elements.records()
    rows = records.rows.with_columns(
        *(date_told(pl.col(name)).alias(column) for name, column in DATES.items()),
        paper_id=identified(pl.col("identifier")),
    ).with_columns(refusal=refusal())
    kept = rows.filter(pl.col("refusal").is_null())
    values = told(kept)
    faults = [
        _page_faults(pages),
        _with_entries(pl.concat([_refused(rows), _unread(kept, records)]), batch),
    ]
    of_reply = batch.select("page_no", "captured_on", *_REPLY)
    return Reading(
        records=_identity(kept).hstack(values).join(of_reply, on="page_no", maintain_order="left"),
        rejects=pl.concat(faults).join(of_reply, on="page_no", maintain_order="left"),
        pages=batch.select("page_no", *_REPLY, "verb").join(pages, on="page_no", maintain_order="left").select(_PAGES),
        headers=_headers(rows, walked.listed).join(of_reply, on="page_no", maintain_order="left").select(_HEADERS),
    )


def _facts(page_no: int, found: Page) -> tuple[object, ...]:
    message = found.message
    is_fault = found.kind == "fault"
    return (
        *(page_no, found.kind, found.record_count, found.resumption_token, found.expires_at, found.cursor),
        *(found.complete_list_size, found.response_date, found.error_code),
        *(None if is_fault else message, found.fault, message if is_fault else None),
    )


def _identity(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        *("page_no", "position", "paper_id", "is_deleted"),
        filed_on=filed_on(pl.col("paper_id")),
        datestamp="modified_on",
    )


def _headers(rows: pl.DataFrame, listed: list[pl.DataFrame]) -> pl.DataFrame:
    """The headers with an id, of records and those that were asked for alone, in the order of the pages."""
    of_records = rows.filter(pl.col("paper_id").is_not_null()).select(
        "page_no", "paper_id", "is_deleted", datestamp="modified_on"
    )
    every = pl.concat([of_records, *(headers.select(of_records.columns) for headers in listed)])
    return every.sort("page_no", maintain_order=True)


def _refused(rows: pl.DataFrame) -> pl.DataFrame:
    """The records that become no row."""
    is_contradicted = pl.col("refusal") == "id_contradicted"
    found = shown(pl.when(is_contradicted).then("id").otherwise("identifier"))
    return refused(rows, found).select(_FAULT)


def _unread(kept: pl.DataFrame, records: Records) -> pl.DataFrame:
    """What could not be read of the others."""
    lives = kept.filter(~pl.col("is_deleted")).select("record", *_PLACE, "paper_id")
    faults = [
        unread(kept, {}),
        repeated(records.repeated.join(lives, on="record")),
        nameless(records.nameless.join(lives, on="record"), "author"),
    ]
    return pl.concat(one.select(_FAULT) for one in faults)


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
    """`faults` with the raw XML of their records: pages with a fault are parsed once more, for that is rare."""
    entries: list[tuple[int, int, str]] = []
    for (page_no,), concerned in faults.select(_PLACE).unique().partition_by("page_no", as_dict=True).items():
        body, status_code = batch.row(page_no, named=True)["body"], batch.row(page_no, named=True)["status_code"]
        records = list(page(body, status_code).tree.iter(f"{OAI}record"))
        for position in concerned["position"]:
            text = etree.tostring(records[position - 1], encoding="unicode", with_tail=False)
            entries.append((page_no, position, text))
    schema = {"page_no": pl.UInt32, "position": pl.Int32, "entry": pl.String}
    return faults.join(pl.DataFrame(entries, schema=schema, orient="row"), on=_PLACE, maintain_order="left")
