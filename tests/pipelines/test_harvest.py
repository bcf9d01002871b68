"""Harvests and snapshot imports of arXiv, end to end: a real server on loopback and a lake on disk."""

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

from paperlake.build.rebuild import known_months, rebuild, rebuild_as_of
from paperlake.config import InvalidSetting, read_settings
from paperlake.ingest.arxiv import HarvestInProgress
from paperlake.operations.import_arxiv import import_snapshot
from paperlake.operations.lineage import trace_paper
from paperlake.store.lake import Lake
from paperlake.store.line_blocks import LinesUnreadable
from paperlake.store.snapshot import snapshot
from paperlake.store.verify import verify
from sandbox.arxiv.faults import ArxivFault
from sandbox.clock import Clock
from tests.arxiv_rows import snapshot_line
from tests.build.test_rebuild import parts
from tests.harvests import NEXT, NOW, PAPERS, harvest, ids, rows

COMMAND = Path(sys.executable).parent / "papers"


@pytest.fixture
def lake(lake_in_force):
    return lake_in_force


def test_harvest_publishes_every_paper_in_the_month_of_its_id(arxiv, lake):
    server = arxiv()
    report = harvest()
    assert (report.verdict, report.record_count, report.problems) == ("complete", 300, ())
    papers = rows(lake, "arxiv_papers")
    assert set(papers["paper_id"]) == {paper.id for paper in server.collection.records()} == ids(lake, "papers")
    assert papers.select((pl.col("filed_on").dt.strftime("%y%m") == pl.col("paper_id").str.slice(0, 4)).all()).item()
    (verdict,) = rows(lake, "source_days").select("source", "listed_on", "verdict", "paper_count").rows()
    assert verdict == ("arxiv", NOW.date(), "complete", 300)
    assert not verify(lake).faults


def test_next_harvest_starts_a_day_earlier_and_builds_only_changed_months(arxiv, lake):
    server = arxiv()
    harvest()
    server.clock.move_to(NEXT)
    server.collection.modify(PAPERS[0].id, NEXT, title="Another title")
    server.collection.delete(PAPERS[1].id, NEXT)
    server.requests.clear()
    report = harvest(NEXT)
    assert server.requests[0].arguments["from"] == "2026-11-01"
    assert (report.verdict, report.record_count) == ("complete", 2)
    touched = {f"20{paper.id[:2]}-{paper.id[2:4]}" for paper in PAPERS[:2]}
    assert {name.split("month=")[1][:7] for name in report.changed if "/arxiv_papers/" in name} == touched
    changed = {row["paper_id"]: row for row in rows(lake, "arxiv_papers").iter_rows(named=True)}
    assert changed[PAPERS[0].id]["title"] == "Another title"
    assert (changed[PAPERS[1].id]["is_deleted"], changed[PAPERS[1].id]["title"] is None) == (True, False)


def test_rebuild_gives_the_same_bytes_and_as_of_gives_the_old_title(arxiv, lake, tmp_path):
    server = arxiv()
    harvest()
    before_change = datetime.now(UTC)
    time.sleep(0.01)
    server.clock.move_to(NEXT)
    server.collection.modify(PAPERS[0].id, NEXT, title="Another title")
    harvest(NEXT)
    before = parts(lake)
    assert not [result.file for result in rebuild(lake, known_months(lake), force=True) if result.is_changed]
    assert parts(lake) == before
    earlier = Lake(tmp_path / "earlier")
    list(rebuild_as_of(lake, known_months(lake), min(before_change, NEXT), earlier))
    title = rows(earlier, "arxiv_papers").filter(pl.col("paper_id") == PAPERS[0].id)["title"].item()
    assert title != "Another title"
    assert ids(earlier) == ids(lake)


def test_harvest_of_a_set(arxiv, lake):
    arxiv()
    report = harvest(set_spec="cs")
    of_cs = {paper.id for paper in PAPERS if any(category.startswith("cs.") for category in paper.categories)}
    assert 0 < len(of_cs) < 300
    assert ids(lake) == of_cs
    assert report.record_count == len(of_cs)
    assert rows(lake, "source_days")["source"].to_list() == ["arxiv:cs"]


def test_failed_harvest_publishes_its_answers_and_is_resumed(arxiv, lake):
    server = arxiv(faults=[ArxivFault("status", status=403, after=3, times=1)])
    report = harvest()
    assert report.verdict == "partial"
    assert "403" in report.problems[0]
    assert len(ids(lake)) == 150
    server.requests.clear()
    assert harvest(NOW).verdict == "complete"
    assert "resumptionToken" in server.requests[0].arguments
    assert len(ids(lake)) == 300


def test_harvest_is_not_resumed_on_another_day(arxiv, lake):
    server = arxiv(faults=[ArxivFault("status", status=403, after=3, times=1)])
    harvest()
    server.requests.clear()
    server.clock.move_to(NEXT)
    assert harvest(NEXT).verdict == "complete"
    assert "resumptionToken" not in server.requests[0].arguments


def test_one_harvest_at_a_time_on_a_machine(arxiv, lake):
    arxiv()
    read_settings().state.mkdir(parents=True, exist_ok=True)
    with (
        FileLock(read_settings().state / "arxiv.lock"),
        pytest.raises(HarvestInProgress, match="allows one connection"),
    ):
        harvest()


