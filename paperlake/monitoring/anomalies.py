"""What is odd about the dates of a run, and was not before it: lists unlike those before them, and drift."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from paperlake.quality.validation_log import Run, record
from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.publish import LakeBusy, open_writer
from paperlake.store.rows import scan
from paperlake.store.snapshot import LakeMoving, Snapshot, read_whole
from schemas.captures import CAPTURES
from schemas.field_days import FIELD_DAYS
from schemas.freshness import FRESHNESS
from schemas.list_profile import LIST_PROFILE
from schemas.listings import LISTINGS
from schemas.rejects import REJECTS
from schemas.signals import SIGNALS
from schemas.source_days import SOURCE_DAYS
from transforms.conform import conform, none
from transforms.drift import NOTICE, notices
from transforms.hub.list_profile import profile
from transforms.hub.verdicts import FINAL

_HINDRANCES = (pl.exceptions.PolarsError, OSError, LakeMoving, LakeBusy)
log = logging.getLogger("paperlake")
_MONTHS_BEFORE, _MONTHS_AFTER = 3, 1


@dataclass(frozen=True, slots=True)
class ListProfile:
    """How lists look (rows of `list_profile`), and what is noticed of the answers' fields (`NOTICE`)."""

    profile: pl.DataFrame
    notices: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Anomalies:
    """What a run brought to light that is odd, in words; `docs` is the first page of all that was judged, if any."""

    warnings: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    docs: str | None = None


NO_ANOMALIES = Anomalies()


def looks(lake: Lake, dates: Collection[date]) -> ListProfile:
    """How the lists of `dates` look now. Only their months are read, and those around them."""
    found = [_looks(lake, months, dates) for months in _clusters({_month(day) for day in dates})]
    every = [unseen(), *found]
    return ListProfile(pl.concat(one.profile for one in every), pl.concat(one.notices for one in every))


def looks_before(lake: Lake, dates: Collection[date]) -> ListProfile:
    """`looks`, for a run that must go on where they cannot be read: then nothing was seen before."""
    try:
        return looks(lake, dates)
    except _HINDRANCES as hindrance:
        log.warning("lists cannot be compared with those before: %s; see `papers verify`", hindrance)
        return unseen()


def find_anomalies(
    lake: Lake, before: ListProfile, dates: Collection[date], run: Run, due: date | None = None
) -> Anomalies:
    """What is odd about `dates` that was not so `before`; what was judged goes into the ledger and the Data Docs.

    The age of the lake is judged where a date is `due`. It only warns: what keeps it from looking is a warning, too.
    """
    try:
        return _oddities(lake, before, dates, run, due)
    except _HINDRANCES as hindrance:
        said = str(hindrance).splitlines()[0]
        return Anomalies((f"lists could not be compared with those before: {said}; see `papers verify`",))


def _oddities(lake: Lake, before: ListProfile, dates: Collection[date], run: Run, due: date | None) -> Anomalies:
    from paperlake.quality import judge  # noqa: PLC0415 - importing it takes seconds

    now = looks(lake, dates)
    fresh = now.profile.join(before.profile, on=LIST_PROFILE.arrow().names, how="anti", nulls_equal=True)
    news = now.notices.join(before.notices, on=list(NOTICE), how="anti", nulls_equal=True)
    warned, findings = judge.warned(LIST_PROFILE, fresh) if fresh.height else ([], [])
    # A list whose votes moved looks otherwise, but what was odd about it before is no news.
    known = before.profile.join(fresh.select("listed_on"), on="listed_on", how="semi")
    told = (
        {(one.listed_on, one.column) for one in judge.warned(LIST_PROFILE, known)[0]}
        if warned and known.height
        else set()
    )
    if due is not None and (age := freshness(lake, due)).height:
        aged, of_age = judge.warned(FRESHNESS, age)
        warned, findings = [*warned, *aged], [*findings, *of_age]
    if findings:
        with open_writer(lake) as pen:
            record(pen, run, findings)
    page = judge.write_docs(lake.quality)
    return Anomalies(
        warnings=tuple(one.message for one in warned if (one.listed_on, one.column) not in told),
        drift=tuple(f"{day}: {message}" for day, message in news.select("listed_on", "message").iter_rows()),
        docs=str(page) if page else None,
    )


