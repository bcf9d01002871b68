"""arXiv's public bulk snapshot into the lake: its lines kept verbatim, month by month, and tables made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl

from paperlake.build.publish import MONTH_FAULTS, Published, publish_months
from paperlake.quality.validation_log import Run
from paperlake.store.inbox import keep
from paperlake.store.lake import MONTH_FORM, Lake
from paperlake.store.line_blocks import line_blocks
from paperlake.store.publish import open_writer
from paperlake.store.spill import Spill, spill
from paperlake.text import many
from schemas.arxiv_lines import ARXIV_LINES
from schemas.harvests import HARVESTS
from transforms.arxiv.snapshot_lines import filed, newest_update
from transforms.conform import conform, none


@dataclass(slots=True)
class Imported:
    """What an import came to: the lines of the file, those that the lake did not have, and what was published."""

    lines: int = 0
    new_lines: int = 0
    newest_update_on: date | None = None
    months: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """The import in one line."""
        known = "" if self.new_lines == self.lines else f", {self.lines - self.new_lines} of them known already"
        newest = f"; newest update {self.newest_update_on}" if self.newest_update_on else ""
        return f"{many(self.lines, 'line')}{known}{newest}; {many(len(self.changed), 'file')} published"


def import_snapshot(lake: Lake, path: Path, read: Callable[[int], None], fold: Callable[[int, int], None]) -> Imported:
    """Keep every line of the snapshot at `path` that is not kept, and publish what that changes.

    A line is filed by the month of its paper, so that memory is bounded by the largest month. `read` hears of bytes of
    the file, `fold` of months done, of how many. Killed on the way, the same import goes on. Raises LinesUnreadable
    before anything is kept.
    """
    began = datetime.now(UTC)
    outcome = Imported()
    with spill(lake) as aside:
        _put_aside(aside, path, began, outcome, read)
        months = aside.months()
        for done, month in enumerate(months, 1):
            _fold(lake, aside, month, outcome)
            fold(done, len(months))
    _record(lake, outcome, began)
    try:
        for one in publish_months(
            lake, sorted({*outcome.months, began.strftime(MONTH_FORM)}), run=Run("import-arxiv", began)
        ):
            _count(outcome, one)
    except MONTH_FAULTS as fault:
        outcome.problems.append(str(fault))
    return outcome


def _put_aside(aside: Spill, path: Path, began: datetime, outcome: Imported, read: Callable[[int], None]) -> None:
    for lines in line_blocks(path, read):
        imported_at = pl.lit(began, pl.Datetime("us", "UTC"))
        rows = filed(lines, began.date()).with_columns(imported_at=imported_at)
        newest = newest_update(rows["line"])
        if newest is not None and (outcome.newest_update_on is None or newest > outcome.newest_update_on):
            outcome.newest_update_on = newest
        outcome.lines += rows.height
        aside.put(rows, pl.col("filed_on").dt.strftime(MONTH_FORM))


def _fold(lake: Lake, aside: Spill, month: str, outcome: Imported) -> None:
    """Add the lines of a month that are not kept yet to those that are."""
    coming = conform(aside.take(month), ARXIV_LINES).unique("line", maintain_order=True)
    with open_writer(lake) as pen:
        kept = pen.read(ARXIV_LINES, month)
        kept = none(ARXIV_LINES) if kept is None else kept
        new = coming.join(kept.select("line"), on="line", how="anti", maintain_order="left")
        if new.height:
            pen.commit(pen.stage(month, {ARXIV_LINES: pl.concat([kept, new]).sort(ARXIV_LINES.sort)}))
            outcome.new_lines += new.height
            outcome.months.append(month)


def _record(lake: Lake, outcome: Imported, began: datetime) -> None:
    """Write the import into the ledger, so that the next harvest begins where the snapshot ends."""
    newest = outcome.newest_update_on
    keep(
        lake,
        HARVESTS,
        {
            "harvested_on": began.date(),
            "harvest_started_at": began,
            "ended_at": datetime.now(UTC),
            "set_spec": None,
            "from_on": None,
            "until_on": None,
            "verdict": "complete",
            "responded_at": datetime.combine(newest, time(), UTC) if newest else None,
            "page_count": 0,
            "record_count": outcome.lines,
            "fetched_count": 0,
            "missing_count": 0,
            "reason": None,
        },
    )


def _count(outcome: Imported, one: Published) -> None:
    outcome.changed += one.changed
    if one.fault is not None:
        outcome.problems.append(str(one.fault))
