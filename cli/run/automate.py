"""`papers automate`: register the automation that runs doctor when daily runs stop."""

from __future__ import annotations

import click


@click.command()
def automate() -> None:
    """Make the Prefect server run doctor when no daily run has completed for 26 hours.

    For your own server, after `prefect deploy --all`. The command registers one automation; calling it again changes
    nothing. `papers serve` registers it by itself. Configure your server to notify you when doctor fails.
    """
    from flows.automations import AUTOMATION, register_automation
    from paperlake.config import read_settings

    api = read_settings().prefect_api
    if api is None:
        raise click.UsageError("set PREFECT_API_URL to the server that runs the deployments")
    register_automation(api)
    click.echo(f"registered at {api.removesuffix('/api')}: automation {AUTOMATION!r} runs doctor")
