"""`papers mail-endpoint`: where people confirm and leave."""

from __future__ import annotations

import click


@click.command("mail-endpoint")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8025, show_default=True, type=click.IntRange(1, 65535), help="The port to listen at.")
def mail_endpoint(host: str, port: int) -> None:
    """Serve the pages on which people confirm and leave an edition, until Ctrl-C.

    It speaks plain HTTP: put a reverse proxy with a certificate before it, at PAPERLAKE_PUBLIC_URL, and let that
    proxy log no paths under /confirm and /unsubscribe, for there are tokens in them. This command logs none.
    """
    from datetime import UTC, datetime

    from paperlake.config import settings
    from paperlake.mail.database import ReaderDatabase
    from paperlake.mail.endpoint import endpoint
    from paperlake.mail.endpoint_server import serve
    from paperlake.mail.subscribers import Subscribers

    said = settings()
    with ReaderDatabase(said.state) as database:
        public = (
            f", for {said.public_url}"
            if said.public_url
            else "; PAPERLAKE_PUBLIC_URL is not set, so no letter leads here"
        )
        click.echo(f"listening at http://{host}:{port}{public}", err=True)
        serve(endpoint(Subscribers(database), lambda: datetime.now(UTC)), host, port)
