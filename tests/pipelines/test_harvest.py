"""Harvests and imports of arXiv, end to end: a real server on loopback, a real Prefect API, a lake on disk."""

import gzip
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock

from paperlake.build.rebuild import months_kept, rebuild, rebuild_as_of
from paperlake.config import SettingWrong, settings
from paperlake.ingest.arxiv import HarvestUnderWay
from paperlake.operations.import_arxiv import import_snapshot
from paperlake.operations.lineage import why
from paperlake.pipelines.in_process import run_harvest
from paperlake.store.lake import Lake
from paperlake.store.line_blocks import LinesUnreadable
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from paperlake.store.verify import verify
from sandbox.arxiv import ArxivServer
from sandbox.arxiv_answers import Repository
from sandbox.arxiv_collection import Collection
from sandbox.arxiv_faults import ArxivFault
from sandbox.arxiv_generated import generated
from sandbox.clock import Clock
from schemas.catalogue import TABLES
from tests.arxiv_rows import line
from tests.build.test_rebuild import parts

NOW = datetime(2026, 11, 2, 4, 40, tzinfo=UTC)
NEXT = datetime(2026, 11, 3, 4, 40, tzinfo=UTC)
PAPERS = generated(300, seed=3, first=date(2026, 5, 1))
COMMAND = Path(sys.executable).parent / "papers"


@pytest.fixture
def lake(lake_in_force):
    return lake_in_force


@pytest.fixture
def arxiv(monkeypatch):
    """Starts an arXiv for a collection and points the settings at it."""
    servers = []

    def start(papers=PAPERS, *, page_size=50, generation="new", **options):
        clock = Clock(NOW)
        held = Collection(papers, clock=clock)
        server = ArxivServer(Repository(held, generation, page_size), clock=clock, **options)
        server.__enter__()
        servers.append(server)
        monkeypatch.setenv("PAPERLAKE_ARXIV_URL", server.oai_url)
        monkeypatch.setenv("PAPERLAKE_ARXIV_INTERVAL_S", "0")
        server.held = held
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def harvest(now=NOW, set_spec=None, since=None, until=None):
    return run_harvest(set_spec, since, until, listener=lambda _: None, now=now)


def rows(lake, table):
    return scan(snapshot(lake), TABLES[table]).collect().sort(TABLES[table].sort)


def ids(lake, table="arxiv_papers"):
    return set(rows(lake, table)["paper_id"])


def test_a_harvest_brings_every_paper_into_the_month_of_its_id(arxiv, lake):
    server = arxiv()
    outcome = harvest()
    assert (outcome.verdict, outcome.record_count, outcome.problems) == ("complete", 300, ())
    told = rows(lake, "arxiv_papers")
    assert set(told["paper_id"]) == {paper.id for paper in server.held.records()} == ids(lake, "papers")
    assert told.select((pl.col("filed_on").dt.strftime("%y%m") == pl.col("paper_id").str.slice(0, 4)).all()).item()
    (verdict,) = rows(lake, "source_days").select("source", "listed_on", "verdict", "paper_count").rows()
    assert verdict == ("arxiv", NOW.date(), "complete", 300)
    assert not verify(lake).faults


def test_the_next_harvest_asks_from_the_day_before_and_builds_only_what_changed(arxiv, lake):
    server = arxiv()
    harvest()
    server.clock.move_to(NEXT)
    server.held.modify(PAPERS[0].id, NEXT, title="Another title")
    server.held.delete(PAPERS[1].id, NEXT)
    server.requests.clear()
    outcome = harvest(NEXT)
    assert server.requests[0].arguments["from"] == "2026-11-01"
    assert (outcome.verdict, outcome.record_count) == ("complete", 2)
    touched = {f"20{paper.id[:2]}-{paper.id[2:4]}" for paper in PAPERS[:2]}
    assert {name.split("month=")[1][:7] for name in outcome.changed if "/arxiv_papers/" in name} == touched
    changed = {row["paper_id"]: row for row in rows(lake, "arxiv_papers").iter_rows(named=True)}
    assert changed[PAPERS[0].id]["title"] == "Another title"
    assert (changed[PAPERS[1].id]["is_deleted"], changed[PAPERS[1].id]["title"] is None) == (True, False)


