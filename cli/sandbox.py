"""`papers sandbox`: servers on loopback that behave as the sources do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cli.arguments import Instant


@click.group()
def sandbox() -> None:
    """Servers on loopback that behave as the sources do, for trying things offline."""


@sandbox.command("hub")
@click.option("--port", type=int, default=8765, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option(
    "--recordings",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve recorded answers, DATE.json or DATE/INSTANT.json, instead of generated ones.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another invented world.")
@click.option("--papers-a-day", type=int, default=30, show_default=True, help="The mean of the invented lists.")
@click.option("--now", type=Instant(), help="Stand still at this instant instead of following the real time.")
@click.option("--quota", type=int, default=500, show_default=True, help="Requests per 5 minutes; 0 for no limit.")
@click.option(
    "--faults", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A JSON list of faults to play."
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
    """Serve Daily Papers as the Hub does: pages, weekends, limits, lists that grow and votes that move.

    \b
      papers sandbox hub
      PAPERLAKE_HUB_URL=http://127.0.0.1:8765 PAPERLAKE_ROOT=./try papers daily
    """
    from sandbox.clock import Clock
    from sandbox.faults import faults_from_json
    from sandbox.generated import GeneratedHub
    from sandbox.hub import HubServer
    from sandbox.recorded import RecordedHub

    world = RecordedHub(recordings) if recordings else GeneratedHub(seed=seed, papers_a_day=papers_a_day)
    try:
        script = faults_from_json(faults.read_text(encoding="utf-8")) if faults else ()
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--faults") from wrong
    server = HubServer(world, clock=Clock(now), quota=quota or None, port=port, faults=script)
    click.echo(f"serving {'recorded' if recordings else 'invented'} lists at {server.url}; stop with Ctrl-C")
    server.serve_forever()
