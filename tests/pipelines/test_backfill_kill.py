"""A killed backfill: the next run gives the same tables, and requests at most one page again."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from paperlake.store.lake import Lake
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.server import HubServer
from schemas.catalogue import TABLES

pytestmark = pytest.mark.real
KILLS = int(os.environ.get("PAPERLAKE_SOAK_KILLS", "1"))
"""`make soak` sets it to a hundred."""
START, END = "2025-10-13", "2025-11-11"
DERIVED_TABLES = (
    "listings",
    "authors",
    "signals",
    "source_days",
    "captures",
    "rejects",
    "field_days",
    "drift",
    "papers",
)
TIMESTAMPS = ("captured_at", "first_seen_at", "last_seen_at", "first_captured_at", "last_captured_at", "counted_at")
PAPERS = Path(sys.executable).parent / "papers"


@pytest.fixture
def hub():
    """Lists of one to three pages, at a fixed time, so that every run gets the same answers."""
    with HubServer(GeneratedHub(papers_a_day=110), quota=None) as server:
        yield server


def environment(root, hub):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PAPERLAKE_"))}
    return {
        **inherited,
        "PAPERLAKE_ROOT": str(root),
        "PAPERLAKE_STATE": str(root) + "-state",
        "PAPERLAKE_HUB_URL": hub.url,
        "PAPERLAKE_HUB_QUOTA": "0",
    }


def backfill(root, hub):
    with log_path(root).open("wb") as file:
        return subprocess.Popen(
            [PAPERS, "backfill", START, END],
            env=environment(root, hub),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def log_path(root):
    return Path(f"{root}.log")


def run_backfill(root, hub):
    process = backfill(root, hub)
    assert process.wait(300) == 0, log_path(root).read_text()


def tables_without_times(root):
    """The tables without timestamps, which depend on the real clock, and sorted without them."""
    seen = snapshot(Lake(root))
    tables = {}
    for name in DERIVED_TABLES:
        rows = scan(seen, TABLES[name]).collect()
        columns = rows.drop(column for column in TIMESTAMPS if column in rows.columns)
        tables[name] = columns.sort([name for name, kind in columns.schema.items() if not isinstance(kind, pl.List)])
    return tables


def kill_at_random(root, hub, rng):
    """Start a backfill and kill it at a random request, before the first one, or some time after the last one."""
    process = backfill(root, hub)
    first = len(hub.requests)
    kill_at = rng.randrange(60)
    end = time.monotonic() + 60
    while process.poll() is None and len(hub.requests) - first < kill_at and time.monotonic() < end:
        time.sleep(0.002)
        if len(hub.requests) - first >= 52:  # all pages are requested: only publishing follows
            break
    time.sleep(rng.random() * (2.5 if kill_at > 45 else 0.05))
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_next_run_gives_the_same_tables_and_requests_at_most_one_page_again(tmp_path, hub):
    undisturbed = tmp_path / "undisturbed"
    run_backfill(undisturbed, hub)
    pages = Counter((seen.day, seen.page) for seen in hub.requests)
    several = {day for day, page in pages if page != "0"}
    assert all(count == (2 if page == "0" and day in several else 1) for (day, page), count in pages.items())
    assert max(int(page) for _, page in pages) >= 1, "some lists have several pages"
    expected = tables_without_times(undisturbed)
    rng = random.Random(20251106)
    for number in range(KILLS):
        root = tmp_path / f"killed-{number}"
        hub.requests.clear()
        kill_at_random(root, hub, rng)
        run_backfill(root, hub)
        repeated = Counter((seen.day, seen.page) for seen in hub.requests) - pages
        assert sum(repeated.values()) <= 1, repeated
        for name, rows in tables_without_times(root).items():
            assert_frame_equal(rows, expected[name])
        assert not list(Lake(root).inbox.rglob("*.row"))
