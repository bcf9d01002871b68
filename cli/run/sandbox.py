"""`papers sandbox`: loopback servers that behave like the sources."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.arguments import Timestamp

if TYPE_CHECKING:
    from sandbox.arxiv.server import ArxivServer

_GENERATIONS = click.Choice(("new", "old"))


@click.group(invoke_without_command=True)
@click.option("--hub-port", type=int, default=8765, show_default=True, help="Port of the Hub, if both servers start.")
@click.option(
    "--arxiv-port", type=int, default=8766, show_default=True, help="Port of the arXiv, if both servers start."
)
@click.pass_context
def sandbox(context: click.Context, hub_port: int, arxiv_port: int) -> None:
    """Start loopback servers that behave like the sources, for offline experiments.

    Without a subcommand it starts a Hub and an arXiv and prints their addresses:

    \b
      papers sandbox
      PAPERLAKE_HUB_URL=http://127.0.0.1:8765
      PAPERLAKE_ARXIV_URL=http://127.0.0.1:8766/oai
    """
    if context.invoked_subcommand is not None:
        return
    from sandbox.hub.generated import GeneratedHub
    from sandbox.hub.server import HubServer

    with _arxiv(arxiv_port) as server:
        hub_server = HubServer(GeneratedHub(seed=1, papers_a_day=30), port=hub_port)
        click.echo(f"PAPERLAKE_HUB_URL={hub_server.url}\nPAPERLAKE_ARXIV_URL={server.oai_url}\nstop with Ctrl-C")
        hub_server.serve_forever()


@sandbox.command("hub")
@click.option("--port", type=int, default=8765, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option(
    "--recordings",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve recorded answers, DATE.json or DATE/TIMESTAMP.json, instead of generated ones.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the generated world.")
@click.option("--papers-a-day", type=int, default=30, show_default=True, help="Mean length of the generated lists.")
@click.option("--now", type=Timestamp(), help="Stop the sandbox clock at this time instead of using the real time.")
@click.option("--quota", type=int, default=500, show_default=True, help="Requests per 5 minutes; 0 for no limit.")
@click.option(
    "--faults", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A JSON array of faults to inject."
)
def hub(
    port: int,
    recordings: Path | None,
    seed: int,
    papers_a_day: int,
    now: datetime | None,
    quota: int,
    faults: Path | None,
) -> None:
    """Serve Daily Papers like the Hub: pages, weekends, rate limits, lists that grow and votes that change.

    \b
      papers sandbox hub
      PAPERLAKE_HUB_URL=http://127.0.0.1:8765 PAPERLAKE_ROOT=./try papers daily
    """
    from sandbox.clock import Clock
    from sandbox.http.faults import faults_from_json
    from sandbox.hub.generated import GeneratedHub
    from sandbox.hub.recorded import RecordedHub
    from sandbox.hub.server import HubServer

    world = RecordedHub(recordings) if recordings else GeneratedHub(seed=seed, papers_a_day=papers_a_day)
    try:
        script = faults_from_json(faults.read_text(encoding="utf-8")) if faults else ()
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--faults") from wrong
    server = HubServer(world, clock=Clock(now), quota=quota or None, port=port, faults=script)
    click.echo(f"serving {'recorded' if recordings else 'generated'} lists at {server.url}; stop with Ctrl-C")
    server.serve_forever()


@sandbox.command("arxiv")
@click.option("--port", type=int, default=8766, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option(
    "--recordings",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve a recorded harvest, page_*.xml.gz, instead of generated papers.",
)
@click.option(
    "--generation",
    type=_GENERATIONS,
    default="new",
    show_default=True,
    help="The server since March 2025, or the one before.",
)
@click.option("--papers", "count", type=click.IntRange(0), default=5000, show_default=True, help="Number of papers.")
@click.option("--page-size", type=click.IntRange(1), default=1000, show_default=True, help="Records on a page.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the generated papers.")
@click.option("--now", type=Timestamp(), help="Stop the sandbox clock at this time instead of using the real time.")
@click.option("--strict", "strict_s", type=float, help="Answer 403 to requests less than this many seconds apart.")
def arxiv(
    port: int,
    recordings: Path | None,
    generation: str,
    count: int,
    page_size: int,
    seed: int,
    now: datetime | None,
    strict_s: float | None,
) -> None:
    """Serve papers by OAI-PMH 2.0 like arXiv: formats, sets, pages by offset, tokens that expire.

    \b
      papers sandbox arxiv
      PAPERLAKE_ARXIV_URL=http://127.0.0.1:8766/oai
    """
    try:
        server = _arxiv(port, recordings, generation, count, page_size, seed, now, strict_s)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    click.echo(f"PAPERLAKE_ARXIV_URL={server.oai_url}\nstop with Ctrl-C")
    server.serve_forever()


def _arxiv(
    port: int,
    recordings: Path | None = None,
    generation: str = "new",
    count: int = 5000,
    page_size: int = 1000,
    seed: int = 1,
    now: datetime | None = None,
    strict_s: float | None = None,
) -> ArxivServer:
    from sandbox.arxiv.collection import Collection
    from sandbox.arxiv.generated import LAST, generate_papers
    from sandbox.arxiv.recorded import RecordedRepository
    from sandbox.arxiv.repository import Repository
    from sandbox.arxiv.server import ArxivServer
    from sandbox.clock import Clock

    clock = Clock(now)
    if recordings:
        return ArxivServer(RecordedRepository(recordings), clock=clock, port=port, strict_s=strict_s)
    papers = generate_papers(count, seed=seed, last=min(LAST, clock.now().date()))
    repository = Repository(Collection(papers, clock=clock), "old" if generation == "old" else "new", page_size)
    return ArxivServer(repository, clock=clock, port=port, strict_s=strict_s)
