"""The official Hub client works with the sandbox."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from sandbox.clock import Clock
from sandbox.hub.generated import GeneratedHub
from sandbox.hub.recorded import RecordedHub
from sandbox.hub.server import HubServer

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
huggingface_hub = pytest.importorskip("huggingface_hub", reason="the official client is not installed")

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "hub"
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAYS = [date(2024, 6, 14), date(2025, 3, 12), date(2025, 9, 30), date(2026, 5, 20)]

needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(),
    reason="no recordings at ../shared/recordings/hub",
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def client_of(hub):
    return huggingface_hub.HfApi(endpoint=hub.url, token=False)


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_the_official_client_lists_a_generated_day(day):
    world = GeneratedHub(seed=1)
    with HubServer(world, clock=Clock(NOW)) as hub:
        papers = list(client_of(hub).list_daily_papers(date=str(day), limit=100))
    listed = world.listed(day, NOW)
    assert [paper.id for paper in papers] == [entry["paper"]["id"] for entry in listed]
    assert [len(paper.authors) for paper in papers] == [len(entry["paper"]["authors"]) for entry in listed]
    assert all(paper.published_at for paper in papers)


def test_the_official_client_reads_a_generated_paper():
    world = GeneratedHub(seed=1)
    listed = world.listed(DAYS[-1], NOW)[0]["paper"]
    with HubServer(world, clock=Clock(NOW)) as hub:
        paper = client_of(hub).paper_info(listed["id"])
    assert (paper.id, paper.title, paper.upvotes) == (listed["id"], listed["title"], listed["upvotes"])
    assert paper.linked_models == []


def test_the_official_client_gets_a_404_for_an_unknown_paper():
    with (
        HubServer(GeneratedHub(), clock=Clock(NOW)) as hub,
        pytest.raises(huggingface_hub.errors.HfHubHTTPError) as error,
    ):
        client_of(hub).paper_info("2601.99999")
    assert error.value.response.status_code == 404


@needs_recordings
@pytest.mark.parametrize("day", ["2024-03-13", "2025-03-12", "2025-09-30", "2026-05-29"])
def test_the_official_client_lists_a_recorded_day(day):
    folder = RECORDINGS / "daily_papers"
    recorded = json.loads((folder / f"{day}.json").read_bytes())
    with HubServer(RecordedHub(folder), clock=Clock(NOW)) as hub:
        client = client_of(hub)
        papers = list(client.list_daily_papers(date=day))
    assert [paper.id for paper in papers] == [entry["paper"]["id"] for entry in recorded]


@needs_recordings
def test_the_official_client_reads_a_recorded_paper():
    with HubServer(RecordedHub(RECORDINGS / "daily_papers"), clock=Clock(NOW)) as hub:
        assert client_of(hub).paper_info("2604.07429").upvotes == 42


@needs_recordings
def test_recaptures_are_served_by_capture_time():
    world = RecordedHub(RECORDINGS / "recaptures")
    sizes = [
        len(world.listed(date(2025, 1, 22), datetime(2025, 1, 22, hour, 30, tzinfo=UTC)) or [])
        for hour in (1, 4, 6, 23)
    ]
    assert sizes[:2] == [1, 1]
    assert sizes[2] == 13


@needs_recordings
def test_generated_entries_have_the_recorded_keys_in_order():
    at = datetime(2027, 1, 1, tzinfo=UTC)
    world = GeneratedHub(seed=1, papers_a_day=200)
    for file in sorted((RECORDINGS / "daily_papers").glob("*.json"))[::25]:
        generated, recorded = world.listed(date.fromisoformat(file.stem), at), json.loads(file.read_bytes())
        if not generated or not recorded:
            continue
        for part in (lambda entry: entry, lambda entry: entry["paper"], lambda entry: entry.get("submittedBy", {})):
            generated_keys = {key for entry in generated for key in part(entry)}
            assert {key for entry in recorded for key in part(entry)} <= generated_keys
            longest = max((list(part(entry)) for entry in generated), key=len)
            for entry in recorded:
                common = [key for key in part(entry) if key in longest]
                assert common == [key for key in longest if key in common]
