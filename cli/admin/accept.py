"""`papers accept`: let a refused capture in."""

from __future__ import annotations

from datetime import date, datetime

import click

from cli.arguments import Capture


@click.command()
@click.argument("capture", type=Capture())
def accept(capture: tuple[date, datetime]) -> None:
    """Let in CAPTURE, which the judge has set aside, and build its month with it.

    CAPTURE is the name that the refusing run told, such as 2025-11-06/2025-11-07T031500Z. To list them:

    \b
      papers sql "select listed_on, captured_at, message from rejects where reason = 'capture_refused'"

    The decision is kept with the evidence: rebuilding honours it.
    """
    from paperlake.config import settings
    from paperlake.operations.accept import accept as decide

    click.echo(decide(settings().lake, *capture))