def test_a_rebuild_gives_the_same_bytes_and_the_lake_as_of_the_day_before_the_old_title(arxiv, lake, tmp_path):
    server = arxiv()
    harvest()
    known = datetime.now(UTC)
    time.sleep(0.01)
    server.clock.move_to(NEXT)
    server.held.modify(PAPERS[0].id, NEXT, title="Another title")
    harvest(NEXT)
    before = parts(lake)
    assert not [one.changed for one in rebuild(lake, months_kept(lake), force=True) if one.changed]
    assert parts(lake) == before
    then = Lake(tmp_path / "then")
    list(rebuild_as_of(lake, months_kept(lake), min(known, NEXT), then))
    title = rows(then, "arxiv_papers").filter(pl.col("paper_id") == PAPERS[0].id)["title"].item()
    assert title != "Another title"
    assert ids(then) == ids(lake)


def test_papers_of_a_set_only(arxiv, lake):
    arxiv()
    outcome = harvest(set_spec="cs")
    of_cs = {paper.id for paper in PAPERS if any(one.startswith("cs.") for one in paper.categories)}
    assert 0 < len(of_cs) < 300
    assert ids(lake) == of_cs
    assert outcome.record_count == len(of_cs)
    assert rows(lake, "source_days")["source"].to_list() == ["arxiv:cs"]


def test_a_harvest_that_fails_publishes_what_it_was_told_and_is_gone_on_with(arxiv, lake):
    server = arxiv(faults=[ArxivFault("status", status=403, after=3, times=1)])
    outcome = harvest()
    assert outcome.verdict == "partial"
    assert "403" in outcome.problems[0]
    assert len(ids(lake)) == 150
    server.requests.clear()
    assert harvest(NOW).verdict == "complete"
    assert "resumptionToken" in server.requests[0].arguments
    assert len(ids(lake)) == 300


def test_on_another_day_a_harvest_is_begun_anew(arxiv, lake):
    server = arxiv(faults=[ArxivFault("status", status=403, after=3, times=1)])
    harvest()
    server.requests.clear()
    server.clock.move_to(NEXT)
    assert harvest(NEXT).verdict == "complete"
    assert "resumptionToken" not in server.requests[0].arguments


def test_one_harvest_at_a_time_on_a_machine(arxiv, lake):
    arxiv()
    settings().state.mkdir(parents=True, exist_ok=True)
    with FileLock(settings().state / "arxiv.lock"), pytest.raises(HarvestUnderWay, match="allows one connection"):
        harvest()


@pytest.mark.parametrize(
    ("seconds", "said"), [("-1", "seconds between"), ("soon", "seconds between"), ("1", "asks for 3")]
)
def test_arxivs_terms_hold_for_arxiv(monkeypatch, seconds, said):
    monkeypatch.setenv("PAPERLAKE_ARXIV_URL", "https://oaipmh.arxiv.example/oai")
    monkeypatch.setenv("PAPERLAKE_ARXIV_INTERVAL_S", seconds)
    with pytest.raises(SettingWrong, match=said):
        settings()


def test_requests_keep_their_distance_over_two_harvests(arxiv, lake, monkeypatch):
    server = arxiv(PAPERS[:120])
    server.clock = server.repository.clock = Clock()
    server.strict_s = 0.15
    # A request is counted when it is let go, and may arrive a little later than that.
    monkeypatch.setenv("PAPERLAKE_ARXIV_INTERVAL_S", "0.4")
    assert harvest(None).verdict == "complete"
    assert harvest(None).verdict in {"complete", "confirmed_empty"}
    assert server.shortest_wait_s >= 0.25
    assert server.most_connections == 1


