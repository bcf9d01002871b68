"""Lists that changed while their pages were requested: a paper may be missing between two pages."""

from __future__ import annotations

import polars as pl

from transforms.hub.entries import ID_PATH

CAPTURE = ["listed_on", "captured_at"]
_FIRST_PAGE = [*CAPTURE, ID_PATH]


def page_changes(tally: pl.DataFrame, parsed: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """The captures of several pages whose list changed meanwhile, or may have: listed_on, captured_at, `change`.

    `tally` has all pages, also the first pages that were asked for again; `parsed` has the entries of all pages, and
    `entries` those of the list. A paper that was added shows twice. One that was removed shows only in the first page,
    which differs when it is asked for again. An imported answer was not asked for by us, so only the former is known.
    """
    tally = tally.with_columns(pl.col("is_first_again").fill_null(value=False))
    later = tally.filter(pl.col("is_first_again") | ((pl.col("page") > 0) & (pl.col("entry_count") > 0)))
    if later.is_empty():
        return tally.select(CAPTURE).clear().with_columns(change=pl.lit(None, pl.String))
    several = tally.join(later, on=CAPTURE, how="semi")
    is_repeated = ~pl.struct("captured_at", "listed_on", "paper_id").is_first_distinct()
    repeated = (
        entries.join(several, on="page_no", how="semi")
        .filter(pl.col("refusal").is_null())
        .filter(is_repeated)
        .group_by(CAPTURE)
        .agg(repeated=pl.len())
    )
    first_pages = several.filter(pl.col("is_first_again") | (pl.col("page") == 0))
    of_first_pages = (
        parsed.filter(pl.col(ID_PATH).str.starts_with('"'))
        .select("page_no", ID_PATH)
        .join(first_pages.select("page_no", *CAPTURE, "is_first_again"), on="page_no")
    )
    differing = (
        of_first_pages.group_by(_FIRST_PAGE)
        .agg(pl.col("is_first_again").n_unique() == 2)  # noqa: PLR2004 - on both
        .group_by(CAPTURE)
        .agg(differs=~pl.col("is_first_again").all())
    )
    requested = pl.col("status_code").is_not_null()
    return (
        several.group_by(CAPTURE)
        .agg(was_requested=requested.all(), was_asked_again=pl.col("is_first_again").any())
        .join(repeated, on=CAPTURE, how="left")
        .join(differing, on=CAPTURE, how="left")
        .with_columns(change=_change())
        .filter(pl.col("change").is_not_null())
        .select(*CAPTURE, "change")
    )


def _change() -> pl.Expr:
    return (
        pl.when(pl.col("repeated") > 0)
        .then(
            pl.when(pl.col("repeated") == 1)
            .then(pl.lit("the list changed while it was read: 1 of its entries repeats"))
            .otherwise(pl.format("the list changed while it was read: {} of its entries repeat", "repeated"))
        )
        .when(pl.col("was_requested") & ~pl.col("was_asked_again"))
        .then(pl.lit("the first page of several was not asked for again after the last one"))
        .when(pl.col("was_asked_again") & pl.col("differs").fill_null(value=True))
        .then(pl.lit("the list changed while it was read: its first page differs when asked for again"))
    )
