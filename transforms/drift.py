"""Schema drift of a source: fields that appear or vanish, and values that change their type or meaning."""

from __future__ import annotations

import polars as pl

from schemas.field_days import RELATION_SEPARATOR

_DATE = ["source", "listed_on"]
_FIELD = ["source", "field_path"]
_SERIES = [*_FIELD, "kind"]
_WINDOW_DATES = 20
"""Dates over which the frequency of a field is measured, before it vanishes and after it appears."""
_MIN_EXPECTED = 7.0
"""A field is gone once this many entries were expected to carry it and none did. By chance that happens once in a
thousand cases (e to the power of -7). Common fields reach it at once, rare ones after more dates."""
_ALWAYS = 0.98
NOTICE_SCHEMA = {
    "source": pl.String,
    "listed_on": pl.Date,
    "field_path": pl.String,
    "what": pl.String,
    "kind": pl.String,
    "message": pl.String,
}


def drift(days: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """The rows of the table `drift`, from `days` (rows of `field_days`) and `samples` (field_path, month, sample)."""
    dated = days.with_columns(month=month_start("listed_on"))
    field = [*_FIELD, "month"]
    totals = dated.unique(_DATE).group_by("source", "month").agg(entry_count=pl.col("entry_count").sum())
    by_kind = dated.group_by(*field, "kind").agg(kind_count=pl.col("present_count").sum())
    types = by_kind.sort("kind_count", "kind", descending=[True, False]).group_by(field).agg(types="kind")
    values = samples.group_by("field_path", "month", maintain_order=True).agg("sample")
    # Instead of dividing by a column with one value throughout, Polars multiplies by its reciprocal. Then the last
    # digit of a share would depend on the other months of the frame. A sum is an ordinary column.
    entry_count = pl.col("entry_count") + 0 * pl.col("present_count")
    return (
        dated.group_by(field)
        .agg(
            first_seen_on=pl.col("listed_on").min(),
            last_seen_on=pl.col("listed_on").max(),
            present_count=pl.col("present_count").sum(),
        )
        .join(types, on=field)
        .join(totals, on=["source", "month"])
        .join(values, on=["field_path", "month"], how="left")
        # An entry that holds a field in two types is counted once for each; it is one entry.
        .with_columns(pl.min_horizontal("present_count", "entry_count").alias("present_count"))
        .with_columns(share=pl.col("present_count") / entry_count)
    )


def month_start(name: str) -> pl.Expr:
    """The first day of the month of a date."""
    return pl.col(name).dt.truncate("1mo")


def notices(days: pl.DataFrame) -> pl.DataFrame:
    """Changes by date (columns of `NOTICE_SCHEMA`), from `days`, which are rows of `field_days`.

    Fields on the first date give no notice. A change is dated by the first date on which the field is present, or
    absent. Where a container appears or vanishes, the fields within it give no notices of their own.
    """
    if days.is_empty():
        return pl.DataFrame(schema=NOTICE_SCHEMA)
    counts = days.group_by(*_DATE, "field_path").agg(pl.col("present_count").sum())
    changes = _changes(counts, days, _FIELD).with_columns(kind=pl.lit(None, pl.String))
    is_relation = pl.col("field_path").str.contains(RELATION_SEPARATOR, literal=True)
    fields = _outermost(changes.filter(~is_relation))
    kinds = _changes(days, days, _SERIES).join(changes, on=[*_FIELD, "listed_on"], how="anti")
    parts = [_field_notices(fields).select(*NOTICE_SCHEMA), _kind_notices(kinds, days).select(*NOTICE_SCHEMA)]
    return pl.concat(parts).sort("listed_on", "source", "field_path", "what", "kind")


def _changes(counts: pl.DataFrame, days: pl.DataFrame, series: list[str]) -> pl.DataFrame:
    """The dates on which a series appears after an absence, or vanishes, where chance does not explain the absence.

    Columns: `series`, `listed_on`, `appears` (else it vanishes), and `is_back` where it was present before.
    """
    dates = days.select(*_DATE, "entry_count").unique(_DATE).sort(_DATE)
    present = pl.col("present_count")
    all_dates = (
        dates.join(counts.select(series).unique(), on="source")
        .join(counts.select(*series, "listed_on", "present_count"), on=[*series, "listed_on"], how="left")
        .with_columns(present.fill_null(0))
        .sort(*series, "listed_on")
    )

    def rate(*, after: bool) -> pl.Expr:
        """The share of entries with the series in the dates from here on, or in those before."""
        sums, share = [], present / pl.col("entry_count")
        for name in ("present_count", "entry_count"):
            values = pl.col(name).reverse() if after else pl.col(name).shift(1)
            rolling = values.rolling_sum(_WINDOW_DATES, min_samples=1)
            sums.append((rolling.reverse() if after else rolling).over(series, order_by="listed_on"))
        # Where all entries of the nearest date have the field, that date alone shows that it is always present.
        nearest = share if after else share.shift(1).over(series, order_by="listed_on")
        return pl.when(nearest >= _ALWAYS).then(nearest).otherwise(sums[0] / sums[1])

    absent = present == 0
    run = (absent != absent.shift(1)).fill_null(value=True).cum_sum().over(series, order_by="listed_on")
    dated = all_dates.with_columns(run=run, before=rate(after=False), after=rate(after=True))
    runs = (
        dated.group_by(*series, "run")
        .agg(pl.col("listed_on").first(), is_absent=absent.first(), before=pl.col("before").first(), after="after")
        .with_columns(after=pl.col("after").list.first())
        .sort(*series, "run")
        .with_columns(later=pl.col("after").shift(-1).over(series))
    )
    expected = (
        dated.select(*series, "run", "entry_count")
        .join(runs.select(*series, "run", "before", "later"), on=[*series, "run"])
        .group_by(*series, "run")
        .agg(by_before=_expected_count("before"), by_later=_expected_count("later"))
    )
    measured = runs.join(expected, on=[*series, "run"]).sort(*series, "run")
    expected_in_absence = pl.col("by_later").shift(1).over(series)
    was_present = (~pl.col("is_absent")).cast(pl.Int32).cum_sum().over(series) > 1
    appears = ~pl.col("is_absent") & (expected_in_absence >= _MIN_EXPECTED)
    vanishes = pl.col("is_absent") & (pl.col("by_before") >= _MIN_EXPECTED)
    changes = measured.with_columns(is_back=was_present, appears=appears).filter(pl.col("run") > 1, appears | vanishes)
    # A field that came back only in a few entries, which is not a change, cannot vanish a second time.
    is_new = (pl.col("appears") != pl.col("appears").shift(1).over(series)).fill_null(value=True)
    return changes.filter(is_new).select(*series, "listed_on", "appears", "is_back")


def _expected_count(rate: str) -> pl.Expr:
    """The number of entries that should carry a field, by its `rate`, over the dates of a run.

    Entries of one date resemble each other (a list captured early lacks late fields), so one date counts for at most
    half of the minimum, unless every entry has the field.
    """
    expected = pl.col("entry_count") * pl.col(rate)
    return pl.when(pl.col(rate) >= _ALWAYS).then(expected).otherwise(expected.clip(upper_bound=_MIN_EXPECTED / 2)).sum()


def _outermost(changes: pl.DataFrame) -> pl.DataFrame:
    """The changes, without those of fields whose container changes in the same way on the same date."""
    path = pl.col("field_path")
    parent = path.str.replace(r"(\.[A-Za-z0-9_]+|\.\"[^\"]*\"|\[\])$", "")
    parents = changes.select("source", "listed_on", "appears", parent="field_path")
    return changes.with_columns(parent=parent).join(
        parents, on=["source", "listed_on", "appears", "parent"], how="anti"
    )


def _field_notices(fields: pl.DataFrame) -> pl.DataFrame:
    what = pl.when(~pl.col("appears")).then(pl.lit("vanished")).when("is_back").then(pl.lit("came_back"))
    return fields.with_columns(what=what.otherwise(pl.lit("appeared"))).with_columns(
        message=pl.format("{} {}", "field_path", pl.col("what").str.replace("_", " "))
    )


def _kind_notices(kinds: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """One notice for each field and date on which kinds appear or vanish while the field stays."""
    is_relation = pl.col("field_path").str.contains(RELATION_SEPARATOR, literal=True)
    what = pl.when(is_relation).then(pl.lit("meaning_changed")).otherwise(pl.lit("type_changed"))
    dated = kinds.with_columns(what=what)
    old = dated.filter(~pl.col("appears")).group_by(*_FIELD, "listed_on", "what").agg(old=pl.col("kind").sort())
    new = dated.filter("appears").group_by(*_FIELD, "listed_on", "what").agg(new=pl.col("kind").sort())
    both = new.join(old, on=[*_FIELD, "listed_on", "what"], how="full", coalesce=True)
    main_kinds = (
        days.sort("present_count", descending=True)
        .unique([*_FIELD, "listed_on"], keep="first", maintain_order=True)
        .select(*_FIELD, "listed_on", main_kind="kind")
        .sort("listed_on")
    )
    before = main_kinds.with_columns(before=pl.col("main_kind").shift(1).over(_FIELD, order_by="listed_on"))
    names = both.with_columns(new=pl.col("new").list.join(", "), old=pl.col("old").list.join(", ")).join(
        before, on=[*_FIELD, "listed_on"], how="left"
    )
    return names.with_columns(
        kind=pl.coalesce("new", "old"),
        message=pl.when(pl.col("new").is_not_null())
        .then(pl.format("{} is {} now, where it was {}", "field_path", "new", pl.col("before").fill_null("nothing")))
        .otherwise(pl.format("{} is no longer {}", "field_path", "old")),
    )
