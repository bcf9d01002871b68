"""What a run did, in a form for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from paperlake.build.publish import Published
from paperlake.errors import PaperlakeError
from paperlake.monitoring.anomalies import NO_ANOMALIES, Anomalies, ListProfile, find_anomalies, looks_before
from paperlake.quality.validation_log import Run
from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import read_whole
from paperlake.text import many
from paperlake.timestamps import capture_name
from schemas.captures import CAPTURES
from schemas.listings import LISTINGS
from schemas.source_days import SOURCE_DAYS, VERDICTS

UNANSWERED = "without answer"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One date of the run, as the lake knows it now. All but the date are missing where it was never answered."""

    listed_on: date
    verdict: str = UNANSWERED
    paper_count: int = 0
    capture_count: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What capturing dates again changed of their lists. A moved paper is delisted here and listed on another date."""

    added: int = 0
    moved: int = 0
    delisted: int = 0
    votes_gained: int = 0

    def __str__(self) -> str:
        """The changes in words, empty where nothing changed."""
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
class Report:
    """The outcome of a run. `problems` are what a person should know of; with any, the run has failed.

    `oddities` are worth a look, but the run has not failed for them.
    """

    verdicts: tuple[Verdict, ...]
    changed: tuple[str, ...]
    problems: tuple[str, ...]
    changes: Changes = Changes()
    oddities: Anomalies = NO_ANOMALIES

    @property
    def summary(self) -> str:
        """The run in one line."""
        counts = {
            name: sum(v.verdict == name for v in self.verdicts)
            for name in dict.fromkeys(v.verdict for v in self.verdicts)
        }
        dates = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()) or "no dates"
        files = f"{many(len(self.changed), 'file')} published" if self.changed else "unchanged"
        again = f"; seen again: {self.changes}" if str(self.changes) else ""
        counted = {
            "problem": self.problems,
            "warning": self.oddities.warnings,
            "notice of drift": self.oddities.drift,
        }
        rest = "".join(f"; {_counted(len(held), what)}" for what, held in counted.items() if held)
        return f"{dates}{again}; {files}{rest}"

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
            month = v.listed_on.strftime(MONTH_FORM)
            row = counted.setdefault(month, {"month": month, "papers": 0, **dict.fromkeys((*VERDICTS, UNANSWERED), 0)})
            row["papers"] = int(row["papers"]) + v.paper_count
            row[v.verdict] = int(row[v.verdict]) + 1
        return list(counted.values())

    def markdown(self) -> str:
        """The run as Markdown, for the artifact and for chats."""
        rows = [f"| {' | '.join(str(value).replace('|', '/') for value in row.values())} |" for row in self.rows()]
        table = ["| date | verdict | papers | captures | reason |", "|---|---|--:|--:|---|", *rows]
        headed = {"Problems": self.problems, "Warnings": self.oddities.warnings, "Drift": self.oddities.drift}
        lists: list[str] = []
        for head, held in headed.items():
            lists += ["", f"**{head}**", "", *(f"- {one}" for one in held)] if held else []
        docs = ["", f"What was judged: {self.oddities.docs}"] if self.oddities.docs else []
        files = ["", f"{many(len(self.changed), 'file')} changed." if self.changed else "Nothing changed."]
        return "\n".join([f"# {self.summary}", "", *table, *lists, *files, *docs])


class RunHadProblems(PaperlakeError):
    """Something that a person should know of; what could be published was. The outcome is in `report`."""

    def __init__(self, outcome: Report) -> None:
        """Say the problems."""
        super().__init__("; ".join(outcome.problems))
        self.report = outcome


@dataclass(frozen=True, slots=True)
class Before:
    """What was known of some dates before a run: their lists, and how they look.

    `due` is the date that the lake should reach with the run, None where it need reach none.
    """

    lists: pl.DataFrame
    looks: ListProfile
    due: date | None = None


def known_before(lake: Lake, dates: Sequence[date], due: date | None = None) -> Before:
    """What is known of `dates` now, for `report` to compare with."""
    return Before(lists(lake, dates), looks_before(lake, dates), due)


def lists(lake: Lake, dates: Sequence[date]) -> pl.DataFrame:
    """The lists of `dates` as they are published: listed_on, paper_id, upvote_count, is_listed."""
    months = {day.strftime(MONTH_FORM) for day in dates}
    return read_whole(
        lake,
        lambda seen: (
            scan(seen, LISTINGS, months)
            .filter(pl.col("listed_on").is_in(list(dates)))
            .select("listed_on", "paper_id", "upvote_count", "is_listed")
            .collect()
        ),
    )


def changes(before: pl.DataFrame, after: pl.DataFrame) -> Changes:
    """What became of the lists of dates that had been captured `before`."""
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


def report(  # noqa: PLR0913, PLR0917 - a run, before and after
    lake: Lake,
    before: Before,
    dates: Sequence[date],
    published: Iterable[Published],
    problems: Sequence[str],
    run: Run,
) -> Report:
    """What became of `dates`, that were known as `before`, and of the months published.

    Captures refused before the run are no news.
    """
    months = list(published)
    found = _source_days(lake, dates)
    verdicts = [found.get(day, Verdict(day)) for day in dates]
    refusals = [
        f"capture {capture_name(day, at)} was refused: {message} (look at `rejects`; `papers accept` lets it in)"
        for month in months
        for day, at, message in month.refused
        if at >= run.started_at
    ]
    failed = _faults(lake, dates, run.started_at)
    unreadable = [
        f"{path} in the inbox cannot be read and was left there" for month in months for path in month.unreadable
    ]
    return Report(
        verdicts=tuple(verdicts),
        # What is built from several months may have been published with each of them.
        changed=tuple(dict.fromkeys(name for month in months for name in month.changed)),
        problems=(*problems, *refusals, *failed, *unreadable),
        changes=changes(before.lists, lists(lake, dates)),
        oddities=find_anomalies(lake, before.looks, dates, run, before.due),
    )


def _counted(count: int, what: str) -> str:
    noun, *rest = what.split(" ", 1)
    return " ".join([str(count), noun if count == 1 else f"{noun}s", *rest])


def _faults(lake: Lake, dates: Sequence[date], since: datetime) -> list[str]:
    """What is wrong with the captures of this run, each fault once with the dates it came for.

    A date may be settled by what was captured before: that this run got nothing is a problem all the same.
    """
    months = {day.strftime(MONTH_FORM) for day in dates}
    is_of_this_run = (pl.col("captured_at") >= since) & ~pl.col("is_refused") & ~pl.col("is_accepted")
    rows = read_whole(
        lake,
        lambda seen: (
            scan(seen, CAPTURES, months)
            .filter(is_of_this_run, pl.col("fault").is_not_null())
            .group_by("fault")
            .agg(first=pl.col("listed_on").min(), others=pl.len() - 1)
            .sort("first", "fault")
            .collect()
        ),
    )
    return [
        f"{first} failed: {fault}" + (f" (and {many(others, 'other date')})" if others else "")
        for fault, first, others in rows.iter_rows()
    ]


def _source_days(lake: Lake, dates: Sequence[date]) -> dict[date, Verdict]:
    """The rows of `source_days` for some dates; only their months are read."""
    months = {day.strftime(MONTH_FORM) for day in dates}
    rows = read_whole(
        lake,
        lambda seen: (
            scan(seen, SOURCE_DAYS, months)
            .filter(pl.col("source") == "hub", pl.col("listed_on").is_in(list(dates)))
            .select("listed_on", "verdict", "paper_count", "capture_count", "reason")
            .collect()
        ),
    )
    return {row["listed_on"]: Verdict(**row) for row in rows.iter_rows(named=True)}
