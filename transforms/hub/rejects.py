"""The table `rejects`: refused entries, values and captures, with the raw entry."""

from __future__ import annotations

import polars as pl

from schemas.listings import LISTINGS
from transforms.hub.answers import ListPages

CAPTURE = ["listed_on", "captured_at"]


def with_raw_entries(pages: ListPages, faults: pl.DataFrame) -> pl.DataFrame:
    """`faults` with the column `entry`: the raw JSON of the entry or author with the fault.

    A list that shifts between two requests repeats entries, also invalid ones: each counts once per capture. Authors
    are read only from the first entry of their paper, so two equal invalid authors are two faults.
    """
    if faults.is_empty():
        return faults.with_columns(entry=pl.lit(None, pl.String))
    pages.extract_entries(faults, "faulty")
    pages.database.register("faults", faults.select("page_no", "item", "author").unique().to_arrow())
    raw = pages.database.sql(
        """
        select page_no, item, author,
               coalesce(case when author = 0 then entry::varchar
                             else json_extract(entry, '$.paper.authors[' || (author - 1) || ']')::varchar end,
                        'null') as entry
        from faults join faulty using (page_no, item)
        """
    ).pl()
    identity = ["table_name", "field", "entry", "of_author"]
    return (
        faults.join(raw, on=["page_no", "item", "author"])
        .sort(*CAPTURE, "place", "table_name", "field")
        .with_columns(of_author=pl.when(pl.col("author") > 0).then("place"))
        .with_columns(nth_on_page=pl.int_range(pl.len()).over("page_no", *identity))
        .unique(subset=[*CAPTURE, *identity, "nth_on_page"], keep="first", maintain_order=True)
    )


def rejects(faults: pl.DataFrame, captures: pl.DataFrame) -> pl.DataFrame:
    """The rejects, one for each fault and capture. All rows of a refused capture are rejected."""
    refused = captures.filter("is_refused")
    whole = refused.select(
        *CAPTURE,
        table_name=pl.lit(LISTINGS.name),
        place=pl.lit(0, pl.Int32),
        field=pl.lit("$"),
        reason=pl.lit("capture_refused"),
        message=pl.col("fault").fill_null(""),
        entry=pl.struct(
            "source", "listed_on", "captured_at", "entry_count", "refused_count", "other_date_count"
        ).struct.json_encode(),
        is_row_kept=pl.lit(value=False),
    )
    single = faults.join(refused.select(*CAPTURE, "is_refused"), on=CAPTURE, how="left").with_columns(
        is_row_kept=pl.col("is_row_kept") & pl.col("is_refused").is_null()
    )
    return pl.concat([whole, single.select(whole.columns)])
