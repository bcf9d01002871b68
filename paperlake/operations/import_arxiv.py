"""Import arXiv's public metadata snapshot: store its lines verbatim, month by month, and build tables from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl

from paperlake.build.publish import PUBLISH_FAULTS, publish_months
from paperlake.build.results import Published
from paperlake.quality.validation_log import Run
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from paperlake.store.line_blocks import LinesUnreadable, line_blocks
from paperlake.store.publish import open_writer
from paperlake.store.spill import Spill, open_spill
from paperlake.text import plural
from schemas.arxiv_lines import ARXIV_LINES
from schemas.calendar import MONTH_FORMAT, month_of
from schemas.harvests import HARVESTS
from transforms.arxiv.snapshot_lines import file_lines, newest_update
from transforms.conform import conform, empty_table

_MAX_SHARE_UNREADABLE, _MAX_SHARE_OF_WRONG_FILE = 0.01, 0.5
"""Of all lines. With more, an import is not complete, or is refused."""


@dataclass(slots=True)
class SnapshotImport:
    """The result of an import: the lines of the file, those that are new to the lake, and the published files."""

    lines: int = 0
    new_lines: int = 0
    unreadable_lines: int = 0
    """Lines without an arXiv identifier. They are stored too, and are rows of `arxiv_line_rejects`."""
    newest_update_on: date | None = None
    months: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """The import in one line."""
        known = "" if self.new_lines == self.lines else f", {self.lines - self.new_lines} of them known already"
        newest = f"; newest update {self.newest_update_on}" if self.newest_update_on else ""
        return f"{plural(self.lines, 'line')}{known}{newest}; {plural(len(self.changed), 'file')} published"


def import_snapshot(
    lake: Lake, path: Path, read: Callable[[int], None], fold: Callable[[int, int], None]
) -> SnapshotImport:
    """Store every new line of the snapshot at `path`, and publish the months that this changes.

    Lines are stored by the month of their paper, so that the largest month bounds the memory. `read` is called with the
    bytes read from the file, `fold` with the number of months stored and their total. An interrupted import can be
    repeated. Raises LinesUnreadable before anything is stored, also for a file that ends within a line, or of which
    most lines are no papers.
    """
    started_at = datetime.now(UTC)
    result = SnapshotImport()
    with open_spill(lake) as spill:
        _spill_lines(spill, path, started_at, result, read)
        _check_lines(path, result)
        months = spill.months()
        for number, month in enumerate(months, 1):
            _store_month(lake, spill, month, result)
            fold(number, len(months))
    _record_harvest(lake, result, started_at)
    try:
        months = sorted({*result.months, month_of(started_at)})
        published = Published.of(publish_months(lake, months, run=Run("import-arxiv", started_at)))
        result.changed += published.changed
        result.problems += map(str, published.faults)
    except PUBLISH_FAULTS as fault:
        result.problems.append(str(fault))
    return result


def _spill_lines(
    spill: Spill, path: Path, started_at: datetime, result: SnapshotImport, read: Callable[[int], None]
) -> None:
    last = b"{}"
    for lines in line_blocks(path, read):
        imported_at = pl.lit(started_at, pl.Datetime("us", "UTC"))
        rows = file_lines(lines, started_at.date()).with_columns(imported_at=imported_at)
        newest = newest_update(rows["line"])
        if newest is not None and (result.newest_update_on is None or newest > result.newest_update_on):
            result.newest_update_on = newest
        result.lines += rows.height
        result.unreadable_lines += rows["paper_id"].null_count()
        last = lines[-1] if lines else last
        spill.add(rows, pl.col("filed_on").dt.strftime(MONTH_FORMAT))

    if not last.rstrip().endswith(b"}"):
        raise LinesUnreadable(f"{path} ends within a line; it was not loaded to its end, so get it again")


def _check_lines(path: Path, result: SnapshotImport) -> None:
    """Name what is wrong with many lines. Raises LinesUnreadable if the file is no snapshot."""
    unreadable = f"{result.unreadable_lines:,} of {plural(result.lines, 'line')}"
    if not result.lines:
        raise LinesUnreadable(f"{path} has no lines; nothing was stored")
    if result.unreadable_lines > _MAX_SHARE_OF_WRONG_FILE * result.lines:
        raise LinesUnreadable(
            f"{path} is no snapshot of arXiv: {unreadable} have no arXiv identifier; nothing was stored. The snapshot "
            'has a JSON object with an "id" on each line'
        )
    if result.unreadable_lines > _MAX_SHARE_UNREADABLE * result.lines:
        result.problems.append(
            f"{unreadable} have no arXiv identifier (`papers rejects`); later harvests do not start from this import"
        )


def _store_month(lake: Lake, spill: Spill, month: str, result: SnapshotImport) -> None:
    """Add the new lines of a month to the stored ones."""
    lines = conform(spill.read_month(month), ARXIV_LINES).unique("line", maintain_order=True)
    with open_writer(lake) as writer:
        stored = writer.read(ARXIV_LINES, month)
        stored = empty_table(ARXIV_LINES) if stored is None else stored
        new = lines.join(stored.select("line"), on="line", how="anti", maintain_order="left")
        if new.height:
            writer.commit(writer.stage(month, {ARXIV_LINES: pl.concat([stored, new]).sort(ARXIV_LINES.sort)}))
            result.new_lines += new.height
            result.months.append(month)


def _record_harvest(lake: Lake, result: SnapshotImport, started_at: datetime) -> None:
    """Record the import as a harvest, so that the next harvest begins where the snapshot ends."""
    newest = result.newest_update_on
    keep(
        lake,
        HARVESTS,
        {
            "harvested_on": started_at.date(),
            "harvest_started_at": started_at,
            "ended_at": datetime.now(UTC),
            "set_spec": None,
            "from_on": None,
            "until_on": None,
            "verdict": "partial" if result.problems else "complete",
            "responded_at": datetime.combine(newest, time(), UTC) if newest else None,
            "page_count": 0,
            "record_count": result.lines,
            "fetched_count": 0,
            "missing_count": 0,
            "reason": result.problems[0] if result.problems else None,
        },
    )
