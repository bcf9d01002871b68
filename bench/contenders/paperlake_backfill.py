"""Ours: every date asked of a Hub on loopback without pacing, kept, built, judged and published, by the flow itself."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import date

from bench.contender import Task, compete


def prepare(task: Task) -> Callable[[], Mapping[str, object]]:
    """An empty lake, all that a backfill imports, and the temporary Prefect server that serves this process."""
    os.environ.update(
        PAPERLAKE_ROOT=str(task.out / "lake"),
        PAPERLAKE_STATE=str(task.out / "state"),
        PAPERLAKE_HUB_URL=task.asked_hub,
        PAPERLAKE_HUB_QUOTA="0",
    )
    from paperlake.pipelines.in_process import run_backfill  # noqa: PLC0415, I001 - it sets the logs up before Prefect is imported
    from prefect import flow  # noqa: PLC0415
    from cli.query import published_tables  # noqa: PLC0415
    from paperlake.config import settings  # noqa: PLC0415
    from paperlake.quality import judge  # noqa: F401, PLC0415 - takes seconds, which are start-up

    @flow
    def nothing() -> None:
        """Start the server."""

    nothing()
    logging.getLogger("paperlake").setLevel(logging.WARNING)
    days = [date.fromisoformat(day) for day in task.corpus.days]

    def work() -> Mapping[str, object]:
        outcome = run_backfill(days[0], days[-1], refresh=False, listener=lambda *_: None)
        if outcome.problems:
            raise SystemExit("; ".join(outcome.problems))
        rows = {str(row["table"]): row["rows"] for row in published_tables(settings().lake)}
        return {"rows": rows, "made": "lake", "evidence": "lake/tables/hub_replies"}

    return work


if __name__ == "__main__":
    compete(prepare)
