"""What is known of each paper: the newest of all that was told of it.

What is known is a row of `arxiv_papers`. One record makes such a row by itself, and two rows of a paper make one again,
by taking the newer of each half: what was seen last, and what was told last. That is a join of a lattice: order,
repetition and grouping do not matter, so what is known need not be made again of all that was ever told.
"""

from __future__ import annotations

import polars as pl

from schemas.arxiv_papers import ARXIV_PAPERS, TOLD
from transforms.conform import conform

_VALUES = [column.name for column in TOLD]
_SEEN = ["datestamp", "seen_at", "seen_in", "seen_position"]
_TOLD = ["told_datestamp", "told_at", "told_in", "told_position"]


def merged(records: pl.DataFrame, lines_read: pl.DataFrame) -> pl.DataFrame:
    """The papers, by `records` (rows of `arxiv_records`) and the rows that were read of the snapshot's lines."""
    told_by_lines = lines_read.rename({"imported_at": "captured_at"}).with_columns(
        body_sha256=pl.lit(None, pl.String), position=pl.lit(None, pl.Int32)
    )
    return _newest(pl.concat([_known_by(records), _known_by(told_by_lines)]))


def joined(papers: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The papers, by two frames of papers: what `merged` makes of all that both were made of."""
    return _newest(pl.concat([papers, others]))


def _known_by(records: pl.DataFrame) -> pl.DataFrame:
    """What each record makes known by itself, as a row of `arxiv_papers`."""
    tells = ~pl.col("is_deleted")
    seen = ["datestamp", "captured_at", "body_sha256", "position"]
    return records.select(
        "paper_id",
        "filed_on",
        *_VALUES,
        "is_deleted",
        *(pl.col(held).alias(name) for held, name in zip(seen, _SEEN, strict=True)),
        *(pl.when(tells).then(held).alias(name) for held, name in zip(seen, _TOLD, strict=True)),
        is_from_bulk=pl.col("body_sha256").is_null(),
    ).select(column.name for column in ARXIV_PAPERS.columns)


def _newest(known: pl.DataFrame) -> pl.DataFrame:
    seen = _last(known, _SEEN).select("paper_id", "filed_on", "is_deleted", *_SEEN)
    told = _last(known.filter(pl.col("told_at").is_not_null()), _TOLD, _VALUES)
    papers = seen.join(told.select("paper_id", *_VALUES, "is_from_bulk", *_TOLD), on="paper_id", how="left")
    return conform(papers.with_columns(pl.col("is_from_bulk").fill_null(value=False)), ARXIV_PAPERS)


def _last(known: pl.DataFrame, half: list[str], values: list[str] | None = None) -> pl.DataFrame:
    """The newest row of each paper, by `half`: of the same datestamp an answer comes after a line of the snapshot.

    Two lines of one import may tell a paper with the same date; then their `values` decide, for nothing else is left.
    """
    datestamp, *reply = half
    order = [datestamp, "is_reply", *reply]
    keys = known.select("paper_id", datestamp, *reply, is_reply=pl.col(half[2]).is_not_null()).with_row_index("row")
    tied = keys.drop("row").is_duplicated()
    if values and tied.any():
        texts = known.filter(tied).select(tie=pl.struct(values).struct.json_encode())
        keys = keys.join(keys.filter(tied).select("row").hstack(texts), on="row", how="left")
        order.append("tie")
    newest = keys.sort("paper_id", *order, nulls_last=False).unique("paper_id", keep="last", maintain_order=True)
    return known[newest["row"]]
