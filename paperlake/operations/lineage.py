"""The lineage of a paper: the answers that contain it, the values in each, and the files with its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import polars as pl

from paperlake.errors import PaperlakeError
from paperlake.paper_id import parse_paper_id
from paperlake.store.lake import Lake, part_name
from paperlake.store.rows import scan
from paperlake.store.snapshot import Snapshot, read_consistent
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_records import ARXIV_RECORDS
from schemas.calendar import MONTH_FORMAT, months_of
from schemas.captures import CAPTURES
from schemas.catalogue import TABLES
from schemas.hub_replies import HUB_REPLIES
from schemas.listings import LISTINGS
from schemas.rejects import REJECTS
from schemas.signals import SIGNALS
from schemas.table import Table
from transforms.arxiv.snapshot_lines import read_lines
from transforms.hub.answers import capture_pages, unused_answers

Row = dict[str, object]


class PaperNotFound(PaperlakeError):
    """No answer in the lake contains the paper."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The lineage of a paper.

    `dates` are the lists that contain it, `answers` the stored answers of the Hub that contain it, with their values
    where they are used, and those that lost against one of them. `records` are its records from arXiv, `refused` its
    rejects, and `files` the published files with its rows, with their SHA-256 and the fingerprint of the code that
    built them.
    """

    paper_id: str
    dates: Sequence[Row]
    answers: Sequence[Row]
    records: Sequence[Row]
    refused: Sequence[Row]
    files: Sequence[Row]


def trace_paper(lake: Lake, written: str) -> Provenance:
    """The provenance of a paper, whose identifier may be `written` in any way. Raises InvalidPaperId, PaperNotFound."""
    paper_id = parse_paper_id(written)
    provenance = read_consistent(lake, lambda seen: _provenance(seen, paper_id))
    if not (provenance.answers or provenance.records or provenance.refused):
        raise PaperNotFound(f"no answer in {lake.root} contains {paper_id}")
    return provenance


def _provenance(seen: Snapshot, paper_id: str) -> Provenance:
    is_it = _is_paper(paper_id)
    listed = scan(seen, LISTINGS).filter(is_it).collect().sort("listed_on")
    signals = scan(seen, SIGNALS).filter(is_it).collect().sort("listed_on", "captured_at")
    refused = scan(seen, REJECTS).filter(pl.col("entry").str.contains(f'"{paper_id}"', literal=True)).collect()
    refused_captures = scan(seen, CAPTURES).filter("is_refused").select("listed_on").collect()
    dates = pl.concat([signals["listed_on"], refused["listed_on"], refused_captures["listed_on"]])
    answers = _answers(seen, paper_id, dates)
    capture = {"requested_on": "listed_on", "capture_started_at": "captured_at"}
    values = (
        answers.rename(capture | {"captured_at": "received_at"})
        .join(signals.with_columns(is_used=True), on=["listed_on", "captured_at", "is_used"], how="left")
        .select(
            *("listed_on", "captured_at", "upvote_count", "comment_count", "github_star_count"),
            *("page", "url", "is_used", "form", "body_sha256"),
        )
        .sort("captured_at", "listed_on", "page")
    )
    date_columns = ("listed_on", "position", "is_listed", "upvote_count", "first_seen_at", "last_seen_at", "title")
    tables_of_papers = [table for table in TABLES.values() if "paper_id" in table.arrow().names]
    reject_columns = ("listed_on", "captured_at", "table_name", "field", "reason", "message", "is_row_kept")
    return Provenance(
        paper_id=paper_id,
        dates=listed.select(date_columns).rows(named=True),
        answers=values.rows(named=True),
        records=_records(seen, is_it),
        refused=refused.select(reject_columns).sort("captured_at", "field").rows(named=True),
        files=[row for table in tables_of_papers for row in _files(seen, table, is_it)],
    )


def _records(seen: Snapshot, is_it: pl.Expr) -> list[Row]:
    """The records of the paper from arXiv's server and from its snapshot, oldest first."""
    records = scan(seen, ARXIV_RECORDS).filter(is_it)
    served = records.select("captured_at", "datestamp", "title", "is_deleted", "position", "body_sha256").collect()
    lines = scan(seen, ARXIV_LINES).filter(is_it).collect()
    imported = [_line_record(line) for line in lines.iter_slices(1)]
    rows = [{"origin": "server", **row} for row in served.rows(named=True)] + imported
    return sorted(rows, key=lambda row: (row["captured_at"], row["position"] or 0, row["body_sha256"]))


def _line_record(line: pl.DataFrame) -> dict[str, Any]:
    """A line of the snapshot as a record: its date is the line's update_date, its hash that of the line."""
    values = next(read_lines(line).rows.iter_rows(named=True), {})
    return {
        "origin": "snapshot",
        "captured_at": line["imported_at"].item(),
        "datestamp": values.get("datestamp"),
        "title": values.get("title"),
        "is_deleted": False,
        "position": None,
        "body_sha256": sha256(line["line"].item()).hexdigest(),
    }


def _is_paper(paper_id: str) -> pl.Expr:
    """Whether a row is of the paper; the identifier of an old one may contain the subject class (math.GT/0309136)."""
    archive, slash, number = paper_id.partition("/")
    is_it = pl.col("paper_id") == paper_id
    if not slash:
        return is_it
    return is_it | (pl.col("paper_id").str.starts_with(f"{archive}.") & pl.col("paper_id").str.ends_with(f"/{number}"))


def _answers(seen: Snapshot, paper_id: str, dates: pl.Series) -> pl.DataFrame:
    """The answers to requests for `dates` that contain the paper, and those that lost against one of them.

    Of several answers for one page of a capture one is used (`is_used`). `form` says what another one is, unless it is
    a list.
    """
    requested = pl.col("requested_on").is_in(dates.unique().to_list())
    replies = scan(seen, HUB_REPLIES, months_of(dates)).filter(requested).collect()
    key = ["requested_on", "capture_started_at", "page", "body_sha256"]
    pages = capture_pages(replies).rename({"listed_on": "requested_on", "captured_at": "capture_started_at"})
    unused = unused_answers(replies).rename({"listed_on": "requested_on", "captured_at": "capture_started_at"})
    quoted = f'"{paper_id}"'
    contains_it = pl.col("body").bin.contains(quoted.encode()) | pl.col("text").str.contains(quoted, literal=True)
    known = replies.join(pages.select(*key, "text", is_used=True), on=key, how="left")
    known = known.join(unused.select(*key, "form"), on=key, how="left")
    known = known.with_columns(pl.col("is_used").fill_null(value=False), contains_it=contains_it.fill_null(value=False))
    rivals = pl.col("contains_it").any().over(key[:3])
    return known.filter(pl.col("contains_it") | (rivals & ~pl.col("is_used"))).drop("body", "headers", "text")


def _files(seen: Snapshot, table: Table, is_it: pl.Expr) -> list[Row]:
    month_column = pl.col(table.dated_by).dt.strftime(MONTH_FORMAT).alias("month")
    counts = scan(seen, table).filter(is_it).group_by(month_column).agg(pl.len()).collect().sort("month")
    rows: list[Row] = []
    for month, count in counts.iter_rows():
        entry = seen.manifest.entry(table.name, month)
        if entry is not None:
            name = part_name(table.name, month)
            rows.append({"table": table.name, "rows": count, "file": name, "sha256": entry.sha256, "code": entry.code})
    return rows
