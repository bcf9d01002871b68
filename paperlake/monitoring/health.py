"""Every promise of the lake looked at once: what holds, what does not, and what to do about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import polars as pl

from paperlake.ingest.coverage import Known, known_dates
from paperlake.monitoring.anomalies import looks
from paperlake.monitoring.heartbeat import last_beat
from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_whole, snapshot
from paperlake.store.verify import verify
from paperlake.text import many
from schemas.captures import CAPTURES
from schemas.harvests import HARVESTS
from schemas.rejects import REJECTS
from schemas.source_days import SOURCE_DAYS
from schemas.table import Table
from schemas.validations import VALIDATIONS
from transforms.graph import EVIDENCE

State = Literal["well", "look", "broken"]

DUE_AFTER = timedelta(hours=30)
"""Date D is complete by 06:00 UTC on D+1: thirty hours after D begins in UTC."""
SILENCE = timedelta(hours=26)
"""A daily run comes every 24 hours; two more are for a slow one."""
_LATELY = timedelta(days=30)
_NAMED = 5
_LEAST_FREE_BYTES = 2**30
_WAITS_TOO_LONG_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `broken` is a promise not kept, `look` something that a person should look at."""

    name: str
    state: State
    message: str
    remedy: str = ""


def run_checks(lake: Lake, now: datetime, *, is_thorough: bool = True) -> list[Check]:
    """Look at everything; `is_thorough` reads every published file too. Raises ManifestUnreadable."""
    if not snapshot(lake).manifest.months(SOURCE_DAYS.name):
        return [Check("freshness", "broken", f"nothing is published in {lake.root}", "papers daily")]
    checks: list[Callable[[Lake, datetime], Check]] = [_freshness, _heartbeat, _gaps, _captures, _rejects]
    checks += [_validations, _oddities, _harvest, _waiting, _disk]
    if is_thorough:
        checks.append(_files)
    return [_looked_at(check, lake, now) for check in checks]


def _looked_at(check: Callable[[Lake, datetime], Check], lake: Lake, now: datetime) -> Check:
    """What a check finds; that it cannot look is a finding, too: the next one may tell why."""
    try:
        return check(lake, now)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other promises are looked at all the same
        name = check.__name__.removeprefix("_")
        return Check(name, "broken", f"cannot be looked at: {str(error).splitlines()[0]}", "papers verify --repair")


def _due(now: datetime) -> date:
    """The newest date that should be complete by now."""
    return (now - DUE_AFTER).date()


def _freshness(lake: Lake, now: datetime) -> Check:
    due = _due(now)
    (known,) = known_dates(lake, due, due)
    if not known.is_gap:
        return Check("freshness", "well", f"{due} is {_said(known)}")
    return Check("freshness", "broken", f"{due} should be complete by now, but is {_said(known)}", "papers daily")


def _heartbeat(lake: Lake, now: datetime) -> Check:
    beat = last_beat(lake)
    if beat is None:
        remedy = "papers serve (or a schedule of your own for `papers daily`)"
        return Check("heartbeat", "look", "no daily run has ended here yet", remedy)
    silence = now - beat.ended_at
    told = f"the last daily run ended {ago(silence)} ago: {beat.summary}"
    if silence > SILENCE:
        return Check(
            "heartbeat", "broken", f"nothing ran: {told}", "see that `papers serve`, or the worker, is running"
        )
    return Check("heartbeat", "well" if beat.is_well else "look", told, "" if beat.is_well else "papers daily")


def _gaps(lake: Lake, now: datetime) -> Check:
    of_hub = pl.col("source") == "hub"
    asked = pl.col("listed_on").min()
    first = read_whole(lake, lambda seen: scan(seen, SOURCE_DAYS).filter(of_hub).select(asked).collect().item())
    if first is None:
        return Check("gaps", "look", "the Hub was never asked for a list", "papers daily")
    due = _due(now)
    gaps = [day for day in known_dates(lake, first, due) if day.is_gap] if first <= due else []
    if not gaps:
        return Check("gaps", "well", f"none between {first} and {due}")
    counts = {said: sum(_said(day) == said for day in gaps) for said in dict.fromkeys(map(_said, gaps))}
    told = ", ".join(f"{count} {said}" for said, count in counts.items())
    since = gaps[0].listed_on
    return Check(
        "gaps", "look", f"{many(len(gaps), 'date')} since {first}: {told}", f"papers gaps; papers backfill {since}"
    )


def _captures(lake: Lake, now: datetime) -> Check:
    since = (now - _LATELY).date()
    refused = _lately(lake, CAPTURES, since).filter(pl.col("is_refused")).sort("listed_on")
    if refused.is_empty():
        return Check("captures", "well", f"none was refused since {since}")
    names = ", ".join(
        f"{day} ({fault})" for day, fault in refused.select("listed_on", "fault").head(_NAMED).iter_rows()
    )
    return Check(
        "captures", "look", f"{refused.height} refused since {since}: {names}", "papers accept, if you know better"
    )


