"""Ours: the derived tables of a lake from its evidence, published; with the judgement, or without.

All of them into a lake that holds the evidence only; or some of them into one that has all others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from bench.contender import Task, compete


def prepare(task: Task) -> Callable[[], Mapping[str, object]]:
    """A lake, and all that a rebuild imports."""
    # Imported here, as the command does it: the processes that build import this file, and set Polars up first.
    from bench.our_lake import built, evidence, linked, without  # noqa: PLC0415
    from paperlake.build.publish import great_expectations, publish_months  # noqa: PLC0415
    from paperlake.build.rebuild import months_kept  # noqa: PLC0415
    from schemas.catalogue import TABLES  # noqa: PLC0415
    from transforms.graph import DERIVED  # noqa: PLC0415

    judge = great_expectations if task.has_judge else None
    if judge:
        judge()
    only = [TABLES[name] for name in task.tables]
    lake = linked(built(task.corpus) if only else evidence(task.corpus), task.out / "lake")
    if only:
        without(lake, task.tables)
    months = months_kept(lake)

    def work() -> Mapping[str, object]:
        rows: Counter[str] = Counter()
        for done in publish_months(lake, months, force=True, only=only or DERIVED, judge=judge):
            if done.fault:
                raise done.fault
            rows.update({name: count for name, count in done.rows.items() if not only or name in task.tables})
        return {"rows": rows, "evidence": "lake/tables/hub_replies"}

    return work


if __name__ == "__main__":
    compete(prepare)
