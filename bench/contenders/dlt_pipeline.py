"""dlt, as its documentation has it: its REST source, or the same lists from files, to a folder of Parquet.

Runs in an environment of its own, for dlt is no dependency of ours. Its tables are those it makes by itself:
the entries, and a child table for each list in them (authors, media, keywords).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.contender import Task, compete

VERSION = "1.31.0"
# A file of the first step is the unit of work of the second: with one of them, its second process had nothing to do.
_CONFIGURATION = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "NORMALIZE__WORKERS": "2",
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "5000",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
}


def prepare(task: Task) -> Callable[[], Mapping[str, object]]:
    """A pipeline of one run into an empty folder."""
    os.environ.update(_CONFIGURATION)
    import dlt  # noqa: PLC0415 - what it finds in the environment must be there before
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

    def work() -> Mapping[str, object]:
        pipeline.run(source, loader_file_format="parquet")
        rows = pipeline.last_trace.last_normalize_info.row_counts
        return {"rows": {name: rows[name] for name in sorted(rows) if not name.startswith("_")}, "made": "lake"}

    return work


if __name__ == "__main__":
    compete(prepare)
