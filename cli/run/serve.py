"""`papers serve`: run all schedules in one process."""

from __future__ import annotations

import click


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port of the Prefect server that it starts; default: a free one."
)
def serve(port: int | None) -> None:
    """Run every deployment on its schedule, until Ctrl-C (or SIGTERM, or SIGHUP).

    At its start it runs `daily` once to catch up, and marks interrupted runs as ended. It uses the Prefect API of
    PREFECT_API_URL; without that setting it starts its own server on loopback, restarts it if it fails, and stops it
    at the end. Its Prefect home is in the state folder; it ignores Prefect profiles. To use a worker instead:
    `prefect deploy --all`, then `prefect worker start --pool paperlake`.
    """
    from paperlake.config import read_settings
    from paperlake.serve_state import use_own_prefect_home

    settings = read_settings()
    if port and settings.prefect_api:
        raise click.UsageError("--port sets the port of a server that serve starts, but PREFECT_API_URL names another")
    use_own_prefect_home(settings)  # Prefect reads its home when it is imported
    from flows.serve import serve as serve_all

    serve_all(settings, lambda line: click.echo(line, err=True), port)
