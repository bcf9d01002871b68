"""Lines of arXiv's public metadata snapshot: the month of each line, and the rows of its paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import polars as pl

from schemas.arxiv_lines import ARXIV_LINES
from schemas.arxiv_papers import PAPER_COLUMNS
from schemas.arxiv_rejects import ARXIV_REJECTS
from transforms.arxiv.authors import PARTS, ParsedAuthors, parse_authors
from transforms.arxiv.oai_errors import (
    REJECT_COLUMNS,
    excerpt,
    refused_rows,
    unnamed_authors,
    unreadable_values,
    wrong_types,
)
from transforms.arxiv.snapshot_json import ParsedLines, line_ids, parse_lines
from transforms.arxiv.values import is_paper_id, paper_columns, parse_date, without_subject_class
from transforms.conform import conform, empty_table
from transforms.hub.bodies import decode, without_lone_surrogates
from transforms.hub.database import engine
from transforms.paper_ids import filed_on

MAX_BATCH_LINES = 50_000
"""Lines parsed at a time: about 80 MB, and ten times that in memory."""
_HEAD_BYTES = 40
_ID_FIRST = r'\A\s*\{\s*"id"\s*:\s*"([^"\\]+)"'
_UPDATED = r'"update_date"\s*:\s*"([0-9]{4}-[0-9]{2}-[0-9]{2})"'
_DAY_OF_VERSION = r"\A\s*(?:[A-Z][a-z]{2}, *)?([0-9]{1,2} [A-Z][a-z]{2} [0-9]{4})\b"
_PATHS = {"created": "versions[0]", "updated": "versions[-1]", "datestamp": "update_date"}
_COLUMNS = (
    "paper_id",
    "filed_on",
    *(column.name for column in PAPER_COLUMNS),
    "datestamp",
    "is_deleted",
    "imported_at",
)
_MISSING_ELEMENTS = ("msc-class", "acm-class")
"""Elements of a record that snapshot lines do not have."""


@dataclass(frozen=True, slots=True)
class SnapshotRows:
    """Parsed lines of the snapshot.

    `rows` has paper_id, filed_on, `PAPER_COLUMNS`, datestamp, is_deleted (always false) and imported_at; `rejects` has
    rows of `arxiv_rejects`.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame


def file_lines(lines: pl.Series | list[bytes], imported_on: date | None = None) -> pl.DataFrame:
    """The month of each non-empty line, in order: filed_on, paper_id, line.

    Only the identifier is parsed; it nearly always comes first. Where it cannot be read, paper_id is null and filed_on
    is the first day of the month of `imported_on`.
    """
    frame = pl.DataFrame({"line": pl.Series(lines, dtype=pl.Binary)}).filter(pl.col("line").bin.size() > 0)
    # The pattern needs the closing quote, so an identifier cut off at the end of the head does not match.
    ids = _valid_ids(decode(frame["line"].bin.slice(0, _HEAD_BYTES)).str.extract(_ID_FIRST))
    unknown = ids.is_null().arg_true()
    if not unknown.is_empty():
        texts = without_lone_surrogates(decode(frame["line"][unknown]))
        ids = ids.scatter(unknown, _valid_ids(line_ids(texts)))
    return frame.with_columns(paper_id=ids).select(
        filed_on=pl.coalesce(filed_on(pl.col("paper_id")), pl.lit(imported_on, pl.Date).dt.month_start()),
        paper_id="paper_id",
        line="line",
    )


def newest_update(lines: pl.Series) -> date | None:
    """The newest `update_date` of the lines; None where no line has one."""
    newest = decode(lines).str.extract(_UPDATED).str.to_date("%Y-%m-%d", strict=False).max()
    return newest if isinstance(newest, date) else None


def read_lines(lines: pl.DataFrame) -> SnapshotRows:
    """Parse `lines` (columns of `arxiv_lines`), in order."""
    if lines.is_empty():
        return _read_no_lines()
    raw = lines.select("imported_at", "line")
    parts = [_read_batch(raw[first : first + MAX_BATCH_LINES]) for first in range(0, raw.height, MAX_BATCH_LINES)]
    return SnapshotRows(
        rows=pl.concat(part.rows for part in parts),
        rejects=conform(pl.concat(part.rejects for part in parts), ARXIV_REJECTS),
    )


@cache
def _read_no_lines() -> SnapshotRows:
    """The cached result for a month without lines. Without an import all months are such, and parsing takes time."""
    batch = _read_batch(empty_table(ARXIV_LINES).select("imported_at", "line"))
    return SnapshotRows(batch.rows, conform(batch.rejects, ARXIV_REJECTS))


def _valid_ids(texts: pl.Series) -> pl.Series:
    valid = pl.when(is_paper_id(pl.col("id"))).then(without_subject_class(pl.col("id")))
    return texts.to_frame("id").select(valid.alias("id")).to_series()


