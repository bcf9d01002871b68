"""Harvests of a sandbox arXiv, and the tables that they publish."""

from datetime import UTC, date, datetime

from paperlake.pipelines.in_process import run_harvest
from paperlake.store.rows import scan
from paperlake.store.snapshot import snapshot
from sandbox.arxiv.generated import generate_papers
from schemas.catalogue import TABLES

NOW = datetime(2026, 11, 2, 4, 40, tzinfo=UTC)
NEXT = datetime(2026, 11, 3, 4, 40, tzinfo=UTC)
PAPERS = generate_papers(300, seed=3, first=date(2026, 5, 1))


def harvest(now=NOW, set_spec=None, since=None, until=None):
    return run_harvest(set_spec, since, until, listener=lambda _: None, now=now)


def rows(lake, table):
    return scan(snapshot(lake), TABLES[table]).collect().sort(TABLES[table].sort)


def ids(lake, table="arxiv_papers"):
    return set(rows(lake, table)["paper_id"])
