"""dlt, used as in its documentation: its REST source, or the same lists from files, into a folder of Parquet files.

It runs in its own environment, because Paperlake does not depend on dlt. dlt derives the tables: the entries, and a
child table for each list in them (authors, media, keywords).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.contenders.task import Task, compete

VERSION = "1.31.0"
# The second step processes one file of the first step per process, so both processes need several files.
_CONFIGURATION = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "NORMALIZE__WORKERS": "2",
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "5000",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}


def set_up(task: Task) -> Callable[[], Mapping[str, object]]:
    """Set up a pipeline into an empty folder."""
    os.environ.update(_CONFIGURATION)
    import dlt  # noqa: PLC0415 - it reads the environment at import
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415

    days = [{"day": day} for day in task.corpus.days]

    def from_files() -> Iterator[list[Any]]:
        for day in task.corpus.days:
            entries = json.loads(task.corpus.file(day).read_bytes())
            yield [{**entry, "listed_on": day} for entry in entries]

    def asked_days() -> Iterator[list[dict[str, str]]]:
        yield days

    def from_hub(hub: str) -> Any:
        return rest_api_source(
            {
                "client": {"base_url": hub, "paginator": "header_link"},
                "resources": [
                    dlt.resource(asked_days, name="days", selected=False),
                    {
                        "name": "daily_papers",
                        "include_from_parent": ["day"],
                        "endpoint": {
                            "path": "api/daily_papers",
                            "params": {"date": "{resources.days.day}", "limit": 100},
                        },
                    },
                ],
            }
        )

    source = from_hub(task.hub) if task.hub else dlt.resource(from_files, name="daily_papers")
    pipeline = dlt.pipeline(
        pipeline_name="daily_papers",
        pipelines_dir=str(task.out / "pipelines"),
        destination=dlt.destinations.filesystem(bucket_url=str(task.out / "lake")),
        dataset_name="hub",
    )

    def run() -> Mapping[str, object]:
        pipeline.run(source, loader_file_format="parquet")
        rows = pipeline.last_trace.last_normalize_info.row_counts
        return {"rows": {name: rows[name] for name in sorted(rows) if not name.startswith("_")}, "output": "lake"}

    return run


if __name__ == "__main__":
    compete(set_up)