def _read_batch(lines: pl.DataFrame) -> SnapshotRows:
    texts = without_lone_surrogates(decode(lines["line"]))
    batch = lines.hstack([texts.alias("text")]).with_row_index("record")
    parsed = parse_lines(batch.select("record", "text"))
    authors = parse_authors(_people(parsed.people), _affiliations(parsed.people))
    rows = (
        parsed.rows.hstack(batch.select("imported_at", "text"))
        .join(authors.by_record, on="record", how="left", maintain_order="left")
        .rename({"update_date": "datestamp"})
        .with_columns(
            *(pl.lit(None, pl.String).alias(name) for name in _MISSING_ELEMENTS),
            paper_id=pl.when(is_paper_id(pl.col("id"))).then(without_subject_class(pl.col("id"))),
            created_on=_version_date(pl.col("created")),
            updated_on=_version_date(pl.col("updated")),
            modified_on=parse_date(pl.col("datestamp")),
            is_deleted=pl.lit(value=False),
        )
        .with_columns(refusal=_refusal(parsed.wrong_types))
    )
    valid = rows.filter(pl.col("refusal").is_null())
    identity = valid.select(
        *("paper_id", "is_deleted", "imported_at"), filed_on=filed_on(pl.col("paper_id")), datestamp="modified_on"
    )
    faults = _faults(rows, valid, parsed, authors)
    return SnapshotRows(rows=identity.hstack(paper_columns(valid)).select(_COLUMNS), rejects=_rejects(faults, batch))


def _people(people: pl.DataFrame) -> pl.DataFrame:
    part = pl.col("parts").list
    return people.with_row_index("author").select(
        "record", "author", *(part.get(n, null_on_oob=True).alias(name) for n, name in enumerate(PARTS))
    )


def _affiliations(people: pl.DataFrame) -> pl.DataFrame:
    affiliated = people.with_row_index("author").filter(pl.col("parts").list.len() > len(PARTS))
    return affiliated.select("author", text=pl.col("parts").list.slice(len(PARTS))).explode("text")


def _version_date(text: pl.Expr) -> pl.Expr:
    """The UTC date of a version (`Mon, 2 Apr 2007 19:18:42 GMT`); null where it is not plausible for a paper."""
    day = text.str.extract(_DAY_OF_VERSION).str.to_date("%d %b %Y", strict=False)
    return parse_date(day.dt.strftime("%Y-%m-%d"))


def _refusal(wrong: pl.DataFrame) -> pl.Expr:
    def is_wrong(field: str) -> pl.Expr:
        return pl.col("record").is_in(wrong.filter(pl.col("field") == field)["record"].implode())

    return (
        pl.when(is_wrong("$") | ~pl.col("is_json"))
        .then(pl.lit("not_an_object"))
        .when(is_wrong("id"))
        .then(pl.lit("id_invalid"))
        .when(pl.col("id").is_null() | (pl.col("id").str.strip_chars() == ""))
        .then(pl.lit("id_missing"))
        .when(pl.col("paper_id").is_null())
        .then(pl.lit("id_invalid"))
    )


def _faults(rows: pl.DataFrame, valid: pl.DataFrame, parsed: ParsedLines, authors: ParsedAuthors) -> pl.DataFrame:
    """Faults of the lines, with the `record` number of their line."""
    valid_ids = valid.select("record", "paper_id")
    is_whole = pl.col("refusal") == "not_an_object"
    faults = [
        refused_rows(rows, excerpt(pl.when(is_whole | pl.col("id").is_null()).then("text").otherwise("id"))),
        unreadable_values(valid, _PATHS),
        unnamed_authors(authors.unnamed.join(valid_ids, on="record"), "authors_parsed"),
        wrong_types(parsed.wrong_types.join(valid_ids, on="record")),
    ]
    return pl.concat(part.select("record", "paper_id", *REJECT_COLUMNS) for part in faults)


def _rejects(faults: pl.DataFrame, batch: pl.DataFrame) -> pl.DataFrame:
    """Rows of `arxiv_rejects`. `body_sha256` is the hash of the line."""
    lines = batch.join(faults.select("record"), on="record", how="semi")
    with engine().cursor() as database:
        database.register("lines", lines.select("record", "line").to_arrow())
        hashes = database.sql("select record, sha256(line) as body_sha256 from lines").pl()
    columns = lines.select(
        "record",
        captured_on=pl.col("imported_at").dt.date(),
        captured_at="imported_at",
        position=pl.lit(0, pl.Int32),
        entry="text",
    )
    lines_with_hash = columns.join(hashes.with_columns(pl.col("record").cast(pl.UInt32)), on="record")
    return conform(faults.join(lines_with_hash, on="record"), ARXIV_REJECTS)
