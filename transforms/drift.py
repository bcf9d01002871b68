"""What changed in the answers of a source: fields that come and go, and values that change their form or meaning."""

from __future__ import annotations

import polars as pl

from schemas.field_days import RELATES

_DATE = ["source", "listed_on"]
_FIELD = ["source", "field_path"]
_SERIES = [*_FIELD, "kind"]
_WINDOW_DATES = 20
"""So many dates tell how common a field is before it goes, and after it came."""
_MOST_CHANCE = 7.0
"""A field that this many entries should have carried, and none did, is gone: by chance that happens once in a thousand
times (e to the power of -7). Rarer fields are missed later, common ones at once."""
_ALWAYS = 0.98
NOTICE = {
    "source": pl.String,
    "listed_on": pl.Date,
    "field_path": pl.String,
    "what": pl.String,
    "kind": pl.String,
    "message": pl.String,
}


def drift(days: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """The rows of the table `drift`: of `days` of the table `field_days`, and some values of each field and month."""
    dated = days.with_columns(month=month_of("listed_on"))
    field = [*_FIELD, "month"]
    totals = dated.unique(_DATE).group_by("source", "month").agg(entry_count=pl.col("entry_count").sum())
    by_kind = dated.group_by(*field, "kind").agg(kind_count=pl.col("present_count").sum())
    types = by_kind.sort("kind_count", "kind", descending=[True, False]).group_by(field).agg(types="kind")
    values = samples.group_by("field_path", "month", maintain_order=True).agg("sample")
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
        # An entry may hold a field twice over, each time in another form: it is one entry all the same.
        .with_columns(pl.min_horizontal("present_count", "entry_count").alias("present_count"))
        .with_columns(share=pl.col("present_count") / pl.col("entry_count"))
    )


def month_of(name: str) -> pl.Expr:
    """The month of a date, as its first day."""
    return pl.col(name).dt.truncate("1mo")


def notices(days: pl.DataFrame) -> pl.DataFrame:
    """What changed at which date, by the rows `days` of the table `field_days`: the columns of `NOTICE`.

    What stood on the first of the dates is no news. A field is noticed at the first date on which it is there, or is
    wanting; of a container that comes or goes only itself, not what is in it.
    """
    if days.is_empty():
        return pl.DataFrame(schema=NOTICE)
    counts = days.group_by(*_DATE, "field_path").agg(pl.col("present_count").sum())
    whole = _turns(counts, days, _FIELD).with_columns(kind=pl.lit(None, pl.String))
    is_relation = pl.col("field_path").str.contains(RELATES, literal=True)
    fields = _outermost(whole.filter(~is_relation))
    forms = _turns(days, days, _SERIES).join(whole, on=[*_FIELD, "listed_on"], how="anti")
    worded = [_fields_worded(fields).select(*NOTICE), _forms_worded(forms, days).select(*NOTICE)]
    return pl.concat(worded).sort("listed_on", "source", "field_path", "what", "kind")


