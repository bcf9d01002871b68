"""New anomalies of the dates of a run: lists that differ from earlier lists, and drift of the source's fields."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from paperlake.quality.validation_log import Run, record
from paperlake.quality.validator import Validator
from paperlake.store.lake import Lake
from paperlake.store.publish import LakeBusy, open_writer
from paperlake.store.rows import scan
from paperlake.store.snapshot import LakeChanging, Snapshot, read_consistent
from schemas.calendar import months_between, months_of, shift_month
from schemas.captures import CAPTURES
from schemas.field_days import FIELD_DAYS
from schemas.freshness import FRESHNESS
from schemas.list_profile import LIST_PROFILE
from schemas.listings import LISTINGS
from schemas.rejects import REJECTS
from schemas.signals import SIGNALS
from schemas.source_days import HUB, SOURCE_DAYS
from transforms.conform import conform, empty_table
from transforms.drift import NOTICE_SCHEMA, notices
from transforms.hub.list_profile import profile_lists
from transforms.hub.verdicts import FINAL

_READ_ERRORS = (pl.exceptions.PolarsError, OSError, LakeChanging, LakeBusy)
log = logging.getLogger("paperlake")
_MONTHS_BEFORE, _MONTHS_AFTER = 3, 1


@dataclass(frozen=True, slots=True)
class ListProfile:
    """Profiles of lists (rows of `list_profile`), and notices of drift (`NOTICE_SCHEMA`)."""

    profile: pl.DataFrame
    notices: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Anomalies:
    """The anomalies that a run found, in words. `docs` is the first page of the Data Docs, if there are any."""

    warnings: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    docs: str | None = None


NO_ANOMALIES = Anomalies()


def read_list_profiles(lake: Lake, dates: Collection[date]) -> ListProfile:
    """The current profiles of the lists of `dates`. Reads only their months and those around them."""
    clusters = _month_clusters(sorted(months_of(dates)))
    parts = [empty_profile(), *(_read_profiles(lake, months, dates) for months in clusters)]
    return ListProfile(pl.concat(part.profile for part in parts), pl.concat(part.notices for part in parts))


def profile_before_run(lake: Lake, dates: Collection[date]) -> ListProfile:
    """`read_list_profiles` for a run that must continue if the lake cannot be read: then the profile is empty."""
    try:
        return read_list_profiles(lake, dates)
    except _READ_ERRORS as error:
        log.warning("lists cannot be compared with earlier ones: %s; see `papers verify`", error)
        return empty_profile()


def find_anomalies(  # noqa: PLR0913, PLR0917 - what to compare, and where findings go
    lake: Lake,
    before: ListProfile,
    dates: Collection[date],
    run: Run,
    validator: Validator,
    due: date | None = None,
) -> Anomalies:
    """The anomalies of `dates` that were not there `before`. Findings go to the validation log and the Data Docs.

    Where a date is `due`, the age of the lake is validated too. An anomaly only warns; a lake that cannot be read is a
    warning as well.
    """
    try:
        return _new_anomalies(lake, before, dates, run, validator, due)
    except _READ_ERRORS as error:
        message = str(error).splitlines()[0]
        return Anomalies((f"lists could not be compared with earlier ones: {message}; see `papers verify`",))


def _new_anomalies(  # noqa: PLR0913, PLR0917 - as above
    lake: Lake, before: ListProfile, dates: Collection[date], run: Run, validator: Validator, due: date | None
) -> Anomalies:
    now = read_list_profiles(lake, dates)
    fresh = now.profile.join(before.profile, on=LIST_PROFILE.arrow().names, how="anti", nulls_equal=True)
    new_notices = now.notices.join(before.notices, on=list(NOTICE_SCHEMA), how="anti", nulls_equal=True)
    warnings = validator.warnings(LIST_PROFILE, fresh) if fresh.height else []
    if due is not None and (age := freshness(lake, due)).height:
        warnings += validator.warnings(FRESHNESS, age)
    findings = validator.take_findings()
    # New votes change the profile of a list, but an anomaly that it had before is not new.
    earlier = before.profile.join(fresh.select("listed_on"), on="listed_on", how="semi")
    known: set[tuple[date, str]] = set()
    if warnings and earlier.height:
        known = {(warning.listed_on, warning.column) for warning in validator.warnings(LIST_PROFILE, earlier)}
        validator.take_findings()
    if findings:
        with open_writer(lake) as writer:
            record(writer, run, findings)
    page = validator.write_docs(lake.quality)
    return Anomalies(
        warnings=tuple(warning.message for warning in warnings if (warning.listed_on, warning.column) not in known),
        drift=tuple(f"{day}: {message}" for day, message in new_notices.select("listed_on", "message").iter_rows()),
        docs=str(page) if page else None,
    )


def freshness(lake: Lake, due: date) -> pl.DataFrame:
    """How far the lake is behind the date that is `due`, as a row of `freshness`; no row for an empty lake."""
    rows = read_consistent(lake, lambda seen: _newest_final(seen, due))
    return conform(
        rows.drop_nulls().select(
            listed_on=pl.lit(due), age_days=(pl.lit(due) - pl.col("newest")).dt.total_days().cast(pl.Int32)
        ),
        FRESHNESS,
    )


def _newest_final(seen: Snapshot, due: date) -> pl.DataFrame:
    """The `newest` date up to `due` with a final verdict. Reads the months backwards until it finds one."""
    final = pl.col("verdict").is_in(list(FINAL)) & (pl.col("source") == HUB) & (pl.col("listed_on") <= due)
    newest = pl.DataFrame({"newest": [None]}, schema={"newest": pl.Date})
    for month in reversed(seen.manifest.months(SOURCE_DAYS.name)):
        newest = scan(seen, SOURCE_DAYS, [month]).filter(final).select(newest=pl.col("listed_on").max()).collect()
        if newest["newest"].item() is not None:
            break
    return newest


def all_drift_notices(lake: Lake) -> pl.DataFrame:
    """All notices of drift, in the columns of `NOTICE_SCHEMA`."""
    return notices(read_consistent(lake, lambda seen: scan(seen, FIELD_DAYS).collect()))


def empty_profile() -> ListProfile:
    """A profile without lists and notices."""
    return ListProfile(empty_table(LIST_PROFILE), pl.DataFrame(schema=NOTICE_SCHEMA))


def _read_profiles(lake: Lake, months: Collection[str], dates: Collection[date]) -> ListProfile:
    def read(seen: Snapshot) -> ListProfile:
        lists, signals, captures, rejects, days, fields = (
            scan(seen, table, months).select(names or pl.all()).collect()
            for table, names in (
                (LISTINGS, _LIST_COLUMNS),
                (SIGNALS, ["listed_on", "paper_id", "captured_at", "upvote_count"]),
                (CAPTURES, None),
                (REJECTS, ["listed_on", "captured_at", "place", "is_row_kept"]),
                (SOURCE_DAYS, None),
                (FIELD_DAYS, None),
            )
        )
        hub_days = days.filter(pl.col("source") == HUB)
        return ListProfile(profile_lists(lists, signals, captures, rejects, hub_days), notices(fields))

    profiles = read_consistent(lake, read)
    is_of_dates = pl.col("listed_on").is_in(list(dates))
    return ListProfile(profiles.profile.filter(is_of_dates), profiles.notices.filter(is_of_dates))


_LIST_COLUMNS = [
    *("listed_on", "paper_id", "position", "title", "abstract", "author_count", "published_at", "ai_summary"),
    *("ai_keywords", "upvote_count", "last_seen_at", "is_listed"),
]


def _month_clusters(months: Sequence[str]) -> list[list[str]]:
    """Split sorted `months` at gaps, and add the months around each part: the gaps themselves are not read."""
    spans: list[tuple[str, str]] = []
    for month in months:
        if spans and month <= shift_month(spans[-1][1], _MONTHS_BEFORE):
            spans[-1] = (spans[-1][0], month)
        else:
            spans.append((month, month))
    return [
        months_between(shift_month(first, -_MONTHS_BEFORE), shift_month(last, _MONTHS_AFTER)) for first, last in spans
    ]