def freshness(lake: Lake, due: date) -> pl.DataFrame:
    """How far the lake is behind the date that is `due`, as a row of `freshness`; of an empty lake nothing is told."""
    rows = read_whole(lake, lambda seen: _newest_final(seen, due))
    return conform(
        rows.drop_nulls().select(
            listed_on=pl.lit(due), age_days=(pl.lit(due) - pl.col("newest")).dt.total_days().cast(pl.Int32)
        ),
        FRESHNESS,
    )


def _newest_final(seen: Snapshot, due: date) -> pl.DataFrame:
    """The `newest` date up to `due` with a final verdict; of the months only those down to its own are read."""
    final = pl.col("verdict").is_in(list(FINAL)) & (pl.col("source") == "hub") & (pl.col("listed_on") <= due)
    newest = pl.DataFrame({"newest": [None]}, schema={"newest": pl.Date})
    for month in reversed(seen.manifest.months(SOURCE_DAYS.name)):
        newest = scan(seen, SOURCE_DAYS, [month]).filter(final).select(newest=pl.col("listed_on").max()).collect()
        if newest["newest"].item() is not None:
            break
    return newest


def all_notices(lake: Lake) -> pl.DataFrame:
    """Everything that was ever noticed of the answers' fields: the columns of `NOTICE`."""
    return notices(read_whole(lake, lambda seen: scan(seen, FIELD_DAYS).collect()))


def unseen() -> ListProfile:
    """How lists look that nobody has looked at."""
    return ListProfile(none(LIST_PROFILE), pl.DataFrame(schema=NOTICE))


def _looks(lake: Lake, months: Collection[str], dates: Collection[date]) -> ListProfile:
    def read(seen: Snapshot) -> ListProfile:
        lists, signals, captures, rejects, days, fields = (
            scan(seen, table, months).select(names or pl.all()).collect()
            for table, names in (
                (LISTINGS, _LISTED),
                (SIGNALS, ["listed_on", "paper_id", "captured_at", "upvote_count"]),
                (CAPTURES, None),
                (REJECTS, ["listed_on", "captured_at", "place", "is_row_kept"]),
                (SOURCE_DAYS, None),
                (FIELD_DAYS, None),
            )
        )
        of_lists = days.filter(pl.col("source") == "hub")
        return ListProfile(profile(lists, signals, captures, rejects, of_lists), notices(fields))

    found = read_whole(lake, read)
    asked = pl.col("listed_on").is_in(list(dates))
    return ListProfile(found.profile.filter(asked), found.notices.filter(asked))


_LISTED = [
    *("listed_on", "paper_id", "position", "title", "abstract", "author_count", "published_at", "ai_summary"),
    *("ai_keywords", "upvote_count", "last_seen_at", "is_listed"),
]


def _month(day: date) -> int:
    """The months counted through, so that neighbours differ by one."""
    return day.year * 12 + day.month - 1


def _clusters(months: Collection[int]) -> list[list[str]]:
    """Months that lie together, each cluster with the months around it: one must not be compared with years before."""
    clusters: list[list[int]] = []
    for month in sorted(months):
        if clusters and month - clusters[-1][-1] <= _MONTHS_BEFORE:
            clusters[-1].append(month)
        else:
            clusters.append([month])
    return [_named(range(held[0] - _MONTHS_BEFORE, held[-1] + _MONTHS_AFTER + 1)) for held in clusters]


def _named(months: Sequence[int]) -> list[str]:
    return [date(month // 12, month % 12 + 1, 1).strftime(MONTH_FORM) for month in months]
