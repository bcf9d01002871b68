"""`papers accept`: accept a capture that was refused or is in doubt."""

from __future__ import annotations

from datetime import date, datetime

import click

from cli.arguments import Capture


@click.command()
@click.argument("capture", type=Capture())
def accept(capture: tuple[date, datetime]) -> None:
    """Accept CAPTURE, which validation refused or which is in doubt, and rebuild its month with it.

    CAPTURE is the name in the report of the run, such as 2025-11-06/2025-11-07T031500Z. To list what can be accepted:

    \b
      papers sql "select listed_on, captured_at, fault from captures where is_refused or is_in_doubt"

    The decision is stored with the evidence, so that rebuilds apply it.
    """
    from paperlake.config import read_settings
    from paperlake.operations.accept import accept as accept_capture

    click.echo(accept_capture(read_settings().lake, *capture))