@pytest.mark.parametrize(
    ("seconds", "message"), [("-1", "seconds between"), ("soon", "seconds between"), ("1", "asks for 3")]
)
def test_interval_must_follow_the_terms_of_arxiv(monkeypatch, seconds, message):
    monkeypatch.setenv("PAPERLAKE_ARXIV_URL", "https://oaipmh.arxiv.example/oai")
    monkeypatch.setenv("PAPERLAKE_ARXIV_INTERVAL_S", seconds)
    with pytest.raises(InvalidSetting, match=message):
        read_settings()


def test_two_harvests_keep_the_request_interval(arxiv, lake, monkeypatch):
    server = arxiv(PAPERS[:120])
    server.clock = server.repository.clock = Clock()
    server.strict_s = 0.15
    # A request is counted when it is sent, and may arrive a little later.
    monkeypatch.setenv("PAPERLAKE_ARXIV_INTERVAL_S", "0.4")
    assert harvest(None).verdict == "complete"
    assert harvest(None).verdict in {"complete", "confirmed_empty"}
    assert server.shortest_wait_s >= 0.25
    assert server.most_connections == 1


@pytest.mark.real
def test_killed_harvest_is_resumed(arxiv, lake):
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
    assert sum(query.verb == "ListRecords" for query in server.requests) == 2
    assert len(ids(lake)) == 300


# The metadata snapshot


def snapshot_of(papers, folder, name="snapshot.json.gz"):
    path = folder / name
    path.write_bytes(gzip.compress(b"\n".join(snapshot_line(paper) for paper in papers)))
    return path


def import_file(lake, path):
    return import_snapshot(lake, path, lambda _: None, lambda *_: None)


def test_harvest_after_an_import_starts_from_its_newest_update(arxiv, lake, tmp_path):
    server = arxiv()
    report = import_file(lake, snapshot_of(PAPERS, tmp_path))
    assert (report.lines, report.new_lines, report.problems) == (300, 300, [])
    assert ids(lake) == {paper.id for paper in PAPERS}
    assert rows(lake, "arxiv_papers")["is_from_bulk"].all()
    newest = max(paper.datestamp for paper in PAPERS)
    assert report.newest_update_on == newest
    harvest()
    assert date.fromisoformat(server.requests[0].arguments["from"]) < newest
    # A record from arXiv's server replaces a snapshot line of the same day.
    assert not rows(lake, "arxiv_papers").filter(pl.col("datestamp") == newest)["is_from_bulk"].any()
    assert not verify(lake).faults


def test_later_snapshot_adds_only_changed_lines(lake, tmp_path):
    import_file(lake, snapshot_of(PAPERS, tmp_path))
    path = snapshot_of([], tmp_path, "later.json.gz")
    lines = [snapshot_line(paper) for paper in PAPERS]
    lines[5] = snapshot_line(PAPERS[5], title="Another title", update_date="2026-11-02")
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    report = import_file(lake, path)
    assert (report.lines, report.new_lines) == (300, 1)
    assert rows(lake, "arxiv_lines").height == 301
    changed = rows(lake, "arxiv_papers").filter(pl.col("paper_id") == PAPERS[5].id)
    assert changed["title"].item() == "Another title"
    before = parts(lake)
    assert not [result.file for result in rebuild(lake, known_months(lake), force=True) if result.is_changed]
    assert parts(lake) == before


def test_unreadable_lines_are_stored_and_rejected(lake, tmp_path):
    path = tmp_path / "snapshot.json"
    path.write_bytes(
        b"\n".join(
            [
                *(snapshot_line(paper) for paper in (PAPERS[0], PAPERS[2])),
                *(b"{", b'{"title": "no id"}', b"[1]"),
                snapshot_line(PAPERS[1], title=7),
            ]
        )
    )
    report = import_file(lake, path)
    assert (report.new_lines, report.unreadable_lines) == (6, 3)
    assert rows(lake, "arxiv_lines").height == 6
    assert {PAPERS[0].id, PAPERS[1].id, PAPERS[2].id} == ids(lake)
    rejects = rows(lake, "arxiv_line_rejects")
    assert rejects.height == 4
    assert rejects.filter("is_row_kept")["paper_id"].to_list() == [PAPERS[1].id]


def test_truncated_snapshot_changes_nothing(lake, tmp_path):
    path = snapshot_of(PAPERS, tmp_path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(LinesUnreadable):
        import_file(lake, path)
    assert not snapshot(lake).manifest.files


def test_lineage_has_the_records_of_arxiv(arxiv, lake):
    server = arxiv()
    harvest()
    server.clock.move_to(NEXT)
    server.collection.modify(PAPERS[0].id, NEXT, title="Another title")
    harvest(NEXT)
    lineage = trace_paper(lake, PAPERS[0].id)
    assert [record["title"] == "Another title" for record in lineage.records] == [False, True]
    assert {"arxiv_papers", "arxiv_records", "papers"} <= {file["table"] for file in lineage.files}


def test_only_months_with_changed_values_count_as_changed(arxiv, lake):
    server = arxiv()
    harvest()
    server.clock.move_to(NEXT)
    changed, same = PAPERS[0], next(paper for paper in PAPERS if paper.id[:4] != PAPERS[0].id[:4])
    server.collection.modify(changed.id, NEXT, title="Another title")
    # arXiv tells this one again, with the datestamp and the values that it had.
    days = rows(lake, "arxiv_papers").filter(pl.col("paper_id") == same.id)["datestamp"]
    report = harvest(NEXT, since=days.item(), until=days.item())
    assert (report.record_count > 0, report.months) == (True, 0)
    assert any("/arxiv_papers/" in name for name in report.changed)
    assert "no paper changed" in report.summary
    assert harvest(NEXT).months == 1
