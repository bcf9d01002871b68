"""`papers mail-endpoint`: serve the confirm and unsubscribe pages."""

from __future__ import annotations

import click


@click.command("mail-endpoint")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8025, show_default=True, type=click.IntRange(1, 65535), help="The port to listen at.")
def mail_endpoint(host: str, port: int) -> None:
    """Serve the pages on which readers confirm or end a subscription, until Ctrl-C.

    It speaks plain HTTP: put a TLS reverse proxy in front of it, at PAPERLAKE_PUBLIC_URL. Configure the proxy not to
    log paths under /confirm and /unsubscribe, because they contain tokens. This command logs none.
    """
    from datetime import UTC, datetime

    from paperlake.config import read_settings
    from paperlake.mail.database import ReaderDatabase
    from paperlake.mail.endpoint import create_app
    from paperlake.mail.endpoint_server import serve
    from paperlake.mail.subscribers import Subscribers

    settings = read_settings()
    with ReaderDatabase(settings.state) as database:
        public = (
            f", for {settings.public_url}"
            if settings.public_url
            else "; PAPERLAKE_PUBLIC_URL is not set, so no letter links to it"
        )
        click.echo(f"listening at http://{host}:{port}{public}", err=True)
        serve(create_app(Subscribers(database), lambda: datetime.now(UTC)), host, port)
