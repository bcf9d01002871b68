"""A backfill that is killed at any moment: the next run converges, and asks for at most one page again."""

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
from sandbox.generated import GeneratedHub
from sandbox.hub import HubServer
from schemas.catalogue import TABLES

pytestmark = pytest.mark.real
KILLS = int(os.environ.get("PAPERLAKE_SOAK_KILLS", "1"))
"""`make soak` kills a hundred."""
START, END = "2025-10-13", "2025-11-11"
TABLES_BUILT = ("listings", "authors", "signals", "source_days", "captures", "rejects", "field_days", "drift", "papers")
INSTANTS = ("captured_at", "first_seen_at", "last_seen_at", "first_captured_at", "last_captured_at", "counted_at")
PAPERS = Path(sys.executable).parent / "papers"


@pytest.fixture
def hub():
    """Lists of one to three pages, at an instant that stands still: every run is told the same."""
    with HubServer(GeneratedHub(papers_a_day=110), quota=None) as server:
        yield server


def environment(root, hub):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PAPERLAKE_"))}
    return {
        **kept,
        "PAPERLAKE_ROOT": str(root),
        "PAPERLAKE_STATE": str(root) + "-state",
        "PAPERLAKE_HUB_URL": hub.url,
        "PAPERLAKE_HUB_QUOTA": "0",
    }


def backfill(root, hub):
    with told(root).open("wb") as file:
        return subprocess.Popen(
            [PAPERS, "backfill", START, END],
            env=environment(root, hub),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def told(root):
    return Path(f"{root}.told")


def finished(root, hub):
    process = backfill(root, hub)
    assert process.wait(300) == 0, told(root).read_text()


def built(root):
    """The tables without their instants, which are those of the real clock, and in an order without them."""
    seen = snapshot(Lake(root))
    found = {}
    for name in TABLES_BUILT:
        rows = scan(seen, TABLES[name]).collect()
        held = rows.drop(column for column in INSTANTS if column in rows.columns)
        found[name] = held.sort([name for name, kind in held.schema.items() if not isinstance(kind, pl.List)])
    return found


def killed_at_random(root, hub, rng):
    """Start a backfill and kill it: at some request, or some time after the last, or before the first."""
    process = backfill(root, hub)
    first = len(hub.requests)
    wanted = rng.randrange(60)
    end = time.monotonic() + 60
    while process.poll() is None and len(hub.requests) - first < wanted and time.monotonic() < end:
        time.sleep(0.002)
        if len(hub.requests) - first >= 52:  # all pages there are: what follows is publishing
            break
    time.sleep(rng.random() * (2.5 if wanted > 45 else 0.05))
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_the_next_run_converges_and_asks_for_at_most_one_page_again(tmp_path, hub):
    undisturbed = tmp_path / "undisturbed"
    finished(undisturbed, hub)
    pages = Counter((seen.day, seen.page) for seen in hub.requests)
    assert set(pages.values()) == {1}
    assert max(int(page) for _, page in pages) >= 1, "some lists have several pages"
    expected = built(undisturbed)
    rng = random.Random(20251106)
    for number in range(KILLS):
        root = tmp_path / f"killed-{number}"
        hub.requests.clear()
        killed_at_random(root, hub, rng)
        finished(root, hub)
        again = Counter((seen.day, seen.page) for seen in hub.requests) - pages
        assert sum(again.values()) <= 1, again
        for name, rows in built(root).items():
            assert_frame_equal(rows, expected[name])
        assert not list(Lake(root).inbox.rglob("*.row"))
