"""Health checks: every promise of the lake, whether it holds, and what to do if it does not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import polars as pl

from paperlake.ingest.coverage import DateStatus, date_statuses
from paperlake.ingest.harvest_coverage import Span, coverage_of, covers_set, read_harvests
from paperlake.ingest.oai_harvest import Window
from paperlake.monitoring.anomalies import read_list_profiles
from paperlake.monitoring.heartbeat import last_heartbeat
from paperlake.retrieval.word_index import damaged_files, read_state, stale_months
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_consistent, snapshot
from paperlake.store.verify import verify
from paperlake.text import plural
from schemas.calendar import month_of
from schemas.captures import CAPTURES
from schemas.rejects import REJECTS
from schemas.source_days import HUB, SOURCE_DAYS
from schemas.table import Table
from schemas.validations import VALIDATIONS
from transforms.arxiv.harvest_days import WHOLE
from transforms.graph import EVIDENCE

State = Literal["ok", "warn", "fail"]

DUE_AFTER = timedelta(hours=30)
"""Date D is complete by 06:00 UTC on D+1: thirty hours after D begins in UTC."""
SILENCE = timedelta(hours=26)
"""A daily run ends every 24 hours; the rest is for a slow one."""
_RECENT = timedelta(days=30)
_MAX_NAMED = 5
_MIN_FREE_BYTES = 2**30
_MAX_INBOX_AGE_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one health check. `fail` is a broken promise, `warn` something that a person should look at."""

    name: str
    state: State
    message: str
    remedy: str = ""


def run_checks(lake: Lake, now: datetime, *, is_thorough: bool = True) -> list[Check]:
    """Run all checks; `is_thorough` reads every published file too. Raises ManifestUnreadable."""
    if not snapshot(lake).manifest.months(SOURCE_DAYS.name):
        return [Check("freshness", "fail", f"nothing is published in {lake.root}", "papers daily")]
    checks: list[Callable[[Lake, datetime], Check]] = [_freshness, _heartbeat, _gaps, _captures, _rejects]
    checks += [_validations, _anomalies, _harvest, _inbox, _disk]
    if is_thorough:
        checks += [_files, _search]
    return [_run_check(check, lake, now) for check in checks]


def _run_check(check: Callable[[Lake, datetime], Check], lake: Lake, now: datetime) -> Check:
    """Run one check. An exception is a failed check: the other checks may show its cause."""
    try:
        return check(lake, now)
    except Exception as error:  # noqa: BLE001 - no error of one check may prevent the others
        name = check.__name__.removeprefix("_")
        return Check(name, "fail", f"cannot be checked: {str(error).splitlines()[0]}", "papers verify --repair")


def _due(now: datetime) -> date:
    """The newest date that should be complete by now."""
    return (now - DUE_AFTER).date()


def _freshness(lake: Lake, now: datetime) -> Check:
    due = _due(now)
    (status,) = date_statuses(lake, due, due)
    if not status.is_gap:
        return Check("freshness", "ok", f"{due} is {_verdict(status)}")
    return Check("freshness", "fail", f"{due} should be complete by now, but is {_verdict(status)}", "papers daily")


def _heartbeat(lake: Lake, now: datetime) -> Check:
    beat = last_heartbeat(lake)
    if beat is None:
        remedy = "papers serve (or a schedule of your own for `papers daily`)"
        return Check("heartbeat", "warn", "no daily run has ended here yet", remedy)
    silence = now - beat.ended_at
    message = f"the last daily run ended {ago(silence)} ago: {beat.summary}"
    if silence > SILENCE:
        remedy = "check that `papers serve`, or the worker, is running"
        return Check("heartbeat", "fail", f"nothing ran: {message}", remedy)
    return Check("heartbeat", "ok" if beat.is_well else "warn", message, "" if beat.is_well else "papers daily")


def _gaps(lake: Lake, now: datetime) -> Check:
    is_hub = pl.col("source") == HUB
    oldest = pl.col("listed_on").min()
    first = read_consistent(lake, lambda seen: scan(seen, SOURCE_DAYS).filter(is_hub).select(oldest).collect().item())
    if first is None:
        return Check("gaps", "warn", "no list of the Hub was ever requested", "papers daily")
    due = _due(now)
    gaps = [status for status in date_statuses(lake, first, due) if status.is_gap] if first <= due else []
    if not gaps:
        return Check("gaps", "ok", f"none between {first} and {due}")
    verdicts = [_verdict(status) for status in gaps]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    remedy = f"papers gaps; papers backfill {gaps[0].listed_on}"
    return Check("gaps", "warn", f"{plural(len(gaps), 'date')} since {first}: {counts}", remedy)


