"""A script that an analyst writes in ten minutes: requests, pandas, json_normalize, to_parquet.

It keeps every field unchanged, does not collapse white space, and holds all data in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd
import requests

from bench.contenders.task import Task, compete


def set_up(task: Task) -> Callable[[], Mapping[str, object]]:
    """Set up the input. The run makes two frames and writes two files."""
    answers = _from_hub(task) if task.hub else _from_files(task)

    def run() -> Mapping[str, object]:
        entries = [{"listed_on": day, **entry} for day, answer in answers for entry in answer]
        listings = pd.json_normalize(entries).drop(columns="paper.authors")
        listings["listed_on"] = pd.to_datetime(listings["listed_on"])
        authors = pd.json_normalize(entries, ["paper", "authors"], ["listed_on", ["paper", "id"]])
        listings.to_parquet(task.out / "listings.parquet")
        authors.to_parquet(task.out / "authors.parquet")
        return {"rows": {"listings": len(listings), "authors": len(authors)}}

    return run


def _from_files(task: Task) -> Iterator[tuple[str, list[Any]]]:
    for day in task.corpus.days:
        yield day, json.loads(task.corpus.file(day).read_bytes())


def _from_hub(task: Task) -> Iterator[tuple[str, list[Any]]]:
    with requests.Session() as session:
        for day in task.corpus.days:
            parameters: dict[str, str | int] = {"date": day, "limit": 100}
            answer = session.get(f"{task.hub}/api/daily_papers", params=parameters, timeout=60)
            yield day, answer.json()
            while "next" in answer.links:
                answer = session.get(answer.links["next"]["url"], timeout=60)
                yield day, answer.json()


if __name__ == "__main__":
    compete(set_up)
