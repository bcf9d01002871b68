"""Paperlake's backfill: capture every date from a loopback Hub without pacing, then build, validate and publish."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import date

from bench.contenders.task import Task, compete


def set_up(task: Task) -> Callable[[], Mapping[str, object]]:
    """Set up an empty lake and the imports of a backfill."""
    os.environ.update(
        PAPERLAKE_ROOT=str(task.out / "lake"),
        PAPERLAKE_STATE=str(task.out / "state"),
        PAPERLAKE_HUB_URL=task.hub_url,
        PAPERLAKE_HUB_QUOTA="0",
    )
    from cli.query.tables import published_tables  # noqa: PLC0415
    from paperlake.config import read_settings  # noqa: PLC0415
    from paperlake.pipelines.in_process import run_backfill  # noqa: PLC0415
    from paperlake.quality import engine  # noqa: F401, PLC0415 - its import takes seconds and counts as start-up

    logging.getLogger("paperlake").setLevel(logging.WARNING)
    days = [date.fromisoformat(day) for day in task.corpus.days]

    def run() -> Mapping[str, object]:
        report = run_backfill(days[0], days[-1], refresh=False, listener=lambda *_: None)
        if report.problems:
            raise SystemExit("; ".join(report.problems))
        rows = {str(row["table"]): row["rows"] for row in published_tables(read_settings().lake)}
        return {"rows": rows, "output": "lake", "evidence": "lake/tables/hub_replies"}

    return run


if __name__ == "__main__":
    compete(set_up)
