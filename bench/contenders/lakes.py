"""Make lakes for contenders: with evidence only, with all tables, or without some."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Collection, Iterable
from datetime import date, datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path

import polars as pl

from bench.corpora.corpus import TIMES, Corpus
from paperlake.store.fingerprint import code_fingerprint
from paperlake.store.lake import Lake, part_name
from paperlake.store.manifest import Manifest, load
from paperlake.store.publish import open_writer
from schemas.calendar import MONTH_FORMAT
from schemas.hub_replies import HUB_REPLIES
from transforms.hub.verdicts import FULL_PAGE_SIZES

Answer = tuple[date, datetime, bytes]
"""The requested date, the capture time, and the body."""


def evidence_lake(corpus: Corpus) -> Path:
    """The root of a lake with the evidence of `corpus`, made once in the folder of the corpus."""
    root = corpus.home / "lake"
    temporary = corpus.home / "lake.making"
    if not root.exists():
        shutil.rmtree(temporary, ignore_errors=True)
        with (corpus.answers / TIMES).open(encoding="utf-8", newline="") as file:
            times = {row["file"]: datetime.fromisoformat(row["captured_at"]) for row in csv.DictReader(file)}
        for _, days in groupby(corpus.days, key=lambda day: day[:7]):
            # Imported answers have no request URL.
            answers = ((date.fromisoformat(day), times[f"{day}.json"], corpus.file(day).read_bytes()) for day in days)
            publish_evidence(Lake(temporary), answers, url=None)
        temporary.rename(root)
    return root


def built_lake(corpus: Corpus) -> Path:
    """The root of a lake of `corpus` with all tables, made once for each version of the code."""
    from paperlake.build.publish import publish_months  # noqa: PLC0415 - its import takes a second
    from paperlake.build.rebuild import known_months  # noqa: PLC0415

    root = corpus.home / f"lake.{code_fingerprint()}"
    temporary = corpus.home / "lake.building"
    if not root.exists():
        shutil.rmtree(temporary, ignore_errors=True)
        lake = link_lake(evidence_lake(corpus), temporary)
        for result in publish_months(lake, known_months(lake), is_validated=False):
            if result.fault:
                raise result.fault
        temporary.rename(root)
    return root


def publish_evidence(lake: Lake, answers: Iterable[Answer], *, url: str | None) -> None:
    """Publish answers, all of one month, as evidence. `url` is the request URL of all of them."""
    rows = [
        {
            "requested_on": day,
            "capture_started_at": at,
            "page": page,
            "captured_at": at,
            "url": f"{url}&p={asked}" if url else None,
            "status_code": 200 if url else None,
            "headers": "{}" if url else None,
            "body": body,
            "body_sha256": sha256(body).hexdigest(),
        }
        for day, at, listed in answers
        for page, (asked, body) in enumerate(_pages(listed) if url else [(0, listed)])
    ]
    replies = pl.DataFrame(rows, schema=pl.Schema(HUB_REPLIES.arrow())).sort(HUB_REPLIES.sort)
    with open_writer(lake) as writer:
        writer.commit(writer.stage(replies["requested_on"].dt.strftime(MONTH_FORMAT)[0], {HUB_REPLIES: replies}))


def _pages(body: bytes) -> list[tuple[int, bytes]]:
    """The pages that a capture of a list asks for, by number: after a full one the next, and then the first again."""
    is_full = len(json.loads(body)) in FULL_PAGE_SIZES
    return [(0, body), (1, b"[]"), (0, body)] if is_full else [(0, body)]


def remove_tables(lake: Lake, tables: Collection[str]) -> None:
    """Remove tables from a lake made by `link_lake`, as if they were never built."""
    published = load(lake.manifest)
    removed = {part_name(table, month) for table in tables for month in published.months(table)}
    for name in removed:
        (lake.root / name).unlink()
    remaining = Manifest({name: entry for name, entry in published.files.items() if name not in removed})
    lake.manifest.unlink()  # it is a hard link
    lake.manifest.write_bytes(remaining.encode())


def link_lake(root: Path, copy: Path) -> Lake:
    """Copy the lake at `root` to `copy` by hard links. That is safe, because a publish replaces files."""
    shutil.copytree(root, copy, copy_function=os.link)
    return Lake(copy)
