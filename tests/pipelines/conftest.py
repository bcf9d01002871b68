"""Fixtures for the pipelines."""

import pytest

from sandbox.arxiv.collection import Collection
from sandbox.arxiv.repository import Repository
from sandbox.arxiv.server import ArxivServer
from sandbox.clock import Clock
from tests.harvests import NOW, PAPERS


@pytest.fixture
def arxiv(monkeypatch):
    """Starts a sandbox arXiv for a collection and sets PAPERLAKE_ARXIV_URL to it."""
    servers = []

    def start(papers=PAPERS, *, page_size=50, generation="new", **options):
        clock = Clock(NOW)
        collection = Collection(papers, clock=clock)
        server = ArxivServer(Repository(collection, generation, page_size), clock=clock, **options)
        server.__enter__()
        servers.append(server)
        monkeypatch.setenv("PAPERLAKE_ARXIV_URL", server.oai_url)
        monkeypatch.setenv("PAPERLAKE_ARXIV_INTERVAL_S", "0")
        server.collection = collection
        return server

    yield start
    for server in servers:
        server.__exit__(None, None, None)