def _turns(counts: pl.DataFrame, days: pl.DataFrame, series: list[str]) -> pl.DataFrame:
    """Where each series begins after a silence, or falls silent, that is not by chance.

    Gives `series`, `listed_on`, `comes` (else it goes), and `is_back` where it was there before.
    """
    dates = days.select(*_DATE, "entry_count").unique(_DATE).sort(_DATE)
    present = pl.col("present_count")
    whole = (
        dates.join(counts.select(series).unique(), on="source")
        .join(counts.select(*series, "listed_on", "present_count"), on=[*series, "listed_on"], how="left")
        .with_columns(present.fill_null(0))
        .sort(*series, "listed_on")
    )

    def rate(*, after: bool) -> pl.Expr:
        """How common the series is in the dates from here on, or in those before."""
        sums, counted_share = [], present / pl.col("entry_count")
        for name in ("present_count", "entry_count"):
            counted = pl.col(name).reverse() if after else pl.col(name).shift(1)
            rolled = counted.rolling_sum(_WINDOW_DATES, min_samples=1)
            sums.append((rolled.reverse() if after else rolled).over(series, order_by="listed_on"))
        # A field that all entries of the nearest date have needs no more to prove that it is always there.
        nearest = counted_share if after else counted_share.shift(1).over(series, order_by="listed_on")
        return pl.when(nearest >= _ALWAYS).then(nearest).otherwise(sums[0] / sums[1])

    silent = present == 0
    run = (silent != silent.shift(1)).fill_null(value=True).cum_sum().over(series, order_by="listed_on")
    placed = whole.with_columns(run=run, before=rate(after=False), after=rate(after=True))
    runs = (
        placed.group_by(*series, "run")
        .agg(pl.col("listed_on").first(), is_silent=silent.first(), before=pl.col("before").first(), after="after")
        .with_columns(after=pl.col("after").list.first())
        .sort(*series, "run")
        .with_columns(later=pl.col("after").shift(-1).over(series))
    )
    lasting = (
        placed.select(*series, "run", "entry_count")
        .join(runs.select(*series, "run", "before", "later"), on=[*series, "run"])
        .group_by(*series, "run")
        .agg(by_before=_missed("before"), by_later=_missed("later"))
    )
    told = runs.join(lasting, on=[*series, "run"]).sort(*series, "run")
    silence = pl.col("by_later").shift(1).over(series)
    was_there = (~pl.col("is_silent")).cast(pl.Int32).cum_sum().over(series) > 1
    comes, goes = (
        ~pl.col("is_silent") & (silence >= _MOST_CHANCE),
        pl.col("is_silent") & (pl.col("by_before") >= _MOST_CHANCE),
    )
    turns = told.with_columns(is_back=was_there, comes=comes).filter(pl.col("run") > 1, comes | goes)
    # What came back only here and there, which is no turn, does not vanish once more.
    is_turn = (pl.col("comes") != pl.col("comes").shift(1).over(series)).fill_null(value=True)
    return turns.filter(is_turn).select(*series, "listed_on", "comes", "is_back")


def _missed(rate: str) -> pl.Expr:
    """How many entries of some dates should have carried a field that is so common, and did not.

    Entries of one date are alike (a list captured early lacks what comes late), so one date proves little, unless
    every entry has the field.
    """
    expected = pl.col("entry_count") * pl.col(rate)
    return pl.when(pl.col(rate) >= _ALWAYS).then(expected).otherwise(expected.clip(upper_bound=_MOST_CHANCE / 2)).sum()


def _outermost(turns: pl.DataFrame) -> pl.DataFrame:
    """The turns without those of fields whose container turns just so on the same date."""
    path = pl.col("field_path")
    parent = path.str.replace(r"(\.[A-Za-z0-9_]+|\.\"[^\"]*\"|\[\])$", "")
    turned = turns.select("source", "listed_on", "comes", parent="field_path")
    return turns.with_columns(parent=parent).join(turned, on=["source", "listed_on", "comes", "parent"], how="anti")


def _fields_worded(fields: pl.DataFrame) -> pl.DataFrame:
    what = pl.when(~pl.col("comes")).then(pl.lit("vanished")).when("is_back").then(pl.lit("came_back"))
    return fields.with_columns(what=what.otherwise(pl.lit("appeared"))).with_columns(
        message=pl.format("{} {}", "field_path", pl.col("what").str.replace("_", " "))
    )


def _forms_worded(forms: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """The kinds that come or go while their field stays: one notice a field and date."""
    is_relation = pl.col("field_path").str.contains(RELATES, literal=True)
    what = pl.when(is_relation).then(pl.lit("meaning_changed")).otherwise(pl.lit("type_changed"))
    dated = forms.with_columns(what=what)
    gone = dated.filter(~pl.col("comes")).group_by(*_FIELD, "listed_on", "what").agg(gone=pl.col("kind").sort())
    come = dated.filter("comes").group_by(*_FIELD, "listed_on", "what").agg(come=pl.col("kind").sort())
    both = come.join(gone, on=[*_FIELD, "listed_on", "what"], how="full", coalesce=True)
    usual = (
        days.sort("present_count", descending=True)
        .unique([*_FIELD, "listed_on"], keep="first", maintain_order=True)
        .select(*_FIELD, "listed_on", usual="kind")
        .sort("listed_on")
    )
    before = usual.with_columns(before=pl.col("usual").shift(1).over(_FIELD, order_by="listed_on"))
    names = both.with_columns(come=pl.col("come").list.join(", "), gone=pl.col("gone").list.join(", ")).join(
        before, on=[*_FIELD, "listed_on"], how="left"
    )
    return names.with_columns(
        kind=pl.coalesce("come", "gone"),
        message=pl.when(pl.col("come").is_not_null())
        .then(pl.format("{} is {} now, where it was {}", "field_path", "come", pl.col("before").fill_null("nothing")))
        .otherwise(pl.format("{} is no longer {}", "field_path", "gone")),
    )
