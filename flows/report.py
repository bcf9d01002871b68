"""What a run did, in a form for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from flows.build import Published
from flows.instants import capture_name
from schemas.source_days import SOURCE_DAYS
from store.lake import MONTH_FORM, Lake
from store.rows import scan
from store.snapshot import read_whole


@dataclass(frozen=True, slots=True)
class Verdict:
    """One date of the run, as the lake knows it now. All but the date are missing where it was never answered."""

    listed_on: date
    verdict: str = "not answered"
    paper_count: int = 0
    capture_count: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run. `problems` are what a person should know of; with any, the run has failed."""

    verdicts: tuple[Verdict, ...]
    changed: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The run in one line."""
        counts = {
            name: sum(v.verdict == name for v in self.verdicts)
            for name in dict.fromkeys(v.verdict for v in self.verdicts)
        }
        dates = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()) or "no dates"
        files = f"{len(self.changed)} files published" if self.changed else "unchanged"
        return f"{dates}; {files}" + (f"; {len(self.problems)} problems" if self.problems else "")

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

    def markdown(self) -> str:
        """The run as Markdown, for the artifact and for chats."""
        rows = [f"| {' | '.join(str(value).replace('|', '/') for value in row.values())} |" for row in self.rows()]
        table = ["| date | verdict | papers | captures | reason |", "|---|---|--:|--:|---|", *rows]
        problems = ["", "**Problems**", "", *(f"- {problem}" for problem in self.problems)] if self.problems else []
        files = ["", f"{len(self.changed)} files changed." if self.changed else "Nothing changed."]
        return "\n".join([f"# {self.summary}", "", *table, *problems, *files])


def report(
    lake: Lake, dates: Sequence[date], published: Iterable[Published], problems: Sequence[str], since: datetime
) -> Report:
    """What became of `dates`, and of the months published. Captures refused before `since` are no news."""
    months = list(published)
    found = _source_days(lake, dates)
    verdicts = [found.get(day, Verdict(day)) for day in dates]
    refusals = [
        f"capture {capture_name(day, at)} was refused: {message} (look at `rejects`; `papers accept` lets it in)"
        for month in months
        for day, at, message in month.refused
        if at >= since
    ]
    failed = [
        f"{v.listed_on} failed: {v.reason}"
        for v in verdicts
        if v.verdict == "failed" and "refused" not in str(v.reason)
    ]
    unreadable = [
        f"{path} in the inbox cannot be read and was left there" for month in months for path in month.unreadable
    ]
    return Report(
        verdicts=tuple(verdicts),
        changed=tuple(name for month in months for name in month.changed),
        problems=(*problems, *refusals, *failed, *unreadable),
    )


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
