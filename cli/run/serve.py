"""`papers serve`: the schedules, in one process."""

from __future__ import annotations

import click


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Of the Prefect server that it starts; a free one.")
def serve(port: int | None) -> None:
    """Run every deployment on its schedule, until Ctrl-C (or SIGTERM, or SIGHUP).

    At its start it runs `daily` once, for what was missed, and ends runs that were interrupted. It uses the Prefect
    API that PREFECT_API_URL names; where none is, it starts a server of its own on loopback, minds it, and stops it
    again. Its Prefect home is in the state folder; Prefect profiles are not asked. For a worker instead:
    `prefect deploy --all`, then `prefect worker start --pool paperlake`.
    """
    from paperlake.config import settings
    from paperlake.serve_state import enter

    in_force = settings()
    if port and in_force.prefect_api:
        raise click.UsageError("--port is of the server that serve starts, but PREFECT_API_URL names another")
    enter(in_force)  # Prefect reads it when it is imported
    from flows.serve import serve as serve_all

    serve_all(in_force, lambda line: click.echo(line, err=True), port)