def _harvest(lake: Lake, now: datetime) -> Check:
    """The newest harvest of each set of arXiv's; a lake that harvests nothing need not."""
    ended = read_whole(lake, lambda seen: scan(seen, HARVESTS).collect()).sort("ended_at")
    if ended.is_empty():
        return Check("harvest", "well", "arXiv was never harvested here")
    newest = ended.unique("set_spec", keep="last", maintain_order=True).sort("ended_at")
    failed = newest.filter(~pl.col("verdict").is_in(["complete", "confirmed_empty"]))
    if failed.height:
        what = "; ".join(f"{of or 'all sets'}: {why}" for of, why in failed.select("set_spec", "reason").iter_rows())
        return Check("harvest", "look", f"the newest harvest is not complete ({what})", "papers harvest")
    ended_at: datetime = newest["ended_at"][-1]
    silence = now - ended_at
    told = f"the last one ended {ago(silence)} ago: {newest['record_count'][-1]} records, complete"
    return Check(
        "harvest", "look" if silence > SILENCE else "well", told, "papers harvest" if silence > SILENCE else ""
    )


def _rejects(lake: Lake, now: datetime) -> Check:
    since = (now - _LATELY).date()
    rejects = _lately(lake, REJECTS, since).filter(pl.col("reason") != "capture_refused")
    if rejects.is_empty():
        return Check("rejects", "well", f"nothing was refused since {since}")
    counts = rejects.group_by("reason").len().sort("len", "reason", descending=[True, False])
    told = ", ".join(f"{count} {reason}" for reason, count in counts.iter_rows())
    return Check("rejects", "look", f"since {since}: {told}", "papers rejects")


def _validations(lake: Lake, now: datetime) -> Check:
    since = (now - _LATELY).date()
    judged = _lately(lake, VALIDATIONS, since).filter(pl.col("severity") != "warn")
    if judged.is_empty():
        return Check("validations", "well", f"nothing new was judged since {since}")
    last = ["suite", "column_name", "expectation", "judged_month"]
    newest = judged.sort("judged_at").unique(last, keep="last", maintain_order=True)
    unmet = newest.filter(~pl.col("success"), pl.col("severity") == "refuse_row")
    if unmet.is_empty():
        return Check(
            "validations", "well", f"{newest.height} expectations judged since {since}, all that must be met are"
        )
    named = ", ".join(unmet.select(pl.format("{}.{} in {}", "table_name", "column_name", "judged_month")).to_series())
    return Check(
        "validations", "broken", f"not met, and so not published: {named}", "papers rebuild; please report this"
    )


def _oddities(lake: Lake, now: datetime) -> Check:
    """Warnings of the ledger, and drift, of the last 30 days."""
    since = (now - _LATELY).date()
    judged = _lately(lake, VALIDATIONS, since).filter(pl.col("severity") == "warn").sort("judged_at")
    newest = judged.unique(["column_name", "judged_month"], keep="last", maintain_order=True)
    warned = newest.filter(~pl.col("success"))
    dates = [since + timedelta(days=n) for n in range((now.date() - since).days + 1)]
    drift = looks(lake, dates).notices
    if warned.is_empty() and drift.is_empty():
        return Check("oddities", "well", f"no list unlike those before it, and no drift, since {since}")
    told = [f"{row['column_name']} in {row['judged_month']}" for row in warned.rows(named=True)]
    told += [f"{day} {message}" for day, message in drift.select("listed_on", "message").iter_rows()]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return Check(
        "oddities",
        "look",
        "; ".join(told[:_NAMED]) + more,
        "papers drift; papers sql 'from validations where not success'",
    )


def _waiting(lake: Lake, now: datetime) -> Check:
    files = [path for table in EVIDENCE for path in (lake.inbox / table.name).glob("*/*.row")]
    old = [path for path in files if path.exists() and now.timestamp() - path.stat().st_mtime > _WAITS_TOO_LONG_S]
    if not old:
        return Check("inbox", "well", f"{len(files)} answers wait to be published" if files else "nothing waits")
    return Check("inbox", "broken", f"{len(old)} answers have been waiting for more than a day", "papers rebuild")


def _disk(lake: Lake, _now: datetime) -> Check:
    free = shutil.disk_usage(lake.root).free
    held = sum(entry.bytes for entry in snapshot(lake).manifest.files.values())
    told = f"{free / 1e9:.1f} GB free, the lake's tables hold {held / 1e9:.2f} GB"
    if free < max(_LEAST_FREE_BYTES, held // 10):
        return Check("disk", "broken", told, "make room: a publish needs space for what it writes")
    return Check("disk", "well", told)


def _files(lake: Lake, _now: datetime) -> Check:
    found = verify(lake)
    if not found.faults:
        return Check(
            "files", "well", f"{found.files:,} files are what was published, {found.rows:,} rows lead to answers kept"
        )
    named = "; ".join(map(str, found.faults[:_NAMED]))
    return Check("files", "broken", f"{many(len(found.faults), 'fault')}: {named}", "papers verify --repair")


def _lately(lake: Lake, table: Table, since: date) -> pl.DataFrame:
    """The rows of a table from `since` on; only the months that can hold them are read."""
    months = [month for month in snapshot(lake).manifest.months(table.name) if month >= since.strftime(MONTH_FORM)]
    at = pl.col(table.dated_by)
    return read_whole(lake, lambda seen: scan(seen, table, months).filter(at >= since).collect())


def _said(day: Known) -> str:
    return (day.verdict or "never asked for").replace("_", " ")


def ago(time: timedelta) -> str:
    """A time that has passed, in words."""
    hours = time.total_seconds() / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"  # noqa: PLR2004


def broken(lines: list[Check]) -> Iterator[Check]:
    """The lines of promises that are not kept."""
    return (line for line in lines if line.state == "broken")
