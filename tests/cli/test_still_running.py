"""A run whose output is no terminal says something every minute, also while it waits."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from click.testing import CliRunner

from cli import show, still_running
from cli.main import main
from cli.run.harvest import progress_text
from cli.still_running import SignsOfLife
from paperlake.ingest.oai_harvest import Harvest, Window
from sandbox.arxiv.collection import Collection
from sandbox.arxiv.faults import ArxivFault
from sandbox.arxiv.generated import generate_papers
from sandbox.arxiv.repository import Repository
from sandbox.arxiv.server import ArxivServer


def test_the_state_is_said_once_a_minute():
    now, said = [0.0], []
    signs = SignsOfLife(lambda: f"at {now[0]:.0f} s", said.append, clock=lambda: now[0])
    for second in range(185):
        now[0] = float(second)
        signs.look()
    assert said == ["at 60 s", "at 120 s", "at 180 s"]


@pytest.fixture
def hurried(monkeypatch):
    """Every moment is a minute."""
    monkeypatch.setattr(still_running, "EVERY_S", 0.0)
    monkeypatch.setattr(still_running, "LOOK_S", 0.05)


def test_a_harvest_that_waits_for_an_answer_says_so(hurried, lake_in_force, monkeypatch):
    monkeypatch.setattr("paperlake.pipelines.harvest.publish_months", lambda *_, **__: [])
    collection = Collection(generate_papers(3, seed=3, first=date(2026, 5, 1)))
    slow = [ArxivFault("delay", seconds=0.4, verb="ListIdentifiers")]
    with ArxivServer(Repository(collection, "new"), faults=slow) as server:
        monkeypatch.setenv("PAPERLAKE_ARXIV_URL", server.oai_url)
        monkeypatch.setenv("PAPERLAKE_ARXIV_INTERVAL_S", "0")
        result = CliRunner().invoke(main, ["harvest"])
    assert result.exit_code == 0, result.output
    assert "harvest: 1 answer, 3 records, 0 missing" in result.stderr
    assert "harvest:" not in result.stdout


def test_a_counted_run_says_how_far_it_is(hurried, capsys):
    with show.progress("verifying months", 12) as tick:
        tick()
        while not (said := capsys.readouterr().err):
            pass
    assert said.splitlines()[0] == "verifying months: 1 of 12"


@pytest.mark.parametrize(
    ("count", "text"), [(1, "1 answer, 1 record, 0 missing"), (2, "2 answers, 2 records, 0 missing")]
)
def test_counts_of_a_harvest_are_singular_after_1(count, text):
    state = Harvest(Window(), datetime(2026, 11, 2, tzinfo=UTC), pages=count)
    state.headers = [pl.DataFrame({"paper_id": ["2511.00010"]})] * count
    assert progress_text(state) == text
