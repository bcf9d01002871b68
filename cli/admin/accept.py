"""`papers accept`: accept a refused capture."""

from __future__ import annotations

from datetime import date, datetime

import click

from cli.arguments import Capture


@click.command()
@click.argument("capture", type=Capture())
def accept(capture: tuple[date, datetime]) -> None:
    """Accept CAPTURE, which validation refused, and rebuild its month with it.

    CAPTURE is the name in the report of the run, such as 2025-11-06/2025-11-07T031500Z. To list refused captures:

    \b
      papers sql "select listed_on, captured_at, message from rejects where reason = 'capture_refused'"

    The decision is stored with the evidence, so that rebuilds apply it.
    """
    from paperlake.config import read_settings
    from paperlake.operations.accept import accept as accept_capture

    click.echo(accept_capture(read_settings().lake, *capture))
