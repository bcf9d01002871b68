"""Paperlake's rebuild: build and publish derived tables from evidence, with or without validation.

It builds all tables into a lake that has only the evidence, or some tables into a lake that has all others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from bench.contenders.task import Task, compete


def set_up(task: Task) -> Callable[[], Mapping[str, object]]:
    """Set up a lake and the imports of a rebuild."""
    # Imported here, because worker processes import this file and must configure Polars before they import it.
    from bench.contenders.lakes import built_lake, evidence_lake, link_lake, remove_tables  # noqa: PLC0415
    from paperlake.build.publish import publish_months  # noqa: PLC0415
    from paperlake.build.rebuild import known_months  # noqa: PLC0415
    from paperlake.quality.validator import Validator  # noqa: PLC0415
    from schemas.catalogue import TABLES  # noqa: PLC0415
    from transforms.graph import DERIVED  # noqa: PLC0415

    validator = Validator()
    if task.has_validation:
        validator.load()
    only = [TABLES[name] for name in task.tables]
    lake = link_lake(built_lake(task.corpus) if only else evidence_lake(task.corpus), task.out / "lake")
    if only:
        remove_tables(lake, task.tables)
    months = known_months(lake)

    def run() -> Mapping[str, object]:
        rows: Counter[str] = Counter()
        results = publish_months(
            lake, months, force=True, only=only or DERIVED, validator=validator, is_validated=task.has_validation
        )
        for result in results:
            if result.fault:
                raise result.fault
            if not only or result.table in task.tables:
                rows[result.table] += result.rows
        return {"rows": rows, "evidence": "lake/tables/hub_replies"}

    return run


if __name__ == "__main__":
    compete(set_up)
