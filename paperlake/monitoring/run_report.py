"""The report of a run, as text, table rows and Markdown."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime

import polars as pl

from paperlake.build.results import Published
from paperlake.errors import PaperlakeError
from paperlake.monitoring.anomalies import NO_ANOMALIES, Anomalies, ListProfile, find_anomalies, profile_before_run
from paperlake.quality.validation_log import Run
from paperlake.quality.validator import Validator
from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_consistent
from paperlake.text import plural
from paperlake.timestamps import capture_name
from schemas.calendar import month_of, months_of
from schemas.captures import CAPTURES
from schemas.listings import LISTINGS
from schemas.source_days import HUB, SOURCE_DAYS, VERDICTS

UNANSWERED = "without answer"
_JSON_KEYS = {"anomalies": "oddities"}
"""Published names of fields that are called otherwise here."""


@dataclass(frozen=True, slots=True)
class DateVerdict:
    """The published verdict on one date of the run; the defaults stand for a date without any answer."""

    listed_on: date
    verdict: str = UNANSWERED
    paper_count: int = 0
    capture_count: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """How lists changed since they were last captured. A moved paper left one list and is on that of another date."""

    added: int = 0
    moved: int = 0
    delisted: int = 0
    votes_gained: int = 0

    def __str__(self) -> str:
        """The changes in words; empty if there are none."""
        counts = {
            "papers added": self.added,
            "moved": self.moved,
            "delisted": self.delisted,
            "votes": self.votes_gained,
        }
        return ", ".join(
            f"{count:+} {what}" if what == "votes" else f"{count} {what}" for what, count in counts.items() if count
        )


@dataclass(frozen=True, slots=True)
class RunReport:
    """The result of a run. With `problems` the run has failed; `anomalies` are warnings."""

    verdicts: tuple[DateVerdict, ...]
    changed: tuple[str, ...]
    problems: tuple[str, ...]
    changes: Changes = Changes()
    anomalies: Anomalies = NO_ANOMALIES

    @property
    def summary(self) -> str:
        """The run in one line."""
        counts = {
            name: sum(v.verdict == name for v in self.verdicts)
            for name in dict.fromkeys(v.verdict for v in self.verdicts)
        }
        dates = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()) or "no dates"
        files = f"{plural(len(self.changed), 'file')} published" if self.changed else "unchanged"
        again = f"; seen again: {self.changes}" if str(self.changes) else ""
        counted = {
            "problem": self.problems,
            "warning": self.anomalies.warnings,
            "notice of drift": self.anomalies.drift,
        }
        rest = "".join(f"; {_counted(len(messages), noun)}" for noun, messages in counted.items() if messages)
        return f"{dates}{again}; {files}{rest}"

    def json_values(self) -> dict[str, object]:
        """The report for `--json`."""
        values = {"summary": self.summary, **asdict(self)}
        return {_JSON_KEYS.get(name, name): value for name, value in values.items()}

    def rows(self) -> list[dict[str, str | int]]:
        """The verdicts as rows of a table."""
        return [
            {
                "date": v.listed_on.isoformat(),
                "verdict": v.verdict,
                "papers": v.paper_count,
                "captures": v.capture_count,
                "reason": v.reason or "",
            }
            for v in self.verdicts
        ]

    def months(self) -> list[dict[str, str | int]]:
        """The verdicts counted by month, as rows of a table."""
        counted: dict[str, dict[str, str | int]] = {}
        for v in self.verdicts:
            month = month_of(v.listed_on)
            row = counted.setdefault(month, {"month": month, "papers": 0, **dict.fromkeys((*VERDICTS, UNANSWERED), 0)})
            row["papers"] = int(row["papers"]) + v.paper_count
            row[v.verdict] = int(row[v.verdict]) + 1
        return list(counted.values())

    def markdown(self) -> str:
        """The report as Markdown, for the artifact and for chats."""
        rows = [f"| {' | '.join(str(value).replace('|', '/') for value in row.values())} |" for row in self.rows()]
        table = ["| date | verdict | papers | captures | reason |", "|---|---|--:|--:|---|", *rows]
        headed = {"Problems": self.problems, "Warnings": self.anomalies.warnings, "Drift": self.anomalies.drift}
        lists: list[str] = []
        for head, messages in headed.items():
            lists += ["", f"**{head}**", "", *(f"- {message}" for message in messages)] if messages else []
        docs = ["", f"Validation results: {self.anomalies.docs}"] if self.anomalies.docs else []
        files = ["", f"{plural(len(self.changed), 'file')} changed." if self.changed else "No file changed."]
        return "\n".join([f"# {self.summary}", "", *table, *lists, *files, *docs])


class RunHadProblems(PaperlakeError):
    """The run published all it could, but had problems; see `report`."""

    def __init__(self, report: RunReport) -> None:
        """The message lists the problems."""
        super().__init__("; ".join(report.problems))
        self.report = report


@dataclass(frozen=True, slots=True)
class StateBefore:
    """The published lists of some dates before a run, and their profiles.

    `due` is the date that should be final after the run; None if the run does not promise one.
    """

    lists: pl.DataFrame
    profile: ListProfile
    due: date | None = None


def state_before(lake: Lake, dates: Sequence[date], due: date | None = None) -> StateBefore:
    """The current state of `dates`, which `build_report` compares with the state after the run."""
    return StateBefore(published_lists(lake, dates), profile_before_run(lake, dates), due)


def published_lists(lake: Lake, dates: Sequence[date]) -> pl.DataFrame:
    """The published lists of `dates`: listed_on, paper_id, upvote_count, is_listed."""
    months = months_of(dates)
    return read_consistent(
        lake,
        lambda seen: (
            scan(seen, LISTINGS, months)
            .filter(pl.col("listed_on").is_in(list(dates)))
            .select("listed_on", "paper_id", "upvote_count", "is_listed")
            .collect()
        ),
    )


def count_changes(before: pl.DataFrame, after: pl.DataFrame) -> Changes:
    """Count the changes of those lists that had been captured `before`."""
    paper = ["listed_on", "paper_id"]
    both = after.join(before.select("listed_on").unique(), on="listed_on", how="semi").join(
        before.rename({"upvote_count": "votes_before", "is_listed": "was_listed"}), on=paper, how="left"
    )
    was_listed = pl.col("was_listed").fill_null(value=False)
    gone = both.filter(was_listed & ~pl.col("is_listed"))
    elsewhere = gone.join(after.filter("is_listed"), on="paper_id", how="semi").height
    gained = both.select((pl.col("upvote_count") - pl.col("votes_before")).sum()).item()
    added = both.filter(~was_listed & pl.col("is_listed")).height
    return Changes(added, elsewhere, gone.height - elsewhere, gained or 0)


def build_report(  # noqa: PLR0913, PLR0917 - a run, before and after
    lake: Lake,
    before: StateBefore,
    dates: Sequence[date],
    published: Published,
    problems: Sequence[str],
    run: Run,
    validator: Validator,
) -> RunReport:
    """Report on `dates` by comparing the lake with its state `before` the run.

    Captures that were refused before the run are not reported.
    """
    published_verdicts = _source_days(lake, dates)
    verdicts = [published_verdicts.get(day, DateVerdict(day)) for day in dates]
    refusals = [
        f"capture {capture_name(day, at)} was refused: {message} (see `papers rejects`; `papers accept` admits it)"
        for day, at, message in published.refused
        if at >= run.started_at
    ]
    known = {day for day, verdict in published_verdicts.items() if verdict.paper_count}
    failed, set_aside = _capture_problems(lake, dates, known, run.started_at)
    anomalies = find_anomalies(lake, before.profile, dates, run, validator, before.due)
    unreadable = [f"{path} in the inbox cannot be read and stays there" for path in published.unreadable]
    return RunReport(
        verdicts=tuple(verdicts),
        changed=published.changed,
        problems=(*problems, *refusals, *failed, *unreadable),
        changes=count_changes(before.lists, published_lists(lake, dates)),
        anomalies=replace(anomalies, warnings=(*set_aside, *anomalies.warnings)),
    )


def _counted(count: int, what: str) -> str:
    noun, *rest = what.split(" ", 1)
    return " ".join([str(count), noun if count == 1 else f"{noun}s", *rest])


def _capture_problems(
    lake: Lake, dates: Sequence[date], known: Collection[date], since: datetime
) -> tuple[list[str], list[str]]:
    """Problems of the captures of this run, and warnings.

    Each fault is named once, with its first date and the number of others. It is a problem even if an earlier capture
    makes the date final. A warning tells of an answer that a later one of the run replaced, and of an empty weekday in
    doubt: of a date that is not `known` to have papers, nothing is lost.
    """
    months = months_of(dates)
    is_of_this_run = (pl.col("captured_at") >= since) & ~pl.col("is_refused") & ~pl.col("is_accepted")
    rows = read_consistent(lake, lambda seen: scan(seen, CAPTURES, months).filter(is_of_this_run).collect())
    newest = rows.sort("captured_at").unique("listed_on", keep="last", maintain_order=True)
    faulty = newest.filter(pl.col("fault").is_not_null())
    is_empty_weekday = pl.col("is_in_doubt") & ~pl.col("listed_on").is_in(list(known))
    replaced = (
        rows.filter(pl.col("fault").is_not_null())
        .join(faulty, on="listed_on", how="anti")
        .unique("listed_on", keep="last", maintain_order=True)
    )
    doubts = [_fault_sentence(*row) for row in _by_fault(faulty.filter(is_empty_weekday)).iter_rows()]
    set_aside = [
        f"{first}: an answer of this run was set aside, because {fault}{_and_others(others)}"
        for fault, _, first, _, others in _by_fault(replaced).iter_rows()
    ]
    return [_fault_sentence(*row) for row in _by_fault(faulty.filter(~is_empty_weekday)).iter_rows()], [
        *doubts,
        *set_aside,
    ]


def _fault_sentence(fault: str, is_in_doubt: bool, first: date, at: datetime, others: int) -> str:  # noqa: FBT001 - a column
    if not is_in_doubt:
        return f"{first} failed: {fault}{_and_others(others)}"
    return (
        f"{first} is in doubt: {fault}{_and_others(others)}; the next runs ask again (`papers accept "
        f"{capture_name(first, at)}` admits it)"
    )


def _and_others(count: int) -> str:
    return f" (and {plural(count, 'other date')})" if count else ""


def _by_fault(captures: pl.DataFrame) -> pl.DataFrame:
    first = pl.col("listed_on", "captured_at").sort_by("listed_on").first()
    return captures.group_by("fault", "is_in_doubt").agg(first, others=pl.len() - 1).sort("listed_on", "fault")


def _source_days(lake: Lake, dates: Sequence[date]) -> dict[date, DateVerdict]:
    """The rows of `source_days` of `dates`; reads only their months."""
    months = months_of(dates)
    rows = read_consistent(
        lake,
        lambda seen: (
            scan(seen, SOURCE_DAYS, months)
            .filter(pl.col("source") == HUB, pl.col("listed_on").is_in(list(dates)))
            .select("listed_on", "verdict", "paper_count", "capture_count", "reason")
            .collect()
        ),
    )
    return {row["listed_on"]: DateVerdict(**row) for row in rows.iter_rows(named=True)}