def _captures(lake: Lake, now: datetime) -> Check:
    since = (now - _RECENT).date()
    captures = _rows_since(lake, CAPTURES, since)
    refused = captures.filter("is_refused")
    doubtful = captures.filter("is_in_doubt")
    if refused.is_empty() and doubtful.is_empty():
        return Check("captures", "ok", f"none was refused or is in doubt since {since}")
    newest = pl.concat([refused, doubtful]).sort("listed_on").select("listed_on", "fault").head(_MAX_NAMED)
    names = ", ".join(f"{day} ({fault})" for day, fault in newest.iter_rows())
    remedy = "papers accept, if the capture is right"
    message = f"{refused.height} refused and {doubtful.height} in doubt since {since}: {names}"
    return Check("captures", "warn", message, remedy)


def _harvest(lake: Lake, now: datetime) -> Check:
    """The newest harvest of each set, and the windows that are missing. A lake without harvests is fine."""
    harvests = read_harvests(lake)
    if harvests.is_empty():
        return Check("harvest", "ok", "arXiv was never harvested here")
    # A set that nobody harvests any more is not reported for ever.
    recent = harvests.filter(pl.col("ended_at") >= now - _RECENT)
    sets = sorted(recent["set_spec"].unique().to_list(), key=lambda set_spec: set_spec or "")
    if failed := [text for set_spec in sets if (text := _unfinished(harvests, set_spec))]:
        return Check("harvest", "warn", f"the newest harvest is not complete ({'; '.join(failed)})", "papers harvest")
    holes = {set_spec: coverage_of(harvests, set_spec).holes() for set_spec in sets}
    of_all = holes.get(None, [])
    named = [hole for set_spec, found in holes.items() if set_spec is None or found != of_all for hole in found]
    named = [hole for hole in named if not any(_is_within(hole, other) for other in of_all if other != hole)]
    if named:
        listed = "; ".join(map(str, named[:_MAX_NAMED])) + _and_more(len(named))
        of_set = f" --set {named[0].set_spec}" if named[0].set_spec else ""
        remedy = f"papers harvest{of_set}" + ("" if named[0].since else " (or first papers import-arxiv, far faster)")
        return Check("harvest", "warn", f"never harvested completely: {listed}", remedy)
    newest = harvests.row(-1, named=True)
    silence = now - newest["ended_at"]
    message = f"the last one ended {ago(silence)} ago: {plural(newest['record_count'], 'record')}, complete"
    if silence > SILENCE:
        return Check("harvest", "warn", message, "papers harvest")
    return Check("harvest", "ok", message)


def _unfinished(harvests: pl.DataFrame, set_spec: str | None) -> str | None:
    """Why the newest harvest of a set is not complete; None if it is, or if a later one that is contains its window."""
    newest = harvests.filter(pl.col("set_spec").eq_missing(set_spec)).row(-1, named=True)
    if newest["verdict"] in WHOLE:
        return None
    later = harvests.filter(
        covers_set(set_spec), pl.col("verdict").is_in(WHOLE), pl.col("ended_at") > newest["ended_at"]
    )
    window = Window(None, newest["from_on"], newest["until_on"])
    wholes = [Window(None, *days) for days in later.select("from_on", "until_on").iter_rows()]
    if any(_is_within(window, whole) for whole in wholes):
        return None
    return f"{set_spec or 'all sets'}: {newest['reason']}"


def _is_within(window: Window, other: Window) -> bool:
    return Span.of(other).contains(Span.of(window))


def _rejects(lake: Lake, now: datetime) -> Check:
    since = (now - _RECENT).date()
    rejects = _rows_since(lake, REJECTS, since).filter(pl.col("reason") != "capture_refused")
    if rejects.is_empty():
        return Check("rejects", "ok", f"none since {since}")
    counts = rejects.group_by("reason").len().sort("len", "reason", descending=[True, False])
    listed = ", ".join(f"{count} {reason}" for reason, count in counts.iter_rows())
    return Check("rejects", "warn", f"since {since}: {listed}", "papers rejects")


def _validations(lake: Lake, now: datetime) -> Check:
    since = (now - _RECENT).date()
    results = _rows_since(lake, VALIDATIONS, since).filter(pl.col("severity") != "warn")
    if results.is_empty():
        return Check("validations", "ok", f"no new results since {since}")
    expectation = ["suite", "column_name", "expectation", "judged_month"]
    newest = results.sort("judged_at").unique(expectation, keep="last", maintain_order=True)
    unmet = newest.filter(~pl.col("success"), pl.col("severity") == "refuse_row")
    if unmet.is_empty():
        message = f"{plural(newest.height, 'expectation')} validated since {since}, all mandatory ones are met"
        return Check("validations", "ok", message)
    names = ", ".join(unmet.select(pl.format("{}.{} in {}", "table_name", "column_name", "judged_month")).to_series())
    remedy = "papers rebuild; please report this"
    return Check("validations", "fail", f"not met, and so not published: {names}", remedy)


