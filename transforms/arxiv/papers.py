"""The table `arxiv_papers`: merge records and snapshot lines into the newest row of each paper.

Each record gives a row of `arxiv_papers` by itself. Two rows of a paper merge into one by taking the newer of each
half: the newest record (columns `seen_*`), and the newest record with values (columns `told_*`). The merge is the join
of a semilattice (associative, commutative, idempotent), so merged rows can be merged again with new ones, in any order.
"""

from __future__ import annotations

import polars as pl

from schemas.arxiv_papers import ARXIV_PAPERS, PAPER_COLUMNS
from transforms.conform import conform

_VALUES = [column.name for column in PAPER_COLUMNS]
_SEEN = ["datestamp", "seen_at", "seen_in", "seen_position"]
_TOLD = ["told_datestamp", "told_at", "told_in", "told_position"]


def merge_records(records: pl.DataFrame, line_rows: pl.DataFrame) -> pl.DataFrame:
    """The papers in `records` (rows of `arxiv_records`) and in the rows of parsed snapshot lines."""
    from_lines = line_rows.rename({"imported_at": "captured_at"}).with_columns(
        body_sha256=pl.lit(None, pl.String), position=pl.lit(None, pl.Int32)
    )
    return _merge(pl.concat([_as_papers(records), _as_papers(from_lines)]))


def merge_papers(papers: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Merge two frames of papers: the same result as `merge_records` of the records of both."""
    return _merge(pl.concat([papers, others]))


def _as_papers(records: pl.DataFrame) -> pl.DataFrame:
    """Each record as a row of `arxiv_papers`, not yet merged."""
    has_values = ~pl.col("is_deleted")
    source_columns = ["datestamp", "captured_at", "body_sha256", "position"]
    return records.select(
        "paper_id",
        "filed_on",
        *_VALUES,
        "is_deleted",
        *(pl.col(column).alias(name) for column, name in zip(source_columns, _SEEN, strict=True)),
        *(pl.when(has_values).then(column).alias(name) for column, name in zip(source_columns, _TOLD, strict=True)),
        is_from_bulk=pl.col("body_sha256").is_null(),
    ).select(column.name for column in ARXIV_PAPERS.columns)


def _merge(rows: pl.DataFrame) -> pl.DataFrame:
    seen = _newest(rows, _SEEN).select("paper_id", "filed_on", "is_deleted", *_SEEN)
    values = _newest(rows.filter(pl.col("told_at").is_not_null()), _TOLD, _VALUES)
    papers = seen.join(values.select("paper_id", *_VALUES, "is_from_bulk", *_TOLD), on="paper_id", how="left")
    return conform(papers.with_columns(pl.col("is_from_bulk").fill_null(value=False)), ARXIV_PAPERS)


def _newest(rows: pl.DataFrame, half: list[str], values: list[str] | None = None) -> pl.DataFrame:
    """The newest row of each paper by the columns `half`. With equal datestamps, answers win over snapshot lines.

    Two lines of one import may have the same paper and date; their `values` then break the tie.
    """
    datestamp, *reply = half
    order = [datestamp, "is_reply", *reply]
    keys = rows.select("paper_id", datestamp, *reply, is_reply=pl.col(half[2]).is_not_null()).with_row_index("row")
    tied = keys.drop("row").is_duplicated()
    if values and tied.any():
        texts = rows.filter(tied).select(tie=pl.struct(values).struct.json_encode())
        keys = keys.join(keys.filter(tied).select("row").hstack(texts), on="row", how="left")
        order.append("tie")
    newest = keys.sort("paper_id", *order, nulls_last=False).unique("paper_id", keep="last", maintain_order=True)
    return rows[newest["row"]]