@pytest.mark.real
def test_a_harvest_that_is_killed_goes_on_where_it_was(arxiv, lake):
    server = arxiv(faults=[ArxivFault("delay", seconds=30, after=4, times=1)])
    server.clock.move_to(datetime.now(UTC))
    environment = dict(os.environ)
    with subprocess.Popen([COMMAND, "harvest"], env=environment, stderr=subprocess.DEVNULL) as other:
        until = time.monotonic() + 60
        while len(server.requests) < 5 and time.monotonic() < until:
            time.sleep(0.05)
        other.send_signal(signal.SIGKILL)
    server.requests.clear()
    assert harvest(None).verdict == "complete"
    assert "resumptionToken" in server.requests[0].arguments
    assert sum(asked.verb == "ListRecords" for asked in server.requests) == 2
    assert len(ids(lake)) == 300


# The bulk snapshot


def snapshot_of(papers, folder, name="snapshot.json.gz"):
    path = folder / name
    path.write_bytes(gzip.compress(b"\n".join(line(paper) for paper in papers)))
    return path


def bring_in(lake, path):
    return import_snapshot(lake, path, lambda _: None, lambda *_: None)


def test_a_snapshot_is_imported_and_the_harvest_goes_on_from_its_newest_update(arxiv, lake, tmp_path):
    server = arxiv()
    outcome = bring_in(lake, snapshot_of(PAPERS, tmp_path))
    assert (outcome.lines, outcome.new_lines, outcome.problems) == (300, 300, [])
    assert ids(lake) == {paper.id for paper in PAPERS}
    assert rows(lake, "arxiv_papers")["is_from_bulk"].all()
    newest = max(paper.datestamp for paper in PAPERS)
    assert outcome.newest_update_on == newest
    harvest()
    assert date.fromisoformat(server.requests[0].arguments["from"]) < newest
    # What arXiv says itself counts more than the snapshot of the same day.
    assert not rows(lake, "arxiv_papers").filter(pl.col("datestamp") == newest)["is_from_bulk"].any()
    assert not verify(lake).faults


def test_a_later_snapshot_adds_only_the_lines_that_changed(lake, tmp_path):
    bring_in(lake, snapshot_of(PAPERS, tmp_path))
    path = snapshot_of([], tmp_path, "later.json.gz")
    lines = [line(paper) for paper in PAPERS]
    lines[5] = line(PAPERS[5], title="Another title", update_date="2026-11-02")
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    outcome = bring_in(lake, path)
    assert (outcome.lines, outcome.new_lines) == (300, 1)
    assert rows(lake, "arxiv_lines").height == 301
    changed = rows(lake, "arxiv_papers").filter(pl.col("paper_id") == PAPERS[5].id)
    assert changed["title"].item() == "Another title"
    before = parts(lake)
    assert not [one.changed for one in rebuild(lake, months_kept(lake), force=True) if one.changed]
    assert parts(lake) == before


def test_lines_that_cannot_be_read_are_kept_and_told_of(lake, tmp_path):
    path = tmp_path / "odd.json"
    path.write_bytes(b"\n".join([line(PAPERS[0]), b"{", b'{"title": "no id"}', b"[1]", line(PAPERS[1], title=7)]))
    outcome = bring_in(lake, path)
    assert outcome.new_lines == 5
    assert rows(lake, "arxiv_lines").height == 5
    assert {PAPERS[0].id, PAPERS[1].id} == ids(lake)
    told = rows(lake, "arxiv_line_rejects")
    assert told.height == 4
    assert told.filter("is_row_kept")["paper_id"].to_list() == [PAPERS[1].id]


def test_a_cut_snapshot_leaves_the_lake_as_it_was(lake, tmp_path):
    path = snapshot_of(PAPERS, tmp_path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(LinesUnreadable):
        bring_in(lake, path)
    assert not snapshot(lake).manifest.files


def test_why_tells_what_arxiv_said_of_a_paper(arxiv, lake):
    server = arxiv()
    harvest()
    server.clock.move_to(NEXT)
    server.held.modify(PAPERS[0].id, NEXT, title="Another title")
    harvest(NEXT)
    told = why(lake, PAPERS[0].id)
    assert [record["title"] == "Another title" for record in told.records] == [False, True]
    assert {"arxiv_papers", "arxiv_records", "papers"} <= {one["table"] for one in told.files}