def _anomalies(lake: Lake, now: datetime) -> Check:
    """Warnings in the validation log, and drift, of the last 30 days."""
    since = (now - _RECENT).date()
    results = _rows_since(lake, VALIDATIONS, since).filter(pl.col("severity") == "warn").sort("judged_at")
    newest = results.unique(["column_name", "judged_month"], keep="last", maintain_order=True)
    warnings = newest.filter(~pl.col("success"))
    dates = [since + timedelta(days=n) for n in range((now.date() - since).days + 1)]
    drift = read_list_profiles(lake, dates).notices
    if warnings.is_empty() and drift.is_empty():
        return Check("anomalies", "ok", f"no list that differs from earlier ones, and no drift, since {since}")
    messages = [f"{row['column_name']} in {row['judged_month']}" for row in warnings.rows(named=True)]
    messages += [f"{day} {message}" for day, message in drift.select("listed_on", "message").iter_rows()]
    remedy = "papers drift; papers sql 'from validations where not success'"
    return Check("anomalies", "warn", "; ".join(messages[:_MAX_NAMED]) + _and_more(len(messages)), remedy)


def _inbox(lake: Lake, now: datetime) -> Check:
    files = [path for table in EVIDENCE for path in (lake.inbox / table.name).glob("*/*.row")]
    old = [path for path in files if path.exists() and now.timestamp() - path.stat().st_mtime > _MAX_INBOX_AGE_S]
    if not old:
        return Check("inbox", "ok", f"{plural(len(files), 'answer')} to be published" if files else "empty")
    message = f"{plural(len(old), 'answer')} unpublished for more than a day"
    return Check("inbox", "fail", message, "papers rebuild")


def _disk(lake: Lake, _now: datetime) -> Check:
    free = shutil.disk_usage(lake.root).free
    used = sum(entry.bytes for entry in snapshot(lake).manifest.files.values())
    message = f"{free / 1e9:.1f} GB free, the lake's tables take {used / 1e9:.2f} GB"
    if free < max(_MIN_FREE_BYTES, used // 10):
        return Check("disk", "fail", message, "free some space: a publish writes new files before it removes old ones")
    return Check("disk", "ok", message)


def _files(lake: Lake, _now: datetime) -> Check:
    result = verify(lake)
    if not result.faults:
        message = f"as published: {plural(result.files, 'file')}; with stored answers: {plural(result.rows, 'row')}"
        return Check("files", "ok", message)
    names = "; ".join(map(str, result.faults[:_MAX_NAMED]))
    return Check("files", "fail", f"{plural(len(result.faults), 'fault')}: {names}", "papers verify --repair")


def _search(lake: Lake, _now: datetime) -> Check:
    if not read_state(lake).version:
        return Check("search", "ok", "there is no index yet; the first `papers search` makes it")
    if damaged := damaged_files(lake):
        return Check("search", "warn", f"{plural(len(damaged), 'file')} of the index damaged", "papers index")
    if stale := stale_months(lake):
        return Check("search", "ok", f"the next search updates {plural(len(stale), 'month')} of the index")
    return Check("search", "ok", "the index is current and as it was written")


def _rows_since(lake: Lake, table: Table, since: date) -> pl.DataFrame:
    """The rows of a table from `since` on; reads only the months that can hold them."""
    months = [month for month in snapshot(lake).manifest.months(table.name) if month >= month_of(since)]
    is_recent = pl.col(table.dated_by) >= since
    return read_consistent(lake, lambda seen: scan(seen, table, months).filter(is_recent).collect())


def _verdict(status: DateStatus) -> str:
    return (status.verdict or "never requested").replace("_", " ")


def _and_more(count: int) -> str:
    return f" and {count - _MAX_NAMED} more" if count > _MAX_NAMED else ""


def ago(time: timedelta) -> str:
    """A duration in hours or days."""
    hours = time.total_seconds() / 3600
    return plural(round(hours), "hour") if hours < 48 else plural(round(hours / 24), "day")  # noqa: PLR2004


def failed_checks(checks: Sequence[Check]) -> list[Check]:
    """The checks of broken promises."""
    return [check for check in checks if check.state == "fail"]
