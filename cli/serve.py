"""`papers serve`: the schedules, in one process."""

from __future__ import annotations

import click


@click.command()
def serve() -> None:
    """Run every deployment on its schedule, until Ctrl-C.

    At its start it runs `daily` once, for what was missed. It uses the Prefect API that is configured
    (PREFECT_API_URL, or the profile); where none is, it starts a server of its own on loopback and stops it
    again. For a worker instead: `prefect deploy --all`, then `prefect worker start --pool paperlake`.
    """
    from flows.serving import serve as serve_all
    from flows.settings import settings

    serve_all(settings(), lambda said: click.echo(said, err=True))
