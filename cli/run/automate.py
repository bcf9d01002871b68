"""`papers automate`: let a Prefect server notice that nothing runs."""

from __future__ import annotations

import click


@click.command()
def automate() -> None:
    """Let the Prefect server run doctor when no daily run has completed for 26 hours.

    For a server of your own, after `prefect deploy --all`: it registers one automation (and only one, however often
    you call it). `papers serve` does this by itself. Notifications of the failed doctor are for your server to send.
    """
    from flows.automations import AUTOMATION
    from flows.automations import automate as register
    from paperlake.config import settings

    api = settings().prefect_api
    if api is None:
        raise click.UsageError("set PREFECT_API_URL to the server that runs the deployments")
    register(api)
    click.echo(f"{api.removesuffix('/api')} watches: {AUTOMATION!r} runs doctor")
