"""Where a paper's numbers come from: which answers hold it, what they said, and in which files it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from paperlake.errors import PaperlakeError
from paperlake.store.lake import MONTH_FORM, Lake, part_name
from paperlake.store.rows import scan
from paperlake.store.snapshot import Snapshot, read_whole
from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_records import ARXIV_RECORDS
from schemas.captures import CAPTURES
from schemas.catalogue import TABLES
from schemas.hub_replies import HUB_REPLIES
from schemas.kinds import ARXIV_ID
from schemas.listings import LISTINGS
from schemas.rejects import REJECTS
from schemas.signals import SIGNALS
from schemas.table import Table

Row = dict[str, object]


class PaperUnknown(PaperlakeError):
    """No answer in the lake holds the paper."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything the lake knows of a paper, with where it knows that from.

    `dates` are the lists it stood on, `answers` the kept replies that hold it with what each said, `records` what arXiv
    told of it and when, `refused` what was refused of it, `files` the published files that it stands in, with their
    SHA-256 and the hash of what built them.
    """

    paper_id: str
    dates: Sequence[Row]
    answers: Sequence[Row]
    records: Sequence[Row]
    refused: Sequence[Row]
    files: Sequence[Row]


def why(lake: Lake, paper_id: str) -> Provenance:
    """The provenance of a paper. Raises PaperUnknown."""
    if not re.fullmatch(ARXIV_ID.pattern, paper_id):
        raise PaperUnknown(f"{paper_id!r} is no arXiv identifier without version; write it like 2511.01234")
    found = read_whole(lake, lambda seen: _provenance(seen, paper_id))
    if not (found.answers or found.records or found.refused):
        raise PaperUnknown(f"no answer kept in {lake.root} holds {paper_id}")
    return found


def _provenance(seen: Snapshot, paper_id: str) -> Provenance:
    is_it = pl.col("paper_id") == paper_id
    listed = scan(seen, LISTINGS).filter(is_it).collect().sort("listed_on")
    signals = scan(seen, SIGNALS).filter(is_it).collect().sort("listed_on", "captured_at")
    refused = scan(seen, REJECTS).filter(pl.col("entry").str.contains(f'"{paper_id}"', literal=True)).collect()
    aside = scan(seen, CAPTURES).filter("is_refused").select("listed_on").collect()
    dates = pl.concat([signals["listed_on"], refused["listed_on"], aside["listed_on"]])
    answers = _answers(seen, paper_id, dates)
    capture = {"requested_on": "listed_on", "capture_started_at": "captured_at"}
    told = (
        answers.rename(capture | {"captured_at": "received_at"})
        .join(signals, on=["listed_on", "captured_at"], how="left")
        .select(
            *("listed_on", "captured_at", "upvote_count", "comment_count", "github_star_count"),
            *("page", "url", "body_sha256"),
        )
        .sort("captured_at", "listed_on", "page")
    )
    shown = ("listed_on", "position", "is_listed", "upvote_count", "first_seen_at", "last_seen_at", "title")
    holding = [table for table in TABLES.values() if "paper_id" in table.arrow().names]
    why_refused = ("listed_on", "captured_at", "table_name", "field", "reason", "message", "is_row_kept")
    return Provenance(
        paper_id=paper_id,
        dates=listed.select(shown).rows(named=True),
        answers=told.rows(named=True),
        records=_records(seen, is_it),
        refused=refused.select(why_refused).sort("captured_at", "field").rows(named=True),
        files=[row for table in holding for row in _files(seen, table, is_it)],
    )


def _records(seen: Snapshot, is_it: pl.Expr) -> list[Row]:
    """What arXiv told of the paper, oldest first: by its server, and by its bulk snapshot."""
    told = scan(seen, ARXIV_RECORDS).filter(is_it)
    served = told.select("captured_at", "datestamp", "title", "is_deleted", "position", "body_sha256").collect()
    lines = scan(seen, ARXIV_LINES).filter(is_it).select(captured_at="imported_at").collect()
    imported = lines.with_columns(body_sha256=pl.lit("a line of the snapshot"))
    rows = pl.concat([served, imported], how="diagonal").sort("captured_at", "position")
    return rows.rows(named=True)


def _answers(seen: Snapshot, paper_id: str, dates: pl.Series) -> pl.DataFrame:
    """The replies to questions for `dates` whose body names the paper."""
    months = {day.strftime(MONTH_FORM) for day in dates}
    names_it = pl.col("body").bin.contains(f'"{paper_id}"'.encode())
    asked = scan(seen, HUB_REPLIES, months).filter(pl.col("requested_on").is_in(dates.unique().to_list()))
    return asked.filter(names_it).drop("body", "headers").collect()


def _files(seen: Snapshot, table: Table, is_it: pl.Expr) -> list[Row]:
    held = scan(seen, table).filter(is_it).group_by(pl.col(table.dated_by).dt.strftime(MONTH_FORM).alias("month"))
    rows: list[Row] = []
    for month, count in held.agg(pl.len()).collect().sort("month").iter_rows():
        entry = seen.manifest.entry(table.name, month)
        if entry is not None:
            name = part_name(table.name, month)
            rows.append({"table": table.name, "rows": count, "file": name, "sha256": entry.sha256, "code": entry.code})
    return rows
