"""Lakes that hold answers as evidence, and nothing built from them yet."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Collection, Iterable
from datetime import date, datetime
from hashlib import sha256
from itertools import groupby
from pathlib import Path

import polars as pl

from bench.corpus import TIMES, Corpus
from paperlake.store.fingerprint import code
from paperlake.store.lake import MONTH_FORM, Lake, part_name
from paperlake.store.manifest import Manifest, load
from paperlake.store.publish import open_writer
from schemas.hub_replies import HUB_REPLIES

Answer = tuple[date, datetime, bytes]
"""The date asked for, the instant, and the body."""


def evidence(corpus: Corpus) -> Path:
    """The root of the lake of `corpus`, made once, beside what is known of the corpus."""
    root = corpus.home / "lake"
    making = corpus.home / "lake.making"
    if not root.exists():
        shutil.rmtree(making, ignore_errors=True)
        with (corpus.answers / TIMES).open(encoding="utf-8", newline="") as file:
            times = {row["file"]: datetime.fromisoformat(row["captured_at"]) for row in csv.DictReader(file)}
        for _, days in groupby(corpus.days, key=lambda day: day[:7]):
            # An import does not know how it was asked, so it has no address.
            answers = ((date.fromisoformat(day), times[f"{day}.json"], corpus.file(day).read_bytes()) for day in days)
            keep(Lake(making), answers, url=None)
        making.rename(root)
    return root


def built(corpus: Corpus) -> Path:
    """The root of the lake of `corpus` with every table in it, made once by each version of the code."""
    from paperlake.build.publish import publish_months  # noqa: PLC0415 - its import takes a second
    from paperlake.build.rebuild import months_kept  # noqa: PLC0415

    root = corpus.home / f"lake.{code()}"
    making = corpus.home / "lake.building"
    if not root.exists():
        shutil.rmtree(making, ignore_errors=True)
        lake = linked(evidence(corpus), making)
        for done in publish_months(lake, months_kept(lake), judge=None):
            if done.fault:
                raise done.fault
        making.rename(root)
    return root


def keep(lake: Lake, answers: Iterable[Answer], *, url: str | None) -> None:
    """Publish the answers of a month, and of that month only, as evidence. `url` is where they all came from."""
    rows = [
        {
            "requested_on": day,
            "capture_started_at": at,
            "page": 0,
            "captured_at": at,
            "url": url,
            "status_code": 200 if url else None,
            "headers": "{}" if url else None,
            "body": body,
            "body_sha256": sha256(body).hexdigest(),
        }
        for day, at, body in answers
    ]
    replies = pl.DataFrame(rows, schema=pl.Schema(HUB_REPLIES.arrow())).sort(HUB_REPLIES.sort)
    with open_writer(lake) as pen:
        pen.commit(pen.stage(replies["requested_on"].dt.strftime(MONTH_FORM)[0], {HUB_REPLIES: replies}))


def without(lake: Lake, tables: Collection[str]) -> None:
    """Make a `linked` lake one in which these tables were never built."""
    published = load(lake.manifest)
    gone = {part_name(table, month) for table in tables for month in published.months(table)}
    for name in gone:
        (lake.root / name).unlink()
    left = Manifest({name: entry for name, entry in published.files.items() if name not in gone})
    lake.manifest.unlink()  # it is linked, like all of the lake
    lake.manifest.write_bytes(left.encode())


def linked(root: Path, copy: Path) -> Lake:
    """The lake at `root` again at `copy`. The files are linked: a publish never writes into one, it replaces it."""
    shutil.copytree(root, copy, copy_function=os.link)
    return Lake(copy)
